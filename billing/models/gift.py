"""Who had a gift for a new account."""

from django.db import models


class GiftClaim(models.Model):
    """A mailbox or an account elsewhere that somebody's account here had. It outlives that account:
    what new accounts get, nobody gets by opening one after the other.
    """

    identity_hash = models.CharField(max_length=64, primary_key=True)

    def __str__(self) -> str:
        return self.identity_hash
