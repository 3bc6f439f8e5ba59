"""Prompts and answers are kept, encrypted, where the operator wants it; else nothing is."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from relay.call_texts import CUT, MOST_BYTES
from relay.realtime.turns import TRANSCRIBED
from tests.harness.realtime_provider import Stage, answering, running_realtime
from tests.harness.waiting import wait_for
from tests.relay.dialect_calls import DIALECTS, Desk
from tests.relay.live_gateway import LiveGateway
from tests.relay.media_calls import Media, events, sound
from tests.relay.realtime_desk import CREATE, USED, read_until, say
from tests.relay.realtime_desk import Desk as RealtimeDesk
from tests.relay.scripted_provider import ScriptedProvider, stream, whole

READ = """
import json
from relay.call_texts import read_texts
from relay.models import CallText
row = CallText.objects.filter(request_id={name!r}).first()
found = row and read_texts(row.request_id)
sealed = row and row.prompt_sealed + row.answer_sealed
print(json.dumps(row and [found.prompt, found.answer, found.media, sealed]))
"""
SAID = "Hello there!"
PICTURE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}}


@pytest.fixture(scope="module")
def keeping(live: LiveGateway) -> Iterator[LiveGateway]:
    """A gateway that keeps texts."""
    live.set_option("LogContentEnabled", "True")
    yield live
    live.set_option("LogContentEnabled", "False")


@pytest.fixture(scope="module")
def served(keeping: LiveGateway, scripts: ScriptedProvider) -> Desk:
    desk = Desk(keeping, scripts)
    desk.serve({f"texts-{wire}": wire for wire in DIALECTS})
    return desk


def read_row(live: LiveGateway, request_id: str) -> Any:
    """[prompt, answer, media, what lies in the table], or None."""
    told = str(live.manage("shell", "-c", READ.format(name=request_id)))
    return json.loads(told.strip().splitlines()[-1])


def kept_of(live: LiveGateway, response: httpx.Response) -> Any:
    name = response.headers["x-oneapi-request-id"]
    return wait_for(lambda: read_row(live, name), f"no text of {name}")


def chunk(text: str, finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": finish}
    return b"data: " + json.dumps({"id": "c", "choices": [choice]}).encode() + b"\n\n"


@pytest.mark.parametrize("wire", DIALECTS)
@pytest.mark.parametrize("is_stream", [False, True])
def test_each_dialect_leaves_what_was_said(served: Desk, wire: str, *, is_stream: bool) -> None:
    model = f"texts-{wire}"
    served.say(model, wire, "plain", is_stream=is_stream)
    for client in ("openai", "anthropic"):
        response = served.ask(client, model, is_stream=is_stream)
        assert response.status_code == 200, response.text
        prompt, answer, media, sealed = kept_of(served.live, response)
        assert prompt == "Say hello."
        assert answer == SAID
        assert media == 0
        assert prompt not in sealed
        assert answer not in sealed


def test_the_middle_of_long_texts_is_left_out(served: Desk) -> None:
    prompt = "begin " + "né" * 100_000 + " end"
    said = "first " + "x" * 200_000 + " last"
    body = {"choices": [{"message": {"role": "assistant", "content": said}}], "object": "c"}
    served.scripts.say("texts-openai", whole(json.dumps(body).encode()))
    content = [{"type": "text", "text": prompt}, PICTURE]
    response = served.live.chat("texts-openai", messages=[{"role": "user", "content": content}])
    asked, answer, media, _ = kept_of(served.live, response)
    assert media == 1
    assert "aGk=" not in asked
    for text, start, end in ((asked, "begin n", "é end"), (answer, "first x", "x last")):
        assert text.startswith(start)
        assert text.endswith(end)
        assert text.count(CUT) == 1
        assert MOST_BYTES - 8 <= len(text.encode()) - len(CUT.encode()) <= MOST_BYTES


def test_what_broke_off_and_what_failed_is_kept_too(served: Desk) -> None:
    served.scripts.say("texts-openai", *stream(chunk("half of "), chunk("an answer")))
    cut = served.live.chat("texts-openai", stream=True)
    assert kept_of(served.live, cut)[:2] == ["one two three", "half of an answer"]
    served.scripts.say("texts-openai", whole(b'{"error":{"message":"no"}}', "400 Bad Request"))
    failed = served.live.chat("texts-openai")
    assert failed.status_code == 400
    assert kept_of(served.live, failed)[:2] == ["one two three", ""]


@pytest.mark.parametrize("is_stream", [False, True])
def test_of_sound_the_transcript_is_kept(
    keeping: LiveGateway, scripts: ScriptedProvider, *, is_stream: bool
) -> None:
    heard = 'two "lines",\n世界'
    done = {"text": heard, "usage": {"type": "duration", "seconds": 3}}
    delta, end = ("transcript.text.delta", {"delta": heard}), ("transcript.text.done", done)
    pieces = stream(events(delta, end)) if is_stream else (whole(json.dumps(done).encode()),)
    model = Media(keeping, scripts).model(*pieces, prices={"per-second": "0.0001"})
    response = keeping.call(
        "POST",
        "/v1/audio/transcriptions",
        data={"model": model, "prompt": "names", "stream": str(is_stream).lower()},
        files={"file": ("a.wav", sound(3), "audio/wav")},
    )
    assert response.status_code == 200, response.text
    assert kept_of(keeping, response)[:3] == ["names", heard, 1]


def test_nothing_is_kept_unless_it_is_wanted(served: Desk) -> None:
    live = served.live
    served.say("texts-openai", "openai", "plain", is_stream=False)
    live.set_option("LogContentEnabled", "False")
    try:
        response = served.ask("openai", "texts-openai")
        live.usage_of(response)
        live.set_option("LogContentEnabled", "True")
        # Texts are written in the order of their calls.
        kept_of(live, served.ask("openai", "texts-openai"))
        assert read_row(live, response.headers["x-oneapi-request-id"]) is None
    finally:
        live.set_option("LogContentEnabled", "True")


async def test_of_a_session_its_texts_and_transcripts_are_kept(keeping: LiveGateway) -> None:
    async def talk(stage: Stage) -> None:
        heard = {"type": TRANSCRIBED, "transcript": "aloud: why?", "item_id": "i"}
        await stage.say(heard)
        await answering(USED)(stage)

    message = {
        "type": "message",
        "role": "user",
        "content": [{"type": "input_text", "text": "in writing: why?"}],
    }
    with running_realtime() as provider:
        desk = RealtimeDesk(keeping, provider)
        desk.serve(("good", talk))
        async with desk.connect() as socket:
            await say(socket, {"type": "conversation.item.create", "item": message})
            await say(socket, CREATE)
            await read_until(socket, "response.done")
        row = desk.row()
    kept = wait_for(lambda: read_row(keeping, row["request_id"]), "no text of the session")
    assert sorted(kept[0].splitlines()) == ["aloud: why?", "in writing: why?"]
    assert kept[1].strip() == "Hello there,"
