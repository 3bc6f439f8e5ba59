"""What every page of the users' site shows around its content: name, menu, balance, footer."""

from collections.abc import Mapping
from functools import cached_property
from hashlib import sha256
from typing import Any, ClassVar

from django.http import HttpRequest
from django.utils.safestring import SafeString

from billing.balances import leased
from billing.models import Budget
from billing.models.budget import WalletOwner
from chatapi.console.money import forget_rate, remember_rate
from chatapi.options.snapshot import read_values
from chatapi.web.content import Head, read_content, read_head
from chatapi.web.pages.menu import Link, arrange_menu


class Frame:
    """Reads only what a template asks for, each thing once: an error page needs no database."""

    last_name: ClassVar[str] = "Chat API"
    """As this process read it last, for error pages."""

    def __init__(self, request: HttpRequest) -> None:
        self._request = request
        forget_rate()

    @cached_property
    def values(self) -> Mapping[str, Any]:
        """All options; one query."""
        values = read_values()
        remember_rate(values["QuotaPerUnit"])
        Frame.last_name = str(values["SystemName"])
        return values

    @property
    def name(self) -> str:
        return str(self.values["SystemName"])

    @property
    def logo(self) -> str:
        """An address of a picture, or nothing."""
        return str(self.values["Logo"])

    @cached_property
    def menu(self) -> list[tuple[Any, list[Link]]]:
        return arrange_menu(self._request.user, self.values, self._request.path)

    @cached_property
    def _owner(self) -> Any:
        """The signed-in user's wallet with what workers hold of it. In one statement: between two
        a worker may give back what then neither of them counts.
        """
        owners = WalletOwner.objects.filter(user_id=self._request.user.pk or 0)
        return owners.select_related("budget").annotate(held=leased("budget_id")).first()

    @property
    def wallet(self) -> Budget | None:
        """The signed-in user's wallet; None before its first need."""
        return None if self._owner is None else self._owner.budget

    @property
    def wallet_id(self) -> int:
        """0, which no wallet has, before the first need of one."""
        return 0 if self.wallet is None else self.wallet.pk

    @property
    def balance_units(self) -> int:
        """What the signed-in user may still spend."""
        return 0 if self._owner is None else self._owner.budget.remaining + self._owner.held

    @property
    def has_notice(self) -> bool:
        return bool(self._notice)

    @property
    def notice_mark(self) -> str:
        """Changes with the announcement: a new one is shown also to who has seen the last."""
        return sha256(self._notice.encode()).hexdigest()[:12]

    @property
    def may_register(self) -> bool:
        return bool(self.values.get("RegisterEnabled", True))

    @property
    def shows_prices(self) -> bool:
        return bool(self.values["PublicPrices"])

    @property
    def footer(self) -> SafeString | str:
        return read_content(str(self.values["Footer"])).html

    @property
    def head(self) -> Head:
        """Title, description and preview of the site."""
        return read_head(self.values, self.address)

    @cached_property
    def address(self) -> str:
        """The site's, as `chatapi.web.address.site_url` gives it, without a query of its own."""
        own = str(self.values["ServerAddress"]).rstrip("/")
        return own or self._request.build_absolute_uri("/").rstrip("/")

    @property
    def _notice(self) -> str:
        return str(self.values["Notice"]).strip()


def read_frame(request: HttpRequest) -> Frame:
    """The frame of this request, for a view: with the options, so that texts of money come from
    the same.
    """
    frame = _find_frame(request)
    _ = frame.values
    return frame


def add_frame(request: HttpRequest) -> dict[str, Any]:
    """The context processor."""
    return {"frame": _find_frame(request)}


def _find_frame(request: HttpRequest) -> Frame:
    """Made at first need: views and templates share it."""
    frame: Frame | None = getattr(request, "_frame", None)
    if frame is None:
        frame = Frame(request)
        request._frame = frame  # type: ignore[attr-defined] # noqa: SLF001 -- travels with it
    return frame
