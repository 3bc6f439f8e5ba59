"""Six digits by mail, which prove who reads a mailbox."""

import secrets
from datetime import timedelta

from django.db.models import F, QuerySet
from django.utils import timezone
from django.utils.crypto import constant_time_compare, salted_hmac

from chatapi.accounts.models import MailCode

GOOD_FOR = timedelta(minutes=10)
MOST_TRIES = 5
SALT = "chatapi.mail_code"


def make_mail_code(
    purpose: str, good_for: timedelta = GOOD_FOR, *, subject: str = ""
) -> tuple[MailCode, str]:
    """A row, and the digits to mail; only their hash is kept. Of a subject only the newest code is
    good.
    """
    now = timezone.now()
    if subject:
        MailCode.objects.filter(purpose=purpose, subject=subject).delete()
    MailCode.objects.filter(expires_at__lt=now - timedelta(days=1)).delete()
    digits = f"{secrets.randbelow(1_000_000):06d}"
    row = MailCode.objects.create(
        purpose=purpose, subject=subject, code_hash="", expires_at=now + good_for
    )
    row.code_hash = hash_digits(row, digits)
    row.save(update_fields=["code_hash"])
    return row, digits


def is_code_open(pk: int, purpose: str) -> bool:
    """Whether it may still be typed: not used, not too old, not guessed at too often."""
    return find_open(pk, purpose).filter(tries__lt=MOST_TRIES).exists()


def use_mail_code(pk: int, purpose: str, digits: str) -> bool:
    """Whether these are the digits; a code that was right is used up.

    Each try is counted before it is looked at, so that tries at the same moment can't be more than
    five.
    """
    open_codes = find_open(pk, purpose)
    if not open_codes.filter(tries__lt=MOST_TRIES).update(tries=F("tries") + 1):
        return False
    row = MailCode.objects.get(pk=pk)
    if not constant_time_compare(row.code_hash, hash_digits(row, digits.strip())):
        return False
    return bool(open_codes.update(used_at=timezone.now()))


def use_code_of(subject: str, purpose: str, digits: str) -> bool:
    """As use_mail_code, where no session remembers which code it was. `subject` is not empty."""
    codes = MailCode.objects.filter(purpose=purpose, subject=subject).order_by("-pk")
    pk = codes.values_list("pk", flat=True).first()
    return pk is not None and use_mail_code(pk, purpose, digits)


def find_open(pk: int, purpose: str) -> QuerySet[MailCode]:
    return MailCode.objects.filter(
        pk=pk, purpose=purpose, used_at=None, expires_at__gt=timezone.now()
    )


def hash_digits(row: MailCode, digits: str) -> str:
    """Bound to its row and to this installation's secret: there are only a million codes."""
    return salted_hmac(f"{SALT}.{row.pk}", digits, algorithm="sha256").hexdigest()
