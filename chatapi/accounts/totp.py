"""Codes of authenticator apps (RFC 6238), each good once: also for two requests at the same moment,
and on every node.
"""

from typing import Any

from allauth.mfa import app_settings
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from allauth.mfa.utils import decrypt
from django.db import transaction
from django.utils.crypto import constant_time_compare

from chatapi.lib.database_clock import database_now

USED = "used_counter"


def use_totp_code(factor: Authenticator, code: str) -> bool:
    """Whether the app shows this code now, or did 30 seconds before or after. A step that was used,
    and any before it, is over.
    """
    with transaction.atomic():
        row: Any = Authenticator.objects.select_for_update().filter(pk=factor.pk).first()
        if row is None:
            return False
        secret = decrypt(row.data["secret"])
        for counter in counters_now():
            if counter <= row.data.get(USED, 0):
                continue
            if constant_time_compare(format_hotp_value(hotp_value(secret, counter)), code):
                row.data[USED] = counter
                row.save(update_fields=["data"])
                return True
    return False


def counters_now() -> range:
    """The steps whose codes are good now, by the database's clock: those of people's telephones are
    right, and a node's may be wrong.
    """
    present = int(database_now().timestamp()) // app_settings.TOTP_PERIOD
    tolerance = app_settings.TOTP_TOLERANCE
    return range(present - tolerance, present + tolerance + 1)
