"""Whether there is anything to show on the pages of drawings."""

from django.core.cache import cache

from channels_app.catalogue import KINDS
from channels_app.models import Channel
from relay.models import MidjourneyTask

KEY = "midjourney:is_offered"
CACHED_SECONDS = 60
DRAWING_KINDS = [number for number, kind in KINDS.items() if "midjourney" in kind.capabilities]


def has_drawings() -> bool:
    """A channel serves Midjourney's models, or some user has a task. Looked up once a minute: the
    menu of every page asks.
    """
    return bool(cache.get_or_set(KEY, _look, CACHED_SECONDS))


def _look() -> bool:
    channels = Channel.objects.filter(kind__in=DRAWING_KINDS, models_text__contains="midjourney")
    return channels.exists() or MidjourneyTask.objects.exists()
