"""Mails the links for new passwords that are owed: at least once, also when a worker is killed."""

import time
from datetime import timedelta

import structlog
from django.db.models import F
from django.utils import timezone

from chatapi.accounts.letters import LetterNotSent
from chatapi.accounts.models import OwedLink
from chatapi.accounts.password_reset import mail_reset_link

HOLD = timedelta(minutes=1)
"""Longer than a mail server is waited for: so long nobody else takes the same one."""
FIRST_PAUSE_SECONDS = 30
MOST_ATTEMPTS = 4
"""Who waits longer for a link asks for another one."""
ROUND_SECONDS = 10.0

log = structlog.get_logger("letters")


def mail_owed_links() -> int:
    """Returns how many were mailed, or were nobody's. Safe to run twice at once."""
    end = time.monotonic() + ROUND_SECONDS
    mailed = 0
    due = OwedLink.objects.filter(next_try_at__lte=timezone.now()).order_by("next_try_at")
    for row in list(due[:100]):
        if time.monotonic() > end:
            break
        mailed += _mail(row)
    return mailed


def _mail(row: OwedLink) -> bool:
    ours = OwedLink.objects.filter(pk=row.pk, next_try_at=row.next_try_at)
    if not ours.update(next_try_at=timezone.now() + HOLD, attempts=F("attempts") + 1):
        return False
    own = OwedLink.objects.filter(pk=row.pk)
    try:
        mail_reset_link(row.user_id or 0, row.language, row.site)
    except LetterNotSent:
        if row.attempts + 1 < MOST_ATTEMPTS:
            pause = timedelta(seconds=FIRST_PAUSE_SECONDS << row.attempts)
            own.update(next_try_at=timezone.now() + pause)
        else:
            log.warning("link_given_up", user=row.user_id)
            own.delete()
        return False
    own.delete()
    return True
