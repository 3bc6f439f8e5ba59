"""The old Edits are answered by channels of every dialect, and charged as their text."""

import json

import pytest

from tests.relay.dialect_calls import DIALECTS, Desk
from tests.relay.live_gateway import LiveGateway
from tests.relay.scripted_provider import ScriptedProvider


def model_of(wire: str) -> str:
    return f"edits-{wire}"


@pytest.fixture(scope="module")
def desk(live: LiveGateway, scripts: ScriptedProvider) -> Desk:
    found = Desk(live, scripts)
    found.serve({model_of(wire): wire for wire in DIALECTS})
    return found


@pytest.mark.parametrize("wire", DIALECTS)
def test_a_text_is_changed_by_any_channel(desk: Desk, wire: str) -> None:
    model = model_of(wire)
    desk.say(model, wire, "plain", is_stream=False)
    body = {"model": model, "input": "Helo", "instruction": "Fix the spelling", "stream": True}
    headers = {"authorization": f"Bearer {desk.live.key}"}
    answer = desk.live.http.post("/v1/edits", json=body, headers=headers)
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert (found["object"], found["choices"][0]["index"]) == ("edit", 0)
    assert found["choices"][0]["text"]
    sent = json.dumps(desk.asked(model))
    assert "Helo" in sent
    assert "Fix the spelling" in sent
    usage = desk.live.usage_of(answer)
    assert usage["prompt_tokens"] == found["usage"]["prompt_tokens"]
    assert usage["units"] > 0


def test_an_edit_without_instruction_is_refused(desk: Desk) -> None:
    headers = {"authorization": f"Bearer {desk.live.key}"}
    body = {"model": model_of("openai"), "input": "Helo"}
    answer = desk.live.http.post("/v1/edits", json=body, headers=headers)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "instruction")
