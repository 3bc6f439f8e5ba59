"""Grave acts by a session: only soon after the password was given. Programs have no session, and
their tokens were made by somebody who gave it.
"""

from typing import Any

from django.utils.translation import gettext as _
from rest_framework import exceptions
from rest_framework.request import Request

from chatapi.accounts.scopes import scopes_of_role
from chatapi.accounts.step_up import is_fresh
from chatapi.web.api.authentication import is_from_our_pages


def has_part_token(request: Request) -> bool:
    """Whether a program asks with a token for a part of what its user may do."""
    bearer: Any = request.auth
    return bearer is not None and bearer.scopes != scopes_of_role(bearer.user.role)


def need_whole_token(request: Request) -> None:
    """A token for a part of what its user may do is no way to the rest. Raises PermissionDenied."""
    if has_part_token(request):
        raise exceptions.PermissionDenied(
            _("Only an access token that may do everything may do this.")
        )


def need_scope(request: Request, scope: str) -> None:
    """What a view needs besides its own scope. Raises PermissionDenied."""
    bearer: Any = request.auth
    if bearer is not None and not bearer.may(scope):
        text = _("The access token does not allow this; it would need “%(scope)s”.")
        raise exceptions.PermissionDenied(text % {"scope": scope})


def need_our_pages(request: Request) -> None:
    """For a GET that changes something: a token in the header, or a proof that our own page asks.
    Raises PermissionDenied.
    """
    if request.auth is None and not is_from_our_pages(request):
        text = _("This changes something: use POST, or an access token.")
        raise exceptions.PermissionDenied(text)


def need_fresh_password(request: Request) -> None:
    """Raises PermissionDenied with the code `confirmation_required`."""
    if request.auth is None and not is_fresh(request):
        raise exceptions.PermissionDenied(
            _("Confirm your password first: sign in again, or open the page in the browser."),
            "confirmation_required",
        )


def need_owner(request: Request) -> None:
    """For what changes who may get in: a token that may do everything, or the password. Raises
    PermissionDenied.
    """
    need_whole_token(request)
    need_fresh_password(request)
