"""The codes that notices are kept with, as operators read them."""

from typing import Any

from django.utils.translation import gettext_lazy as _

SOURCES: dict[str, Any] = {
    "notify": _("notice of the gateway"),
    "query": _("answer to our question"),
    "operator": _("by hand"),
}
REASONS: dict[str, Any] = {
    "paid": _("it was paid"),
    "waiting": _("not paid yet"),
    "failed": _("it will not be paid"),
    "refunded": _("it was refunded"),
    "paid_again": _("it was paid once more, with another payment"),
    "inquiry": _("the payer's bank asks about it"),
    "disputed": _("the payer disputes it"),
    "dispute_won": _("the dispute was won"),
    "completed": _("completed by hand"),
    "amount": _("another amount than the order's"),
    "merchant": _("another merchant than the order's"),
    "method": _("another method than the order's"),
    "currency": _("another currency than the order's"),
    "gateway": _("another gateway than the order's"),
    "session": _("another checkout than the order's"),
    "trade": _("without a number of the payment"),
    "trade_used": _("this payment has paid another order"),
    "signature": _("the signature is wrong"),
    "sign_type": _("signed in another way than MD5"),
    "repeated_parameter": _("a parameter comes twice"),
    "malformed": _("it can't be read"),
}


def read_source(code: str) -> str:
    return str(SOURCES.get(code, code))


def read_reason(code: str) -> str:
    return str(REASONS.get(code, code))
