"""When two sign-in names are the same."""

import unicodedata
from hashlib import sha256

from django.db import IntegrityError


class NameTaken(IntegrityError):
    """Somebody has this user name or this e-mail address already."""


def fold_name(name: str) -> str:
    """Letters that differ only in case or width are the same, in all scripts."""
    folded = unicodedata.normalize("NFKC", name).strip().casefold()
    return unicodedata.normalize("NFKC", folded)


def hash_name(name: str) -> str:
    return sha256(fold_name(name).encode()).hexdigest()
