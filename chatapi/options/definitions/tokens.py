"""What tokens may do and show."""

from django.utils.translation import gettext_lazy as _

from chatapi.options.definitions.kinds import Definitions, gettext_noop

TAB = gettext_noop("Tokens")
OPTIONS: Definitions = {
    "TokenConcurrency": (
        0,
        _("Calls at the same time per token, unless the token says otherwise; 0: no limit."),
        "whole",
    ),
    "TokenRequestsPerMinute": (
        0,
        _("Calls per minute of each token, unless the token says otherwise; 0: no limit."),
        "whole",
    ),
    "TokenRevealEnabled": (
        False,
        _("Keep an encrypted copy of new token keys, so that owners can see them again."),
        bool,
    ),
    "DisplayInCurrencyEnabled": (
        True,
        _("Billing endpoints answer in dollars instead of units."),
        bool,
    ),
    "DisplayTokenStatEnabled": (
        True,
        _("Billing endpoints show the token instead of its user."),
        bool,
    ),
    "UserGroupEnabled": (
        False,
        _("Users choose a group for each token, from the groups that are open to them."),
        bool,
    ),
}
