"""Pictures and documents by URL, for providers that fetch nothing."""

import asyncio

from channels_app.dialects.conversation import Conversation, Image, media_of
from channels_app.fetcher import FetchRefused, fetch_media
from relay import errors

MOST_MEDIA = 16


async def inline_media(conversation: Conversation, proxy_url: str) -> Conversation:
    """Pictures and documents by URL become data, for providers that fetch nothing. Raises
    CallRefused.
    """
    wanted = [part for part in media_of(conversation) if _is_link(part.url) and not part.data]
    if not wanted:
        return conversation
    if len(wanted) > MOST_MEDIA:
        raise errors.media_refused(wanted[MOST_MEDIA].url, "there are too many")
    found = await asyncio.gather(*(_fetch(part.url, proxy_url) for part in wanted))
    for part, (media_type, data) in zip(wanted, found, strict=True):
        part.url, part.data = "", data
        if isinstance(part, Image) or not part.media_type:
            part.media_type = media_type
    return conversation


async def _fetch(url: str, proxy_url: str) -> tuple[str, str]:
    try:
        return await fetch_media(url, proxy_url)
    except FetchRefused as error:
        raise errors.media_refused(url, str(error)) from error


def _is_link(url: str) -> bool:
    return url.startswith(("http://", "https://"))
