"""Calls that are no text at channels that pass calls through: answered and charged as elsewhere."""

import json

import pytest

from tests.relay.live_gateway import LiveGateway
from tests.relay.media_calls import PICTURE, Media, answer, sound
from tests.relay.scripted_provider import ScriptedProvider, whole

PASSES = ("--passes-through",)


@pytest.fixture(scope="module")
def media(live: LiveGateway, scripts: ScriptedProvider) -> Media:
    return Media(live, scripts)


def test_pictures(media: Media) -> None:
    painted = {"created": 1, "data": [{"b64_json": PICTURE}]}
    model = media.model(answer(painted), prices={"per-image": "0.04"}, switches=PASSES)
    response = media.post("/v1/images/generations", model=model, prompt="a cat", odd=1)
    assert (response.status_code, response.json()) == (200, painted)
    assert media.charge(response) == (20_000, [["image", 1, "20000"]])
    assert media.asked(model) == {"model": model, "prompt": "a cat", "odd": 1}


def test_rerankings(media: Media) -> None:
    ranked = {"results": [{"index": 0, "relevance_score": 0.9}], "usage": {"total_tokens": 40}}
    model = media.model(answer(ranked), prices={"input": "0.05"}, switches=PASSES, kind="jina")
    response = media.post("/v1/rerank", model=model, query="water", documents=["a river"])
    assert (response.status_code, response.json()["results"][0]["index"]) == (200, 0)
    assert media.live.usage_of(response)["prompt_tokens"] == 40


def test_speech(media: Media) -> None:
    head = {"content-type": "audio/mpeg"}
    prices = {"per-million-characters": 15}
    model = media.model(whole(b"sound", headers=head), prices=prices, switches=PASSES)
    response = media.post("/v1/audio/speech", model=model, input="one two", voice="alloy")
    assert (response.status_code, response.content) == (200, b"sound")
    assert media.charge(response)[1] == [["character", 7, "7.5"]]


def test_forms_keep_their_files(media: Media) -> None:
    file = sound(3)
    heard = answer({"text": "hello", "duration": 3})
    model = media.model(heard, prices={"per-second": "0.0001"}, switches=PASSES)
    files = {"file": ("a.wav", file, "audio/wav")}
    path = "/v1/audio/transcriptions"
    response = media.live.call("POST", path, data={"model": model}, files=files)
    assert (response.status_code, response.json()["text"]) == (200, "hello")
    asked = media.scripts.asked_once(model)
    assert file in asked.body
    assert asked.headers["content-type"].startswith("multipart/form-data; boundary=")
    assert media.charge(response)[1] == [["second", 3, "50"]]


def test_embeddings_pass_as_they_came(media: Media) -> None:
    told = {"data": [{"embedding": [0.1], "index": 0}], "usage": {"prompt_tokens": 4}}
    model = media.model(answer(told), prices={"input": "0.05"}, switches=PASSES)
    body = json.dumps({"input": "water", "model": model}, indent=3)
    headers = {"authorization": f"Bearer {media.live.key}", "content-type": "application/json"}
    response = media.live.call("POST", "/v1/embeddings", content=body, headers=headers)
    assert (response.status_code, response.json()) == (200, told)
    assert media.scripts.asked_once(model).body == body.encode()
