"""Who uses a client's application, told to a provider of another dialect. Pure.

Each dialect has limits of its own for it: what does not fit becomes its hash, which is as stable.
"""

import re
from hashlib import sha256

MOST_LENGTH = 64
"""OpenAI refuses a longer `user`; Claude Code sends more than twice as much."""
_PHONE = re.compile(r"(?<![0-9A-Za-z])\+?\d(?:[ ().-]{0,2}\d){6,14}(?![0-9A-Za-z])")


def short_user(user: str) -> str:
    return user if len(user) <= MOST_LENGTH else _hash(user)


def nameless_user(user: str) -> str:
    """For Claude, which refuses e-mail addresses and phone numbers:
    https://platform.claude.com/docs/en/api/messages/create
    """
    short = short_user(user)
    return _hash(user) if "@" in short or _PHONE.search(short) else short


def _hash(user: str) -> str:
    return sha256(user.encode("utf-8", "replace")).hexdigest()
