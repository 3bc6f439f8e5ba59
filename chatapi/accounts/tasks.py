"""What may take longer than an answer should, or must not show by its time what there is."""

from contextlib import suppress
from datetime import timedelta
from importlib import import_module

from allauth.usersessions.models import UserSession
from celery import shared_task
from django.conf import settings
from django.utils import timezone
from kombu.exceptions import OperationalError

from chatapi.accounts.models import OwedLink, User
from chatapi.accounts.owed_links import mail_owed_links


@shared_task(name="accounts.mail_links")
def mail_links() -> int:
    return mail_owed_links()


def mail_link_later(user: User | None, language: str, site: str) -> None:
    """By the same steps for nobody."""
    OwedLink.objects.create(user=user, language=language, site=site, next_try_at=timezone.now())
    # The message only says so at once: without it the timetable finds the row.
    with suppress(OperationalError):
        mail_links.apply_async(retry=False)


@shared_task(name="accounts.forget_sessions")
def forget_ended_sessions() -> None:
    """Sessions that nobody can have any more, and their rows in the list."""
    import_module(settings.SESSION_ENGINE).SessionStore.clear_expired()
    oldest = timezone.now() - timedelta(seconds=settings.SESSION_COOKIE_AGE)
    UserSession.objects.filter(last_seen_at__lt=oldest).delete()
