"""Ends the sessions of a user, on all nodes at once."""

from importlib import import_module
from typing import Any

from django.apps import apps
from django.conf import settings
from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.base import SessionBase
from django.db import transaction
from django.db.models import F

from chatapi.accounts.models import User
from chatapi.options.feed import publish

LISTED = "usersessions.UserSession"


def end_sessions(user: User, keep: SessionBase | str = "") -> None:
    """Every session of the user is over with its next request, but for the one to keep.

    Each request reads the user's row and compares the stamp in it, so no node needs to be told.
    Within a request give `request.session` itself: its key alone would be overwritten when the
    request saves what it holds.
    """
    with transaction.atomic():
        User.objects.filter(pk=user.pk).update(session_stamp=F("session_stamp") + 1)
        # What stands for a key in a browser is over, too (`chatapi.accounts.stand_in`).
        publish(User.feed_topic, user.pk)
        user.refresh_from_db(fields=["session_stamp", "password"])
        kept = _renew(user, keep) if keep else ""
        _forget_listed(user, kept)


def _renew(user: User, keep: SessionBase | str) -> str:
    """Lets the session go on under the new stamp; the key of it, empty if it is none of theirs."""
    session: Any = keep if isinstance(keep, SessionBase) else _store()(session_key=keep)
    if session.get(SESSION_KEY) != str(user.pk):
        return ""
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.save()
    return str(session.session_key)


def _forget_listed(user: User, kept: str) -> None:
    """What the page of sessions lists is really gone, rather than only refused."""
    if not apps.is_installed("allauth.usersessions"):
        return
    model: Any = apps.get_model(LISTED)
    listed = model.objects.filter(user=user)
    for row in listed.exclude(session_key=kept):
        _store()(session_key=row.session_key).delete()
        row.delete()


def _store() -> Any:
    return import_module(settings.SESSION_ENGINE).SessionStore
