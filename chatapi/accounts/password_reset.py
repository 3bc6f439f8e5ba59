"""A link by mail that lets somebody set a new password."""

import secrets

from django.contrib.auth.tokens import default_token_generator
from django.db import transaction
from django.urls import reverse
from django.utils import translation
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode
from django.utils.translation import gettext as _

from chatapi.accounts.letters import send_letter
from chatapi.accounts.models import User
from chatapi.accounts.names import fold_name
from chatapi.accounts.people import change_password, find_by_name

PASSWORD_BYTES = 12


def find_mailbox_owner(email: str) -> User | None:
    """Whose proven address this is; a user name that looks like one does not count."""
    user = find_by_name(email)
    if user is None or not user.is_active or fold_name(user.email) != fold_name(email):
        return None
    return user


def set_password_by_link(email: str, link: str) -> str | None:
    """A new password for whom this link was mailed to; also its last part alone is one. None for a
    link that is wrong, used or too old.
    """
    owner = find_mailbox_owner(email)
    if owner is None:
        return None
    token = link.strip().rstrip("/").rpartition("/")[2]
    with transaction.atomic():
        # A second one at the same moment sees the new password, for which the link is none.
        user = User.objects.select_for_update().get(pk=owner.pk)
        if not default_token_generator.check_token(user, token):
            return None
        password = secrets.token_urlsafe(PASSWORD_BYTES)
        change_password(user, password)
    return password


def mail_reset_link(user_id: int, language: str, site: str) -> None:
    """`site` is our address; without one the letter tells only the path. The link is good for
    PASSWORD_RESET_TIMEOUT, and dies with the old password, the next sign-in or a change of the
    address. Raises LetterNotSent.
    """
    user = User.objects.filter(pk=user_id, is_active=True).exclude(email="").first()
    if user is None:
        return
    path = reverse(
        "reset_password_by_link",
        args=[
            urlsafe_base64_encode(force_bytes(user.pk)),
            default_token_generator.make_token(user),
        ],
    )
    with translation.override(language):
        context = {"link": site and site + path, "path": path, "username": user.username}
        send_letter("reset", user.email, _("Set a new password"), context)
