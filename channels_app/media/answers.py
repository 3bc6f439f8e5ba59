"""Reads whole answers that are no text: are they one, and what was used? Sans-I/O.

https://platform.openai.com/docs/api-reference/images/object,
https://platform.openai.com/docs/api-reference/audio/json-object,
https://docs.cohere.com/reference/rerank (meta.billed_units)
"""

import math
from contextlib import suppress
from typing import Any

import msgspec

from channels_app.dialects.consumed import Consumed
from channels_app.dialects.openai_answer import WholeAnswer, read_answer
from channels_app.dialects.reply import BadAnswer
from channels_app.dialects.usage import UsageUnreadable, read_usage

IMAGES = frozenset({"images", "image_edits", "image_variations"})
SPOKEN = "speech"
HEARD = frozenset({"transcriptions", "translations"})
_EMPTY = msgspec.Raw()
_NULL = b"null"


class _Answer(msgspec.Struct):
    """The parts that tell something, whatever the endpoint; all else stays bytes."""

    data: msgspec.Raw = _EMPTY
    results: msgspec.Raw = _EMPTY
    embedding: msgspec.Raw = _EMPTY
    embeddings: msgspec.Raw = _EMPTY
    text: msgspec.Raw = _EMPTY
    duration: float | str | None = None
    meta: msgspec.Raw = _EMPTY
    tokens: msgspec.Raw = _EMPTY
    usage: msgspec.Raw = _EMPTY
    usage_metadata: msgspec.Raw = msgspec.field(default=_EMPTY, name="usageMetadata")
    error: msgspec.Raw = _EMPTY


class _Transcript(msgspec.Struct):
    text: str


_decode = msgspec.json.Decoder(_Answer).decode
_decode_items = msgspec.json.Decoder(list[msgspec.Raw]).decode
_decode_any = msgspec.json.Decoder().decode


def read_media_answer(body: bytes, endpoint: str, content_type: str) -> WholeAnswer:
    """Raises BadAnswer when the body is not what the endpoint answers with."""
    is_json = "json" in content_type or body.lstrip()[:1] == b"{"
    if endpoint in HEARD and not is_json:
        return _read_plain_transcript(content_type)
    if endpoint in {"embeddings", "moderations"}:
        return _read_embeddings(body, endpoint)
    answer = _read(body)
    if _is_there(answer.error):
        return WholeAnswer(error=body)
    if endpoint in IMAGES:
        return _of(answer, endpoint, images=_count(answer.data))
    if endpoint == "rerank":
        if not _count(answer.results):
            raise _bad("empty")
        return _read_rerank(answer)
    if endpoint in HEARD and _is_there(answer.text):
        return _of(answer, endpoint)
    raise _bad("not what it should be")


def transcript_of(body: bytes) -> str:
    """What a listener wrote, in whatever form."""
    try:
        return msgspec.json.decode(body, type=_Transcript).text
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return body.decode("utf-8", "replace")


def assign_kinds(consumed: Consumed, usage: bytes, endpoint: str) -> Consumed:
    """Tokens whose kind the usage leaves out: what a painter writes is pictures but for what it
    calls text, what a speaker writes and a listener reads is sound.
    """
    if endpoint in IMAGES and not consumed.image_output_tokens:
        written = max(consumed.completion_tokens - _text_tokens(usage, "out", "completion"), 0)
        return msgspec.structs.replace(consumed, image_output_tokens=written)
    if endpoint == SPOKEN and not consumed.audio_output_tokens:
        written = max(consumed.completion_tokens - _text_tokens(usage, "out", "completion"), 0)
        return msgspec.structs.replace(consumed, audio_output_tokens=written)
    if endpoint in HEARD and not consumed.audio_input_tokens:
        heard = max(consumed.prompt_tokens - _text_tokens(usage, "in", "prompt"), 0)
        return msgspec.structs.replace(consumed, audio_input_tokens=heard)
    return consumed


def _text_tokens(usage: bytes, *beginnings: str) -> int:
    """`text_tokens` of the details whose name begins so."""
    for name, value in _object(_decode_any(usage)).items():
        if name.startswith(beginnings) and name.endswith("_details"):
            return _whole(_object(value).get("text_tokens"))
    return 0


def _read(body: bytes) -> _Answer:
    try:
        return _decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _bad("not what it should be") from error


def _of(answer: _Answer, endpoint: str, images: int | None = None) -> WholeAnswer:
    if images == 0:
        raise _bad("empty")
    consumed = Consumed()
    if _is_there(answer.usage):
        with suppress(UsageUnreadable):
            consumed = assign_kinds(read_usage(answer.usage), bytes(answer.usage), endpoint)
    seconds = consumed.seconds or _seconds(answer.duration)
    consumed = msgspec.structs.replace(consumed, images=images or 0, seconds=seconds)
    return WholeAnswer(None if consumed == Consumed() else consumed)


def _read_rerank(answer: _Answer) -> WholeAnswer:
    """Search units where they are billed by them, tokens where they are told."""
    told = _of(answer, "rerank").consumed or Consumed()
    meta = _object(answer.meta)
    billed, tokens = _object(meta.get("billed_units")), _object(meta.get("tokens"))
    tokens = tokens or _object(answer.tokens)
    counted = _whole(tokens.get("input_tokens")) + _whole(tokens.get("output_tokens"))
    told = msgspec.structs.replace(
        told,
        prompt_tokens=told.prompt_tokens or counted,
        queries=_whole(billed.get("search_units")),
    )
    return WholeAnswer(None if told == Consumed() else told)


def _read_embeddings(body: bytes, endpoint: str) -> WholeAnswer:
    """OpenAI's form, or Gemini's."""
    answer = _read(body)
    if _is_there(answer.error) or not (_is_there(answer.embedding) or _count(answer.embeddings)):
        return read_answer(body, endpoint)
    count = _whole(_object(answer.usage_metadata).get("promptTokenCount"))
    return WholeAnswer(Consumed(prompt_tokens=count) if count else None)


def _read_plain_transcript(content_type: str) -> WholeAnswer:
    """text, srt, vtt: they tell nothing, also not by being empty: that is silence."""
    if "html" in content_type:
        raise _bad("not what it should be")
    return WholeAnswer()


def _is_there(raw: msgspec.Raw) -> bool:
    return bool(raw) and bytes(raw) != _NULL


def _count(raw: msgspec.Raw) -> int:
    try:
        return len(_decode_items(raw)) if _is_there(raw) else 0
    except msgspec.DecodeError:
        return 0


def _object(value: Any) -> dict[str, Any]:
    if isinstance(value, msgspec.Raw):
        value = _decode_any(value) if value else None
    return value if isinstance(value, dict) else {}


def _whole(value: Any) -> int:
    """A count, rounded up; 0 for what is none."""
    is_count = isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= 2**40
    return math.ceil(value) if is_count else 0


def _seconds(value: float | str | None) -> int:
    """The nearest whole ones, at least one."""
    try:
        return _whole(max(math.floor(float(value) + 0.5), 1)) if value is not None else 0
    except (ValueError, OverflowError):
        return 0


def _bad(what: str) -> BadAnswer:
    return BadAnswer(f"the provider's answer is {what}")
