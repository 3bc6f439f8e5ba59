"""Signing in with a password, with a throttle that no restart forgets."""

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from chatapi.accounts.devices import is_known_device
from chatapi.accounts.first_admin import is_initial_password_too_old
from chatapi.accounts.models import User
from chatapi.accounts.names import hash_name
from chatapi.accounts.password_turns import BUSY, PATIENCE_SECONDS, NoTurn, password_turn
from chatapi.accounts.people import find_by_name
from chatapi.accounts.throttle import Throttled, address_of, begin_attempt, forget_failures

REFUSAL = "chatapi.sign_in_refusal"
"""Where request.META tells the form why: Django's `authenticate` only says no."""


class SignInRefused(PermissionDenied):
    """Not a wrong password: `text` says what to do. Django stops here and signs nobody in."""

    def __init__(self, text: Any, code: str, retry_after: int = 0) -> None:
        super().__init__(code)
        self.text = text
        self.code = code
        self.retry_after = retry_after


class ThrottledBackend(ModelBackend):
    """Refuses while there were too many failures for the account, the address, or both together."""

    def authenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        **kwargs: Any,
    ) -> User | None:
        if username is None or password is None:
            return None
        try:
            return self._sign_in(request, username, password, **kwargs)
        except SignInRefused as refusal:
            if request is not None:
                request.META[REFUSAL] = refusal
            raise

    def _sign_in(
        self, request: HttpRequest | None, username: str, password: str, **kwargs: Any
    ) -> User | None:
        known = find_by_name(username)
        if known is not None:
            # By name or by address, it is one account with one count of failures.
            username = known.username
        # What is nobody's name may be a password in the wrong field: it is not kept.
        account = username[:150].casefold() if known else hash_name(username)
        try:
            attempt = begin_attempt(
                account, address_of(request), is_known_device=is_known_device(request, account)
            )
        except Throttled as error:
            raise SignInRefused(
                format_lazy(
                    _("Too many failed attempts. Please try again in {minutes} min."),
                    minutes=-(-error.retry_after // 60),
                ),
                "throttled",
                error.retry_after,
            ) from error
        try:
            with password_turn():
                user = super().authenticate(request, username=username, password=password, **kwargs)
        except NoTurn as error:
            attempt.delete()
            raise SignInRefused(BUSY, "busy", PATIENCE_SECONDS) from error
        if user is None:
            return None
        if is_initial_password_too_old() and has_initial_password(user):
            raise SignInRefused(
                _(
                    "The initial password works for 24 hours after a start: "
                    "restart the service and change it."
                ),
                "restart",
            )
        forget_failures(attempt)
        return user


def has_initial_password(user: User) -> bool:
    """By the database: a check may have renewed the hash, which lifts the flag in memory."""
    return User.objects.filter(pk=user.pk, must_change_password=True).exists()
