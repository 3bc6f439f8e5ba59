"""Second factors: who has one, is a code right, and how an operator takes a lost one away."""

from typing import Any

from django.apps import apps
from django.db import transaction

from chatapi.accounts.models import Role, User
from chatapi.accounts.totp import use_totp_code

CODES = ("totp", "recovery_codes")
SECOND_FACTORS = ("totp", "webauthn")
OPTION = "StaffMustUseTwoFactor"
LONGEST = 64


def has_second_factor(user: User) -> bool:
    """Codes of an app; passkeys do not count here, because no form can ask for one."""
    return _installed() and _factors(user).filter(type="totp").exists()


def check_code(user: User, code: str) -> bool:
    """A code of the app, or one of the recovery codes; each works once."""
    text = code.strip().replace(" ", "")[:LONGEST]
    if not text or not _installed():
        return False
    for factor in _factors(user).filter(type__in=CODES).order_by("-type"):
        is_right = (
            use_totp_code(factor, text)
            if factor.type == "totp"
            else factor.wrap().validate_code(text)
        )
        if is_right:
            factor.record_usage()
            return True
    return False


def lacks_required_factor(user: User) -> bool:
    """Whether staff must have a second factor, by the option, and this one has none: neither an app
    nor a passkey.
    """
    from constance.utils import get_values_for_keys  # noqa: PLC0415 -- needs the app registry

    if user.role < Role.SUPPORT or user.is_service:
        return False
    if not get_values_for_keys([OPTION])[OPTION] or not _installed():
        return False
    return not _factors(user).filter(type__in=SECOND_FACTORS).exists()


def remove_second_factors(user: User) -> int:
    """All of them, passkeys too; how many there were."""
    if not _installed():
        return 0
    with transaction.atomic():
        found = _factors(user)
        count: int = found.count()
        found.delete()
    return count


def _installed() -> bool:
    return apps.is_installed("allauth.mfa")


def _factors(user: User) -> Any:
    model: Any = apps.get_model(FACTOR)
    return model.objects.filter(user=user)


FACTOR = "mfa.Authenticator"
