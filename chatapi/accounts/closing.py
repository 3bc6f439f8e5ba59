"""Closes an account at its owner's wish: what is personal goes, what is money stays."""

from django.db import transaction

from chatapi.accounts.models import User
from chatapi.accounts.people import delete_user


def close_account(user: User) -> None:
    """The ledger and the usage keep speaking of the user's number. The name and the address stay
    reserved, as hashes, so that nobody else can come in their place. Raises LastRoot.
    """
    with transaction.atomic():
        delete_user(user)
        # No form of sign-up takes a plus, and names from other sites lose theirs: nobody can have
        # taken this one.
        user.username, user.display_name = f"deleted+{user.pk}", ""
        user.save(update_fields=["username", "display_name"])
