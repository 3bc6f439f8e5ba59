"""What the relay knows of a stream that goes by, and what of it the client gets."""

import json
from collections.abc import Sequence
from typing import Any

import pytest

from channels_app.dialects.dialect import WriteOptions
from channels_app.dialects.frames import SseFrames
from channels_app.dialects.registry import find_dialect
from channels_app.dialects.reply import BadStream, Delta, Finished, TextDelta
from channels_app.dialects.watch import MOST_TEXT_BYTES, Change, DialectWatch
from tests.unit.channels_app.dialects.pairs.transcripts import load, provider_stream
from tests.unit.channels_app.dialects.pairs.valid import read_valid

OPTIONS = WriteOptions("1", "m", 7)
GEMINI_USAGE = {"promptTokenCount": 3, "candidatesTokenCount": 2, "totalTokenCount": 5}


def watch_of(provider: str, client: str = "", change: Change | None = None) -> DialectWatch:
    """Without a client the provider's bytes pass as they are."""
    writer = find_dialect(client).writer(OPTIONS) if client else None
    spare = find_dialect(client or provider).writer(OPTIONS)
    dialect = find_dialect(provider)
    return DialectWatch(SseFrames(), dialect.reader(), writer, spare, change, dialect.end_early)


def sse(*events: Any) -> bytes:
    return b"".join([b"data: " + json.dumps(event).encode() + b"\n\n" for event in events])


def chunk(text: str = "", finish: str | None = None, index: int = 0) -> dict[str, Any]:
    choice = {"index": index, "delta": {"content": text}, "finish_reason": finish}
    return {"id": "c", "choices": [choice]}


def candidate(text: str, finish: str = "") -> dict[str, Any]:
    told: dict[str, Any] = {"content": {"parts": [{"text": text}]}}
    return {"candidates": [told | ({"finishReason": finish} if finish else {})]}


def choices_in(data: bytes) -> list[dict[str, Any]]:
    """Of OpenAI's chunks."""
    events = [frame.data for frame in SseFrames().feed(data)]
    chunks = [json.loads(event) for event in events if event != b"[DONE]"]
    return [choice for one in chunks for choice in one.get("choices", ())]


def finishes_in(data: bytes) -> dict[int, str]:
    told = [one for one in choices_in(data) if one["finish_reason"]]
    assert len({one["index"] for one in told}) == len(told)
    return {one["index"]: one["finish_reason"] for one in told}


def text_in(data: bytes) -> str:
    return "".join(one["delta"].get("content") or "" for one in choices_in(data))


def test_finish_that_every_event_repeats_is_told_once_and_last() -> None:
    watch = watch_of("gemini", "openai")
    told = watch.feed(sse(candidate("a", "STOP"), candidate("b", "STOP"), candidate("c", "STOP")))
    assert watch.is_finished
    assert finishes_in(told) == {}
    told += watch.ending()
    assert (text_in(told), finishes_in(told)) == ("abc", {0: "stop"})
    assert choices_in(told)[-1]["finish_reason"] == "stop"


def test_last_word_on_the_finish_counts() -> None:
    watch = watch_of("gemini", "openai")
    told = watch.feed(sse(candidate("a", "STOP"), candidate("b", "SAFETY"))) + watch.ending()
    assert finishes_in(told) == {0: "content_filter"}


def test_what_is_added_at_the_finish_is_added_once() -> None:
    def add(deltas: Sequence[Delta]) -> Sequence[Delta]:
        told: list[Delta] = []
        for delta in deltas:
            told += [TextDelta("!"), delta] if isinstance(delta, Finished) else [delta]
        return told

    watch = watch_of("gemini", "openai", add)
    told = watch.feed(sse(candidate("a", "STOP"), candidate("b", "MAX_TOKENS"))) + watch.ending()
    assert text_in(told) == "ab!"


def test_used_up_credit_ends_every_choice_that_has_not_ended() -> None:
    watch = watch_of("openai", "openai")
    told = watch.feed(sse(chunk("a"), chunk("b", index=2), chunk("", "stop", index=2)))
    told += watch.stop()
    assert finishes_in(told) == {0: "length", 2: "stop"}
    assert told.endswith(b"data: [DONE]\n\n")


def test_used_up_credit_before_any_word_is_an_end_too() -> None:
    assert finishes_in(watch_of("openai", "openai").stop()) == {0: "length"}


def test_words_beside_an_error_are_told_before_it() -> None:
    watch = watch_of("gemini", "openai")
    error = {"error": {"code": 500, "message": "no", "status": "INTERNAL"}}
    told = watch.feed(sse([candidate("a"), error], candidate("b")))
    assert text_in(told) == "a"
    assert json.loads(watch.error)[1] == error
    assert watch.has_begun()


@pytest.mark.parametrize("client", ["", "openai"])
def test_nothing_follows_an_error_or_the_end(client: str) -> None:
    broken, ended = watch_of("openai", client), watch_of("openai", client)
    assert broken.feed(sse({"error": {"message": "no"}}, chunk("a"))) == b""
    told = ended.feed(sse(chunk("a")) + b"data: [DONE]\n\n" + sse(chunk("late")))
    assert ended.is_done
    assert b"late" not in told + ended.flush() + ended.ending()


def test_single_events_that_are_no_json_are_left_out() -> None:
    watch = watch_of("openai", "openai")
    told = watch.feed(b"data: {\n\n" * 2 + sse(chunk("a")) + b"data: {\n\n" * 2 + sse(chunk("b")))
    assert text_in(told) == "ab"
    with pytest.raises(BadStream):
        watch.feed(b"data: <html>\n\n" * 3)


def test_json_of_another_shape_passes_where_nothing_is_translated() -> None:
    strange = sse({"choices": "none"})
    assert watch_of("responses").feed(sse({"type": "x", "response": 5})) != b""
    assert watch_of("openai", "openai").feed(strange) == b""
    assert watch_of("openai").feed(strange) == strange


def test_bytes_pass_as_they_are_between_equals() -> None:
    sent = b": hello\n\n" + b'event: ping\ndata: {"type": "ping"}\r\n\r\n' + sse({"type": "new"})
    watch = watch_of("anthropic")
    assert b"".join([watch.feed(bytes([byte])) for byte in sent]) + watch.flush() == sent


def test_own_error_after_passed_bytes_bears_the_answers_name_and_begins_nothing() -> None:
    watch = watch_of("responses")
    begun = {"type": "response.created", "response": {"id": "resp_theirs", "model": "gpt"}}
    watch.feed(sse(begun))
    (frame,) = SseFrames().feed(watch.fail("broke off", "upstream_cut"))
    event = json.loads(frame.data)
    assert event["type"] == "response.failed"
    assert event["response"]["id"] == "resp_theirs"


def test_what_was_said_is_counted() -> None:
    watch = watch_of("openai", "anthropic")
    assert (watch.has_prologue(), watch.has_begun(), watch.is_empty) == (False, False, True)
    watch.feed(sse(chunk("")))
    assert (watch.has_prologue(), watch.has_begun()) == (True, False)
    call = {"index": 0, "id": "x", "function": {"name": "f", "arguments": "{}"}}
    watch.feed(sse({"choices": [{"delta": {"tool_calls": [call], "reasoning_content": "é"}}]}))
    assert (watch.has_begun(), watch.is_empty, watch.is_finished) == (True, False, False)
    assert (watch.text.decode(), watch.text_bytes, watch.events) == ("éf{}", 5, 3)


def test_kept_text_has_a_bound_its_length_none() -> None:
    watch = watch_of("openai", "anthropic")
    piece = "x" * MOST_TEXT_BYTES
    watch.feed(sse(chunk(piece), chunk(piece), chunk(piece)))
    assert len(watch.text) == MOST_TEXT_BYTES
    assert watch.text_bytes == 3 * MOST_TEXT_BYTES


def test_usage_that_cannot_be_read_keeps_the_one_before() -> None:
    watch = watch_of("gemini", "openai")
    watch.feed(sse({**candidate("a"), "usageMetadata": GEMINI_USAGE}))
    watch.feed(sse({**candidate("b"), "usageMetadata": {"promptTokenCount": -1}}))
    assert watch.consumed is not None
    assert (watch.consumed.prompt_tokens, watch.consumed.completion_tokens) == (3, 2)


@pytest.mark.parametrize("dialect", ["anthropic", "gemini"])
@pytest.mark.parametrize("count", range(1, 20))
def test_stream_that_passes_is_ended_for_its_length(dialect: str, count: int) -> None:
    told = load("tools")[dialect]["stream"]
    sent = provider_stream(dialect, told[:count])
    watch = watch_of(dialect)
    events = read_valid(dialect, watch.feed(sent) + watch.stop())
    end = json.dumps(events[-2:])
    assert ("max_tokens" in end.lower()) != ("tool_use" in end or "STOP" in end)
