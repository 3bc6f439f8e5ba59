"""The zone of who looks at a page: frame.js tells it in a cookie, because browsers send none."""

import re
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

from django.http import HttpRequest
from django.utils import timezone

COOKIE = "timezone"
FIRST = datetime.min.replace(tzinfo=UTC) + timedelta(days=1)
LAST = datetime.max.replace(tzinfo=UTC) - timedelta(days=1)
NAME = re.compile(r"[A-Za-z0-9_+\-]{1,32}(/[A-Za-z0-9_+\-]{1,32}){0,2}")


def viewer_zone(request: HttpRequest) -> tzinfo:
    """The browser's zone; the server's until the browser has told."""
    name = request.COOKIES.get(COOKIE, "").replace("%2F", "/")
    return _find_zone(name) or timezone.get_default_timezone()


def start_of_day(moment: datetime, zone: tzinfo) -> datetime:
    return moment.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)


def whole_hour(moment: datetime) -> datetime:
    """The hour of the sums that it lies in; in some zones that begins at a half hour."""
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def has_date_everywhere(moment: datetime) -> bool:
    """Whether each zone can show it: on the first and the last day of all calendars some can't."""
    return FIRST <= moment <= LAST


@lru_cache(maxsize=128)
def _find_zone(name: str) -> ZoneInfo | None:
    """Only a zone that there is: the name becomes a path when it is looked up."""
    if not NAME.fullmatch(name) or name not in available_timezones():
        return None
    return ZoneInfo(name)
