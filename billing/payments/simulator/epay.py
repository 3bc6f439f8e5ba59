"""A simulated Epay gateway: its form, its page, its notices, and its answers to questions.

Written from the protocol alone: it shares no code with the side that it tests.
"""

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.error import URLError
from urllib.parse import urlencode
from urllib.request import urlopen

WAIT_SECONDS = 10


@dataclass(slots=True)
class Trade:
    """What somebody is to pay."""

    fields: dict[str, str]
    number: str = field(default_factory=lambda: f"20261129{secrets.token_hex(8)}")
    is_paid: bool = False


@dataclass(slots=True)
class SimulatedEpay:
    """One merchant; trades by the merchant's order numbers."""

    pid: str
    key: str
    trades: dict[str, Trade] = field(default_factory=dict)

    def submit(self, fields: Mapping[str, str]) -> Trade | None:
        """A form of a customer; None when its signature is wrong."""
        given = dict(fields)
        if given.get("pid") != self.pid or self.sign(given) != given.get("sign"):
            return None
        return self.trades.setdefault(given["out_trade_no"], Trade(given))

    def notice(self, trade: Trade, **changes: str) -> str:
        """The query of a notice that the trade is paid, signed after the changes."""
        values = {
            "pid": self.pid,
            "trade_no": trade.number,
            "out_trade_no": trade.fields["out_trade_no"],
            "type": trade.fields["type"],
            "name": trade.fields["name"],
            "money": trade.fields["money"],
            "trade_status": "TRADE_SUCCESS",
            **changes,
        }
        return urlencode({**values, "sign": self.sign(values), "sign_type": "MD5"})

    def pay(self, number: str) -> str:
        """The customer pays: tells the merchant, and gives where the customer goes back to."""
        trade = self.trades[number]
        trade.is_paid = True
        self.tell(trade)
        back = trade.fields["return_url"]
        return f"{back}{'&' if '?' in back else '?'}{self.notice(trade)}"

    def tell(self, trade: Trade) -> str:
        """What the merchant answers to the notice; '' when it is not there."""
        try:
            url = f"{trade.fields['notify_url']}?{self.notice(trade)}"
            with urlopen(url, timeout=WAIT_SECONDS) as answer:  # noqa: S310 -- an address of ours
                return str(answer.read(100).decode())
        except (URLError, OSError):
            return ""

    def answer(self, query: Mapping[str, str]) -> dict[str, Any]:
        """`api.php?act=order`."""
        trade = self.trades.get(query.get("out_trade_no", ""))
        if query.get("pid") != self.pid or query.get("key") != self.key or trade is None:
            return {"code": -1, "msg": "no such order"}
        names = ("out_trade_no", "type", "name", "money")
        return {
            "code": 1,
            "msg": "ok",
            "trade_no": trade.number,
            "pid": self.pid,
            "status": int(trade.is_paid),
            **{name: trade.fields[name] for name in names},
        }

    def sign(self, fields: Mapping[str, str]) -> str:
        rows = sorted((k, v) for k, v in fields.items() if v and k not in {"sign", "sign_type"})
        text = "&".join(f"{name}={value}" for name, value in rows) + self.key
        return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
