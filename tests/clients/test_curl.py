"""curl: the keys in every header, raw answers, and what the README promises."""

import json
import subprocess
from typing import Any

import pytest

from tests.harness.lacking import need_program
from tests.relay.live_gateway import HELLO, LiveGateway

BODY = json.dumps({"model": "curl-model", "messages": HELLO})


@pytest.fixture(scope="module")
def served(live: LiveGateway) -> LiveGateway:
    need_program("curl")
    live.new_channel("curl-model")
    live.take_in()
    return live


def curl(live: LiveGateway, path: str, *arguments: str) -> tuple[int, str]:
    """(status, body)."""
    command = ["curl", "--silent", "--noproxy", "*", "--max-time", "30", "-w", "\n%{http_code}"]
    done = subprocess.run(
        [*command, *arguments, live.url + path], capture_output=True, text=True, check=True
    )
    body, _, status = done.stdout.rpartition("\n")
    return int(status), body


def headers_with(key: str) -> dict[str, str]:
    bare = key.removeprefix("sk-")
    return {
        "Authorization: Bearer sk-": f"Authorization: Bearer {key}",
        "Authorization: Bearer": f"Authorization: Bearer {bare}",
        "Authorization: bearer": f"authorization: bearer {key}",
        "Authorization without Bearer": f"Authorization: {key}",
        "x-api-key": f"x-api-key: {key}",
        "x-api-key without sk-": f"x-api-key: {bare}",
        "x-goog-api-key": f"x-goog-api-key: {key}",
        "api-key": f"api-key: {key}",
    }


@pytest.mark.parametrize("form", headers_with(""))
def test_key_is_taken_in_every_usual_header(served: LiveGateway, form: str) -> None:
    header = headers_with(served.key)[form]
    status, body = curl(
        served, "/v1/chat/completions", "-H", header, "-H", "content-type: application/json",
        "-d", BODY,
    )  # fmt: skip
    assert (status, json.loads(body)["model"]) == (200, "curl-model")
    assert curl(served, "/v1/models", "-H", header)[0] == 200


def test_authorization_goes_before_other_headers(served: LiveGateway) -> None:
    both = ("-H", f"Authorization: Bearer {served.key}", "-H", "x-api-key: sk-nobody")
    assert curl(served, "/v1/models", *both)[0] == 200
    both = ("-H", "Authorization: Bearer sk-nobody", "-H", f"x-api-key: {served.key}")
    assert curl(served, "/v1/models", *both)[0] == 401


@pytest.mark.parametrize("header", ["Authorization: Bearer", "Authorization;", "x-api-key;", ""])
def test_empty_key_is_no_key(served: LiveGateway, header: str) -> None:
    status, body = curl(served, "/v1/models", *(("-H", header) if header else ()))
    assert (status, json.loads(body)["error"]["code"]) == (401, "no_api_key")


def test_administrators_choose_a_channel_behind_the_key(served: LiveGateway) -> None:
    channel = served.new_channel("curl-model", "--priority", -5, key="chosen-by-curl")
    served.take_in()
    admin = served.new_token(served.new_user("--role", "admin"))
    common = served.new_token(served.new_user())
    found = []
    for key in (admin, common):
        header = f"Authorization: Bearer {key}-{channel}"
        found.append(curl(served, "/v1/chat/completions", "-H", header, "-d", BODY)[0])
    assert found == [200, 403]
    assert served.calls_by("key", "chosen-by-curl")["calls"] == 1


def test_stream_is_events_from_the_first_byte_to_the_end(served: LiveGateway) -> None:
    body = json.dumps({**json.loads(BODY), "stream": True})
    key = f"Authorization: Bearer {served.key}"
    status, text = curl(served, "/v1/chat/completions", "-N", "-i", "-H", key, "-d", body)
    head, _, events = text.replace("\r\n", "\n").partition("\n\n")
    assert status == 200
    fields = dict(line.lower().split(": ", 1) for line in head.split("\n")[1:])
    assert fields["content-type"].startswith("text/event-stream")
    assert fields["cache-control"] == "no-cache"
    assert "x-oneapi-request-id" in fields
    *chunks, done, _ = events.split("\n\n")
    assert done == "data: [DONE]"
    parsed: list[Any] = [json.loads(chunk.removeprefix("data: ")) for chunk in chunks]
    assert {chunk["object"] for chunk in parsed} == {"chat.completion.chunk"}


def test_compressed_request_is_understood(served: LiveGateway, tmp_path: Any) -> None:
    packed = tmp_path / "body.gz"
    packed.write_bytes(
        subprocess.run(["gzip", "-c"], input=BODY.encode(), capture_output=True, check=True).stdout
    )
    key = f"Authorization: Bearer {served.key}"
    sent = ("-H", key, "-H", "content-encoding: gzip", "--data-binary", f"@{packed}")
    assert curl(served, "/v1/chat/completions", *sent)[0] == 200
