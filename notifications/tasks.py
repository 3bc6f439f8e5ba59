"""Background work of notices. The lease and the claims make each step happen once at a time,
however many timetables ask for it.
"""

from datetime import timedelta

from celery import shared_task
from django.utils import timezone

from notifications.config import read_config
from notifications.models import AlertSettings, Binding, Notice
from notifications.sending import send_due
from notifications.spreading import spread_notices

KEEP = timedelta(days=90)
MOST_AT_ONCE = 5000


@shared_task(name="notifications.send")
def send_notices() -> None:
    config = read_config()
    spread_notices(config)
    send_due(config)


@shared_task(name="notifications.forget")
def forget_notices() -> int:
    """What was told long ago, and where people were reached who are no longer here; returns how
    many notices.
    """
    gone = {"user__deleted_at__isnull": False}
    Binding.objects.filter(**gone).delete()
    AlertSettings.objects.filter(**gone).delete()
    old = Notice.objects.filter(created_at__lt=timezone.now() - KEEP).order_by("pk")
    keys = list(old.values_list("pk", flat=True)[:MOST_AT_ONCE])
    Notice.objects.filter(pk__in=keys).delete()
    return len(keys)
