"""Looks at the providers' lists of models now and then, and keeps what is new there and what is
gone, for a person to take over.
"""

import asyncio
from collections.abc import Sequence

from django.db import transaction
from django.utils import timezone

from channels_app.catalogue import KINDS
from channels_app.failures import UpstreamFailure
from channels_app.model_lists import (
    NoModelList,
    apply_diff,
    compare,
    fetch_models,
    lists_models,
)
from channels_app.models import Channel, ChannelStatus, ModelNews
from channels_app.routing import ChannelConfig
from channels_app.snapshot import describe_channel
from chatapi.lib.secrets import Undecipherable

Found = tuple[str, ...] | Exception


def watchable_channels() -> list[int]:
    """Those that are in use and whose providers list models."""
    rows = Channel.objects.filter(status=ChannelStatus.ENABLED).order_by("pk")
    return [
        channel.pk
        for channel in rows
        if (kind := KINDS.get(channel.kind)) is not None and lists_models(kind)
    ]


def look_at(channels: Sequence[Channel]) -> int:
    """Asks all of them at once; returns how many could not be read."""
    configs: list[ChannelConfig | Exception] = []
    for channel in channels:
        try:
            configs.append(describe_channel(channel))
        except Undecipherable as error:
            configs.append(error)
    found = asyncio.run(_fetch_all(configs))
    for channel, result in zip(channels, found, strict=True):
        note_list(channel, result)
    return sum(isinstance(result, Exception) for result in found)


async def _fetch_all(configs: Sequence[ChannelConfig | Exception]) -> list[Found]:
    return list(await asyncio.gather(*map(_fetch, configs)))


async def _fetch(config: ChannelConfig | Exception) -> Found:
    if isinstance(config, Exception):
        return config
    try:
        return await fetch_models(config)
    except (UpstreamFailure, NoModelList) as error:
        return error


def note_list(channel: Channel, found: Found) -> None:
    """The first list is what is known; later ones are compared with it."""
    with transaction.atomic():
        ModelNews.objects.get_or_create(channel=channel)
        row = ModelNews.objects.select_for_update().get(channel=channel)
        is_first = row.checked_at is None
        if isinstance(found, Exception):
            row.error = _tell(found)[:300]
            row.save(update_fields=["error"])
            return
        row.checked_at, row.error = timezone.now(), ""
        if is_first:
            row.known = list(found)
        diff = compare(channel.model_names, channel.model_mapping, found)
        known, ignored = set(row.known), set(row.ignored)
        row.new = [name for name in diff.new if name not in known]
        row.vanished = [name for name in diff.vanished if name not in ignored]
        row.has_news = bool(row.new or row.vanished)
        row.save()


def _tell(error: Exception) -> str:
    if isinstance(error, UpstreamFailure):
        return f"{error.label} {error.message}"
    return "the key can't be read" if isinstance(error, Undecipherable) else str(error)


def dismiss(channel: Channel) -> None:
    """Somebody saw it and leaves the channel as it is."""
    with transaction.atomic():
        row = ModelNews.objects.select_for_update().filter(channel=channel).first()
        if row is None:
            return
        row.known = sorted({*row.known, *row.new})
        row.ignored = sorted({*row.ignored, *row.vanished})
        row.new, row.vanished, row.has_news = [], [], False
        row.save()


def take_over(channel: Channel) -> tuple[int, int]:
    """Serves what is new and no longer what is gone; gives the counts. Raises ValidationError when
    the channel would be left without a model.
    """
    with transaction.atomic():
        row = ModelNews.objects.select_for_update().filter(channel=channel).first()
        if row is None or not row.has_news:
            return 0, 0
        channel.models_text = apply_diff(channel.model_names, row.new, row.vanished)
        channel.full_clean()
        channel.save(update_fields=["models_text"])
        counts = len(row.new), len(row.vanished)
        dismiss(channel)
    return counts
