"""Epay (易支付): forms signed with MD5 over sorted parameters, and notices signed the same way.

The protocol of `submit.php`, of its notices, and of `api.php?act=order`, as the many gateways of
this kind share it.
"""

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from ipaddress import ip_address
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from django.utils.translation import gettext_lazy as _

from billing.models import Order
from billing.payments.gateways.base import Checkout, Places, Way
from billing.payments.notice import (
    GatewayFailed,
    NotConfigured,
    Notice,
    NoticeRefused,
    Told,
    keep_fields,
)
from chatapi.lib.posting import Letter, NoAnswer, PostRefused, send
from chatapi.options.secret_options import read_secret
from chatapi.options.snapshot import read_values

NAME = "epay"
METHODS = {"alipay": ("YzfZfb", _("Alipay")), "wxpay": ("YzfWx", _("WeChat Pay"))}
"""`type` of the protocol -> the option that offers it, and its name."""
SUCCESS = "TRADE_SUCCESS"
KEPT = ("pid", "trade_no", "out_trade_no", "type", "money", "trade_status", "sign_type")
LEAST_KEY = 8
MOST_PARAMETERS = 40


def sign(parameters: Mapping[str, str], key: str) -> str:
    """MD5 in lower-case hex of `a=1&b=2KEY`: sorted by name, without empty values, `sign` and
    `sign_type`, and nothing escaped.
    """
    text = "&".join(
        f"{name}={parameters[name]}"
        for name in sorted(parameters)
        if parameters[name] and name not in {"sign", "sign_type"}
    )
    # What the protocol demands; that the key comes last keeps it from being extended.
    return hashlib.md5((text + key).encode(), usedforsecurity=False).hexdigest()


@dataclass(frozen=True, slots=True, repr=False)
class Epay:
    """The operator's account at an Epay gateway."""

    address: str
    merchant: str
    key: str
    name: str = NAME
    currency: str = "CNY"
    factor: Decimal = Decimal(1)
    digits: int = 2

    def begin(self, order: Order, places: Places) -> Checkout:
        fields = {
            "pid": self.merchant,
            "type": order.method,
            "out_trade_no": order.number,
            "notify_url": places.notify_url,
            "return_url": places.return_url,
            "name": f"API credit {order.usd} USD",
            "money": f"{order.money:.2f}",
            "device": "pc",
            "sign_type": "MD5",
        }
        return Checkout(f"{self.address}/submit.php", {**fields, "sign": sign(fields, self.key)})

    def read_notice(self, pairs: Sequence[tuple[str, str]]) -> Notice:
        """Raises NoticeRefused unless every parameter is there once and signed by the gateway."""
        values = dict(pairs)
        number = values.get("out_trade_no", "")[:64]
        if len(values) != len(pairs) or len(pairs) > MOST_PARAMETERS:
            raise NoticeRefused("repeated_parameter", number)
        if values.get("sign_type", "MD5") != "MD5":
            raise NoticeRefused("sign_type", number)
        expected = sign(values, self.key)
        if not hmac.compare_digest(expected.encode(), values.get("sign", "").encode()):
            raise NoticeRefused("signature", number)
        return self._notice(values, is_paid=values.get("trade_status") == SUCCESS)

    def ask(self, order: Order) -> Notice | None:
        if not is_safe_to_ask(self.address):
            # Its answer is not signed: who could change it on the way could pay with it.
            return None
        values = self._ask({"act": "order", "out_trade_no": order.number})
        if str(values.get("code")) != "1" or str(values.get("out_trade_no")) != order.number:
            return None
        texts = {name: str(value) for name, value in values.items() if value is not None}
        return self._notice(texts, is_paid=texts.get("status") == "1")

    def _notice(self, values: Mapping[str, str], *, is_paid: bool) -> Notice:
        return Notice(
            gateway=NAME,
            told=Told.PAID if is_paid else Told.WAITING,
            number=values.get("out_trade_no", "")[:64],
            trade=values.get("trade_no", "")[:120],
            merchant=values.get("pid", ""),
            method=values.get("type", ""),
            money=read_money(values.get("money", "")),
            data=keep_fields(values, KEPT),
        )

    def _ask(self, query: Mapping[str, str]) -> dict[str, Any]:
        # The key is part of the address here: nothing of it may come into a message.
        secret = {"pid": self.merchant, "key": self.key}
        try:
            url = f"{self.address}/api.php?{urlencode({**query, **secret})}"
            answer = send(Letter(url, method="GET"), is_trusted=True)
            found = json.loads(answer.body) if answer.status == 200 else None
        except (PostRefused, NoAnswer, ValueError, RecursionError) as error:
            raise GatewayFailed(type(error).__name__) from None
        if not isinstance(found, dict):
            raise GatewayFailed(f"HTTP {answer.status}")
        return found


def read_epay(values: Mapping[str, Any] | None = None) -> Epay:
    """From the options. Raises NotConfigured; a key that is short enough to be guessed is none."""
    values = read_values() if values is None else values
    key = read_secret("EpayKey")
    if not values["PayAddress"] or not values["EpayId"] or len(key) < LEAST_KEY:
        raise NotConfigured(NAME)
    address = values["PayAddress"].rstrip("/").removesuffix("/submit.php")
    return Epay(address, values["EpayId"].strip(), key)


def epay_ways(values: Mapping[str, Any]) -> list[Way]:
    try:
        gateway = read_epay(values)
    except NotConfigured:
        return []
    return [
        Way(NAME, method, label, gateway.currency)
        for method, (option, label) in METHODS.items()
        if values[option]
    ]


def read_pairs(query: str, body: bytes) -> list[tuple[str, str]]:
    """The parameters of a notice, in the query or as a form. Raises NoticeRefused."""
    try:
        text = "&".join(filter(None, (query, body.decode())))
        return parse_qsl(
            text, keep_blank_values=True, errors="strict", max_num_fields=MOST_PARAMETERS
        )
    except ValueError as error:
        raise NoticeRefused("malformed") from error


def read_money(text: str) -> Decimal | None:
    if not text.isascii() or len(text) > 20:
        return None
    try:
        money = Decimal(text)
    except InvalidOperation:
        return None
    return money if money.is_finite() else None


def is_safe_to_ask(address: str) -> bool:
    """Whether an unsigned answer from there can be believed: https, or this very network."""
    parts = urlsplit(address)
    if parts.scheme == "https":
        return True
    try:
        return ip_address(parts.hostname or "").is_private
    except ValueError:
        return parts.hostname == "localhost"
