"""How credit is sold, by what means, and what follows a recharge."""

from decimal import Decimal

from django.utils.translation import gettext_lazy as _

from chatapi.options.definitions.kinds import Definitions, gettext_noop

TAB = gettext_noop("Payment")
OPTIONS: Definitions = {
    "TopupRatio": (
        '{"30": 7.3, "90": 7.3, "365": 7.3, "-1": 7.3}',
        _("Price of one dollar of credit, by its days of validity; -1: it never expires."),
        "days_table",
    ),
    "TopupGroupRatio": (
        '{"default": 1, "vip": 1, "svip": 1}',
        _("Factor of the price, by the user's group; missing or 0: 1."),
        "factors_table",
    ),
    "TopupAmountEnabled": (
        False,
        _("Sell only the quantities of TopupAmount, at their discount."),
        bool,
    ),
    "TopupAmount": (
        "{}",
        _('Factor of the price, by dollars bought: {"10": 1, "100": 0.9}.'),
        "quantities_table",
    ),
    "TopupRatioEnabled": (True, _("Tell the price of each validity to other programs."), bool),
    "TopupMinimum": (1, _("Fewest dollars of credit in one order."), "positive"),
    "TopupMaximum": (10_000, _("Most dollars of credit in one order."), "positive"),
    "Price": (
        Decimal("7.3"),
        _("Price of one dollar that is told to other programs; nothing is sold by it."),
        "ratio",
    ),
    "TopUpLink": ("", _("Address of a shop for redemption codes."), "address"),
    "RedempTionCount": (
        30,
        _("Days of validity of redeemed credit, unless the codes say otherwise; -1: for ever."),
        "days",
    ),
    "LotWarningDays": (
        "7,1",
        _("Days before the end of credit at which its owner is told, as a comma list."),
        "line",
    ),
    "PayAddress": ("", _("Epay: address of the gateway; empty: off."), "address"),
    "EpayId": ("", _("Epay: merchant number (pid)."), "line"),
    "EpayKey": ("", _("Epay: merchant key; at least 8 characters."), "secret"),
    "YzfZfb": (True, _("Epay: offer Alipay."), bool),
    "YzfWx": (True, _("Epay: offer WeChat Pay."), bool),
    "StripeSecretKey": ("", _("Stripe: secret or restricted key; empty: off."), "secret"),
    "StripeWebhookSecret": ("", _("Stripe: signing secret of the webhook (whsec_…)."), "secret"),
    "StripeCurrency": ("cny", _("Stripe: currency that is charged."), "currency"),
    "StripeFactor": (
        Decimal(1),
        _("Stripe: price in that currency for each 1 of the price list."),
        "factor",
    ),
    "StripeApiAddress": ("https://api.stripe.com", _("Stripe: address of its API."), "address"),
    "GroupEnable": (
        True,
        _("The first recharge moves a user from the group UserGroup to VipUserGroup."),
        bool,
    ),
    "VipUserGroup": ("default", _("Group of users who have recharged."), "line"),
    "ProporTions": (
        Decimal(10),
        _("Percent of each recharge that its user's inviter gets; 0: none, and no withdrawals."),
        "percent",
    ),
    "MiniQuota": (
        Decimal(1),
        _("Fewest dollars of commission in one transfer or withdrawal."),
        "ratio",
    ),
}
