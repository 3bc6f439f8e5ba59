"""Failed sign-ins to accounts of staff, for the audit log."""

from collections.abc import Mapping
from typing import Any

from django.contrib.auth.signals import user_login_failed
from django.dispatch import receiver
from django.http import HttpRequest

from chatapi.accounts.backends import REFUSAL, SignInRefused
from chatapi.accounts.models import Role, User
from chatapi.console.audit import record_act


@receiver(user_login_failed, dispatch_uid="failed-sign-in")
def record_failed_sign_in(
    credentials: Mapping[str, Any], request: HttpRequest | None = None, **_more: Any
) -> None:
    """Only those that were looked at: throttled ones would fill the log as fast as they come."""
    refusal = request.META.get(REFUSAL) if request else None
    if isinstance(refusal, SignInRefused) and refusal.code in {"throttled", "busy"}:
        return
    name = str(credentials.get("username", ""))[:150]
    user = User.objects.filter(username__iexact=name, role__gte=Role.SUPPORT).first()
    if user is not None:
        record_act("session.refused", request=request, target=user)
