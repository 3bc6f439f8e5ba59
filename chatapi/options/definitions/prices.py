"""How calls are priced."""

from decimal import Decimal

from django.utils.translation import gettext_lazy as _

from chatapi.options.definitions.kinds import Definitions, gettext_noop

TAB = gettext_noop("Prices")
OPTIONS: Definitions = {
    "QuotaPerUnit": (500_000, _("Quota units in one US dollar."), "positive"),
    "UnpricedModelPolicy": (
        "ratio",
        _("What happens to a call of a model without a price."),
        "unpriced",
    ),
    "UnpricedModelRatio": (
        Decimal(15),
        _("Ratio of a model without a price; ratio 1 is $2 per million tokens."),
        "ratio",
    ),
    "UnpricedCallUsd": (
        Decimal(0),
        _(
            "Dollars per call of models without a price per call, where calls are billed per call; "
            "0: those are billed by quantity."
        ),
        "ratio",
    ),
    "BillingByRequestEnabled": (True, _("Tokens may be billed per call."), bool),
    "ModelRatioEnabled": (
        True,
        _("Tokens may be billed by quantity; off: per call where a price per call is known."),
        bool,
    ),
    "PublicPrices": (
        False,
        _("Everybody may see models and prices, also without an account."),
        bool,
    ),
}
