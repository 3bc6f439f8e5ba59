"""What an operator does next when a test of a channel failed."""

from django.utils.translation import gettext
from django.utils.translation import gettext_noop as _

from channels_app.failures import Cause

ADVICE = {
    Cause.CREDENTIAL: _("Enter another key, or look after the account at the provider."),
    Cause.RATE_LIMITED: _("The provider wants fewer calls: wait a minute, or add a key."),
    Cause.OVERLOADED: _("The provider has trouble of its own: test again in a few minutes."),
    Cause.NETWORK: _("Look whether base URL and proxy are right, and reachable from here."),
    Cause.TIMEOUT: _("Test again; if it stays so, raise the time limits or look at the proxy."),
}
OTHERWISE = _("Test another model, or fetch the provider's list to see which it serves.")


def advise(cause: Cause | None) -> str:
    """In the reader's language."""
    return gettext(ADVICE.get(cause, OTHERWISE) if cause else OTHERWISE)
