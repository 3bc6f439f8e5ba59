"""Invitation codes: who brought whom."""

import secrets

from django.db import IntegrityError, transaction

from chatapi.accounts.models import User

ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"
"""Nothing that looks alike; no capitals, because MariaDB does not tell them apart."""
LENGTH = 10
MOST = 32


def invitation_code_of(user: User) -> str:
    """The user's own code, made at first need."""
    while not user.invitation_code:
        code = "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))
        try:
            with transaction.atomic():
                without = User.objects.filter(pk=user.pk, invitation_code=None)
                without.update(invitation_code=code)
        except IntegrityError:  # somebody has it: 31^10 codes make that a matter of patience
            continue
        user.refresh_from_db(fields=["invitation_code"])
    return user.invitation_code


def find_inviter(code: str) -> User | None:
    """Whose code this is; older installations have codes of four characters."""
    code = code.strip()
    if not code or len(code) > MOST or not code.isprintable():
        return None
    return User.objects.filter(invitation_code=code, is_active=True).first()
