"""Pictures and documents by URL, for providers that fetch nothing."""

import asyncio
from collections.abc import Sequence

from channels_app.dialects.conversation import Conversation, Image, media_of
from channels_app.fetcher import FetchRefused, Room, fetch_media
from relay import errors

MOST_MEDIA = 16


async def inline_media(conversation: Conversation, proxy_url: str, most_bytes: int) -> Conversation:
    """Pictures and documents by URL become data, for providers that fetch nothing; `most_bytes`
    bounds all of them together. Raises CallRefused.
    """
    wanted = [part for part in media_of(conversation) if _is_link(part.url) and not part.data]
    if not wanted:
        return conversation
    if len(wanted) > MOST_MEDIA:
        raise errors.media_refused(wanted[MOST_MEDIA].url, "there are too many")
    found = await _fetch_all([part.url for part in wanted], proxy_url, Room(most_bytes))
    for part, (media_type, data) in zip(wanted, found, strict=True):
        part.url, part.data = "", data
        if isinstance(part, Image) or not part.media_type:
            part.media_type = media_type
    return conversation


async def _fetch_all(urls: Sequence[str], proxy_url: str, room: Room) -> list[tuple[str, str]]:
    """At once; where one can't be fetched, the others are given up."""
    try:
        async with asyncio.TaskGroup() as group:
            fetches = [group.create_task(_fetch(url, proxy_url, room)) for url in urls]
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from None
    return [fetch.result() for fetch in fetches]


async def _fetch(url: str, proxy_url: str, room: Room) -> tuple[str, str]:
    try:
        return await fetch_media(url, proxy_url, room)
    except FetchRefused as error:
        raise errors.media_refused(url, str(error)) from error


def _is_link(url: str) -> bool:
    return url.startswith(("http://", "https://"))
