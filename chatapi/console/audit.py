"""Writes the audit log, in the transaction of the act that it tells of."""

from collections.abc import Mapping
from typing import Any

from django.db.models import Model
from django.http import HttpRequest

from chatapi.console.models import AuditEntry
from chatapi.lib.request_address import REQUEST_ID, request_address, session_mark

SYSTEM = "system"


def record_act(
    action: str,
    *,
    request: HttpRequest | None = None,
    target: Model | None = None,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    note: str = "",
) -> AuditEntry:
    """`action` is `noun.verb`; `before` and `after` hold what changed, fit for JSON and without
    secrets. Without a request the system, or a command, is the actor.
    """
    user: Any = getattr(request, "user", None)
    actor = user if user is not None and user.is_authenticated else None
    return AuditEntry.objects.create(
        actor_id=actor.pk if actor else None,
        actor_name=actor.get_username() if actor else SYSTEM,
        address=request_address(request) if request else "",
        session=session_mark(request),
        request_id=request.META.get(REQUEST_ID, "") if request else "",
        action=action,
        object_type=target._meta.label if target else "",
        object_id=str(target.pk) if target else "",
        object_name=str(target)[:200] if target else "",
        before=dict(before or {}),
        after=dict(after or {}),
        note=note,
    )
