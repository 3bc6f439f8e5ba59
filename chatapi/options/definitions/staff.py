"""What the people who work in the console must do besides having a role."""

from django.utils.translation import gettext_lazy as _

from chatapi.options.definitions.kinds import Definitions, gettext_noop

TAB = gettext_noop("Staff")
OPTIONS: Definitions = {
    "StaffMustUseTwoFactor": (
        False,
        _("Nobody enters the console without a second factor: who has none must set one up."),
        bool,
    ),
    "CreditConfirmUsd": (
        100,
        _(
            "From so many dollars on, giving or taking credit asks for the password again. What "
            "one person moved since the last confirmation, within a day, counts together."
        ),
        "whole",
    ),
}
