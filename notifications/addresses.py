"""Another address for a user's alerts: used only after a code that was sent there came back. So
nobody can have us write to strangers.
"""

import time
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from chatapi.accounts.mail_codes import is_code_open, make_mail_code, use_mail_code
from chatapi.accounts.models import MailCode, User
from notifications.events import CONFIRM
from notifications.models import AlertSettings, Notice
from notifications.outbox import tell

PENDING = "alert_address"
VALID_SECONDS = 30 * 60
MOST_CODES = 5
A_DAY = timedelta(days=1)


class TooManyCodes(Exception):
    """So many went out in a day that no more do."""


class NothingPending(Exception):
    """No code is waited for: it is too old, or was guessed at too often."""


class WrongCode(Exception):
    """Not the code that was sent."""


def ask_confirmation(session: Any, user: User, address: str) -> None:
    """Sends a code there; raises TooManyCodes."""
    row = mail_confirmation(user, address)
    session[PENDING] = {
        "address": address,
        "code": row.pk,
        "until": int(time.time()) + VALID_SECONDS,
    }


def mail_confirmation(user: User, address: str, subject: str = "") -> MailCode:
    """`subject` as in make_mail_code. Raises TooManyCodes."""
    with transaction.atomic():
        lately = Notice.objects.filter(
            user=user, event=CONFIRM, created_at__gt=timezone.now() - A_DAY
        )
        if lately.count() >= MOST_CODES:
            raise TooManyCodes
        row, code = make_mail_code(PENDING, timedelta(seconds=VALID_SECONDS), subject=subject)
        tell(CONFIRM, {"email": address, "code": code, "user": user.username}, user=user)
    return row


def confirm(session: Any, user: User, code: str) -> None:
    """Raises NothingPending or WrongCode. Tries are counted in the database: requests at the same
    moment read the same session.
    """
    pending = session.get(PENDING)
    if not pending or pending["until"] < time.time() or not is_code_open(pending["code"], PENDING):
        forget_pending(session)
        raise NothingPending
    if not use_mail_code(pending["code"], PENDING, code):
        raise WrongCode
    AlertSettings.objects.update_or_create(user=user, defaults={"email": pending["address"]})
    forget_pending(session)


def read_pending(session: Any) -> str:
    """The address that waits for its code; '' for none."""
    pending = session.get(PENDING)
    return str(pending["address"]) if pending and pending["until"] >= time.time() else ""


def forget_pending(session: Any) -> None:
    session.pop(PENDING, None)
