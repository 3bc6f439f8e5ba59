"""How credit is set aside and charged."""

from django.utils.translation import gettext_lazy as _

from chatapi.options.definitions.kinds import Definitions, gettext_noop

TAB = gettext_noop("Credit")
OPTIONS: Definitions = {
    "LeaseCapUnits": (
        2_500_000,
        _("Most units that one worker process takes out of a balance at a time."),
        "positive",
    ),
    "HoldOutputTokens": (
        4096,
        _("Output tokens set aside at least for a call that does not limit its output."),
        "positive",
    ),
    "CreditWaitSeconds": (
        3,
        _("Seconds that a call waits for credit held by other calls of the same balance."),
        "whole",
    ),
    "DrainSeconds": (
        5,
        _("Seconds that a provider's answer is still read for its usage after the client left."),
        "whole",
    ),
    "ChargeCutAnswers": (
        True,
        _("Charge what the client received when the provider broke off in the middle."),
        bool,
    ),
}
