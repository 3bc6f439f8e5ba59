"""What was asked and answered, kept beside the calls where the operator wants it (the option
LogContentEnabled), encrypted.

Texts are no money: what a worker has not written yet is lost when it is killed, and what comes
faster than the database takes it is left out and counted.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime

import msgspec
import structlog
from django.conf import settings
from django.db import DatabaseError

from channels_app.media.answers import HEARD
from chatapi.lib.database_threads import DatabaseThreads
from relay.call import Call, Outcome, Said
from relay.counting import media_count, prompt_text
from relay.models import CallText
from relay.request import CallRequest

log = structlog.get_logger("texts")

MOST_BYTES = 64 * 1024
"""Of a prompt, and of an answer."""
MOST_WAITING = 64 * 1024 * 1024
"""Bytes of requests and answers that one worker holds for them at a time."""
CUT = "\n[…]\n"
"""Stands where the middle of a long text was left out: how it begins and ends tells most."""
WORDLESS = frozenset({"embeddings", "moderations"})
"""Their answers are numbers."""
STEP = 50
"""Rows of one statement, at most nine megabytes: MariaDB takes sixteen."""


class Waiting(msgspec.Struct):
    """A call whose texts are not written yet. Its request is read on the thread that writes."""

    request_id: str
    user_id: int
    asked: CallRequest | str
    media: int
    said: Said | None
    size: int


class Texts(msgspec.Struct, frozen=True):
    """`media`: about how many pictures, sounds and documents were with the prompt."""

    prompt: str
    answer: str
    media: int
    created_at: datetime


class CallTexts:
    """What one worker has yet to write; belongs to the event loop."""

    def __init__(self) -> None:
        self._waiting: list[Waiting] = []
        self._size = 0
        self._dropped = 0

    def note(self, call: Call, outcome: Outcome) -> None:
        """At the end of a call: nothing is read or copied here but the text of a stream."""
        request, media = call.request, call.request.media
        asked: CallRequest | str = request
        size, count = request.body_bytes, 0
        if media is not None:
            # Not the request itself: it holds the files that were sent.
            asked = "\n".join(filter(None, (media.text, *media.documents)))
            size, count = 4 * len(asked), media.pictures + (request.endpoint in HEARD)
        said = None
        if outcome.said is not None and request.endpoint not in WORDLESS:
            said = outcome.said()
            size += said.size
        if self._size + size > MOST_WAITING:
            self._dropped += 1
            return
        self._size += size
        self._waiting.append(
            Waiting(call.request_id, call.caller.user_id, asked, count, said, size)
        )

    async def write(self, database: DatabaseThreads) -> None:
        """All that waits; what the database refuses is counted and forgotten."""
        while self._waiting:
            some, self._waiting = self._waiting[:STEP], self._waiting[STEP:]
            try:
                await database.run(write_texts, some)
            except DatabaseError as error:
                log.warning("texts_not_written", calls=len(some), error=str(error)[:200])
            finally:
                self._size -= sum(one.size for one in some)
        if self._dropped:
            log.warning("texts_dropped", calls=self._dropped)
            self._dropped = 0


def write_texts(found: Sequence[Waiting]) -> None:
    """One statement. Calls without any text leave no row."""
    CallText.objects.bulk_create(_rows(found), ignore_conflicts=True)


def read_texts(request_id: str) -> Texts | None:
    """None where nothing is kept. Raises Undecipherable."""
    row = CallText.objects.filter(request_id=request_id).first()
    if row is None:
        return None
    prompt = _unseal(row.prompt_sealed, request_id, "prompt")
    answer = _unseal(row.answer_sealed, request_id, "answer")
    return Texts(prompt, answer, row.media, row.created_at)


def has_texts(request_id: str) -> bool:
    return CallText.objects.filter(request_id=request_id).exists()


def _rows(found: Sequence[Waiting]) -> Iterator[CallText]:
    for one in found:
        prompt, media, said = one.asked, one.media, one.said
        if isinstance(prompt, CallRequest):
            media = media_count(prompt)
            prompt = prompt_text(prompt) or ""
        if said is not None and said.asked is not None:
            prompt = said.asked()
        answer = said.read() if said is not None else ""
        if prompt or answer or media:
            yield CallText(
                request_id=one.request_id,
                user_id=one.user_id,
                prompt_sealed=_seal(prompt, one.request_id, "prompt"),
                answer_sealed=_seal(answer, one.request_id, "answer"),
                media=media,
            )


def cut_middle(text: str) -> str:
    """At most MOST_BYTES of UTF-8, and CUT where something is missing."""
    data = text.encode("utf-8", "replace")
    if len(data) > MOST_BYTES:
        half = MOST_BYTES // 2
        ends = (data[:half], data[-half:])
        return CUT.join(end.decode("utf-8", "ignore") for end in ends)
    return data.decode()


def _seal(text: str, request_id: str, name: str) -> str:
    if not text:
        return ""
    sealed: str = settings.KEY_RING.seal(cut_middle(text), place_of(request_id, name))
    return sealed


def _unseal(sealed: str, request_id: str, name: str) -> str:
    if not sealed:
        return ""
    text: str = settings.KEY_RING.unseal(sealed, place_of(request_id, name))
    return text


def place_of(request_id: str, name: str) -> str:
    return f"call_text:{request_id}:{name}"
