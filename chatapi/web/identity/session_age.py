"""Ends sessions that are too old or were idle too long, and notes when each was last seen."""

import time
from collections.abc import Callable
from typing import Any

from allauth.usersessions.models import UserSession
from django.contrib.auth import logout
from django.contrib.auth.signals import user_logged_in
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

BEGAN, SEEN = "began_at", "seen_at"
NOTE_EVERY = 120
"""Seconds: a session that is in use is written this often."""
MINUTE, HOUR, DAY = 60, 3600, 24 * 3600


class SessionAgeMiddleware:
    """Users: at most two weeks, and a day without a request; staff: half a day, and an hour."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        user: Any = request.user
        if user.is_authenticated:
            check_age(request, user)
        return self.get_response(request)


def check_age(request: HttpRequest, user: Any) -> None:
    now = int(time.time())
    session = request.session
    began, seen = session.get(BEGAN, now), session.get(SEEN, now)
    longest, idle = (12 * HOUR, HOUR) if user.is_staff else (14 * DAY, DAY)
    if now - began > longest or now - seen > idle:
        logout(request)
        return
    if BEGAN not in session or now - seen >= NOTE_EVERY:
        session[BEGAN], session[SEEN] = began, now
        UserSession.objects.filter(session_key=session.session_key).update(
            last_seen_at=timezone.now()
        )


@receiver(user_logged_in, dispatch_uid="session-age")
def begin_session(request: HttpRequest, **_more: Any) -> None:
    request.session[BEGAN] = request.session[SEEN] = int(time.time())
