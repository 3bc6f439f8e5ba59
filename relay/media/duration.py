"""How long a sound is: its container is read packet by packet, nothing is decoded."""

import asyncio
import math
from concurrent.futures import ThreadPoolExecutor
from tempfile import SpooledTemporaryFile
from typing import Any

import structlog

log = structlog.get_logger("media")

GUESSED_BYTES_PER_SECOND = 16_000
"""128 kbit/s, for sound that nobody here can read."""
PCM_BYTES_PER_SECOND = 48_000
"""24,000 samples of 16 bits: https://platform.openai.com/docs/guides/text-to-speech"""
MOST_PACKETS = 5_000_000
MEASURE_SECONDS = 30.0
_FORMATS = "aac,aiff,amr,amrnb,amrwb,caf,flac,matroska,webm,mov,mp3,mpeg,mpegts,ogg,wav,w64,asf,avi"
"""Only containers that hold their sound themselves: a playlist would make us open other files."""

_pool = ThreadPoolExecutor(2, thread_name_prefix="sound")


async def measure_seconds(
    content: "SpooledTemporaryFile[bytes]", size: int, *, is_pcm: bool = False
) -> tuple[int, bool]:
    """(whole seconds, whether they are guessed from the size): the nearest, as OpenAI bills them,
    and at least one.
    """
    if is_pcm:
        return _nearest(size / PCM_BYTES_PER_SECOND), False
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(MEASURE_SECONDS):
            seconds = await loop.run_in_executor(_pool, read_duration, content)
    except TimeoutError:
        seconds = 0.0
    if seconds > 0:
        return _nearest(seconds), False
    return _nearest(size / GUESSED_BYTES_PER_SECOND), True


def _nearest(seconds: float) -> int:
    return max(math.floor(seconds + 0.5), 1)


def read_duration(content: Any) -> float:
    """Seconds of the first track of sound; 0 where there is none that can be read."""
    import av  # noqa: PLC0415 -- 20 MB of a worker, for those that measure sound
    from av.error import FFmpegError  # noqa: PLC0415 -- likewise

    content.seek(0)
    try:
        with av.open(
            _Reading(content),
            metadata_errors="ignore",
            container_options={"format_whitelist": _FORMATS},
        ) as container:
            return _count_track(container)
    except (FFmpegError, OSError, ValueError, EOFError) as error:
        log.info("sound_unreadable", error=type(error).__name__)
        return 0.0


class _Reading:
    """A file without its mode, by which PyAV would take it for one to be written."""

    def __init__(self, content: Any) -> None:
        self.read, self.seek, self.tell = content.read, content.seek, content.tell


def _count_track(container: Any) -> float:
    """By the packets rather than by the head, which may say anything; their own durations may lie
    too, where frames have a fixed length.
    """
    if not container.streams.audio:
        return 0.0
    track = container.streams.audio[0]
    ticks = packets = 0
    for packet in container.demux(track):
        if packet.size:
            packets += 1
            ticks += packet.duration or 0
        if packets > MOST_PACKETS:
            return 0.0
    told = float(ticks * track.time_base) if track.time_base else 0.0
    context = track.codec_context
    frame, rate = context.frame_size or 0, context.sample_rate or 0
    return max(told, packets * frame / rate if rate else 0.0)
