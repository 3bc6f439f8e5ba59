"""Where every other module says what happened."""

from collections.abc import Mapping

from chatapi.accounts.models import User
from notifications.models import Notice


def tell(
    event: str,
    data: Mapping[str, str | int],
    *,
    user: User | int | None = None,
    reference: str = "",
) -> None:
    """Note, in the current transaction, that `event` is to be told: to a user, or to the operators
    when `user` is None. What has a `reference` is told once, however often it is said.
    """
    values = {
        "event": event,
        "user_id": user.pk if isinstance(user, User) else user,
        "data": dict(data),
    }
    if not reference:
        Notice.objects.create(**values)
        return
    Notice.objects.bulk_create([Notice(reference=reference, **values)], ignore_conflicts=True)
