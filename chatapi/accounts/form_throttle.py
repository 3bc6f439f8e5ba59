"""How often strangers may use a form, and how often somebody may be sent a mail."""

from datetime import timedelta

from chatapi.accounts.models import FormAttempt
from chatapi.accounts.throttle import HOUR, Limit, count_within

QUARTER = timedelta(minutes=15)
ADDRESS, SUBJECT = ("kind", "address"), ("kind", "subject")

LIMITS: dict[str, tuple[Limit, ...]] = {
    "sign_up": (Limit(30, HOUR, ADDRESS),),
    "mail": (Limit(20, HOUR, ADDRESS), Limit(5, HOUR, SUBJECT)),
    "code": (Limit(60, HOUR, ADDRESS),),
    "second_factor": (Limit(5, QUARTER, SUBJECT), Limit(100, HOUR, ADDRESS)),
    "redeem": (Limit(10, QUARTER, SUBJECT), Limit(100, HOUR, ADDRESS)),
    "foreign": (Limit(60, HOUR, ADDRESS),),
    "wechat": (Limit(5, QUARTER, ADDRESS),),
    # What came back from another site is good once.
    "state": (Limit(1, HOUR, SUBJECT),),
    "telegram": (Limit(1, HOUR, SUBJECT),),
}
"""By kind of form; each counts uses, whether they succeed or not."""


def count_attempt(kind: str, *, address: str, subject: str = "") -> FormAttempt:
    """Counts one use before it is looked at, so that parallel ones can't slip through.

    Raises Throttled.
    """
    attempt = FormAttempt(kind=kind, subject=subject[:64], address=address)
    count_within(LIMITS[kind], attempt)
    return attempt


def forget_attempts(attempt: FormAttempt) -> None:
    """After success, where only failures matter."""
    FormAttempt.objects.filter(kind=attempt.kind, subject=attempt.subject).delete()
