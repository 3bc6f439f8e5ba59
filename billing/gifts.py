"""Gifts for new accounts, once for each person that can be told apart."""

from collections.abc import Iterable

from billing.models import GiftClaim


def claim_gifts(hashes: Iterable[str]) -> bool:
    """Whether all of these, hashes of mailboxes and of accounts elsewhere, are here for the first
    time. Inside the caller's transaction; of two at once the second waits for the first.
    """
    seen = [GiftClaim.objects.get_or_create(pk=one)[1] for one in sorted(set(hashes))]
    return all(seen)
