"""The simulated provider, met over real sockets: its answers, faults and counts."""

import asyncio
import contextlib
import json
import signal
import subprocess
import sys
import time
import zlib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai import APIError, OpenAI

from channels_app.simulator.behaviours import parse
from channels_app.simulator.bodies import Ask
from channels_app.simulator.oracle import MOST_IDS, Oracle
from channels_app.simulator.process import PROJECT, running_simulator
from channels_app.simulator.script import script_for

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]

HELLO: list[Any] = [{"role": "user", "content": "one two three"}]
CITY = {"properties": {"city": {"type": "string"}}}
FUNCTION = {"name": "weather", "strict": True, "parameters": CITY}
WEATHER: Any = {"type": "function", "function": FUNCTION}


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with running_simulator() as address:
        yield address


@pytest.fixture
def http(url: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=url, trust_env=False, timeout=5) as client:
        yield client


@pytest.fixture
def openai(url: str) -> Iterator[OpenAI]:
    with OpenAI(base_url=f"{url}/v1", api_key="sk-test", max_retries=0, timeout=5) as client:
        yield client


def ask(http: httpx.Client, model: str, headers: Any = None, **fields: Any) -> httpx.Response:
    body = {"model": model, "messages": HELLO, **fields}
    return http.post("/v1/chat/completions", json=body, headers=headers)


def payloads_of(text: str) -> list[Any]:
    return [json.loads(line[6:]) for line in text.split("\n\n") if line.startswith("data: {")]


def text_of(payloads: list[Any]) -> str:
    choices = [choice for payload in payloads for choice in payload["choices"]]
    return "".join(choice["delta"].get("content") or "" for choice in choices)


@asynccontextmanager
async def connected(url: str, model: str, **fields: Any) -> AsyncIterator[Connection]:
    host, port = url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(raw_request(model, **fields))
    yield reader, writer
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()


def raw_request(model: str, **fields: Any) -> bytes:
    body = json.dumps({"model": model, "messages": HELLO, **fields}).encode()
    head = b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n"
    return head % len(body) + body


async def read_until_silent(reader: asyncio.StreamReader) -> bytes:
    received = b""
    try:
        while part := await asyncio.wait_for(reader.read(65536), 0.3):
            received += part
    except TimeoutError:
        return received
    pytest.fail("the connection was closed")


def test_plain_answer_is_a_token_per_word_and_600_bytes(http: httpx.Client) -> None:
    response = ask(http, "gpt-4o-mini")
    answer = response.json()
    assert len(answer["choices"][0]["message"]["content"].split()) == 20
    assert answer["usage"]["prompt_tokens"] == 3
    assert answer["usage"]["completion_tokens"] == 20
    assert answer["choices"][0]["finish_reason"] == "stop"
    assert 500 < len(response.content) < 700


def test_openai_python_reads_a_stream_to_its_usage(openai: OpenAI) -> None:
    stream = openai.chat.completions.create(
        model="sim-tokens:n=50",
        messages=HELLO,
        max_tokens=30,
        stream=True,
        stream_options={"include_usage": True},
    )
    *chunks, last = list(stream)
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert len(text.split()) == 30
    assert [chunk.choices[0].finish_reason for chunk in chunks][-2:] == [None, "length"]
    assert last.choices == []
    assert last.usage is not None
    assert (last.usage.prompt_tokens, last.usage.completion_tokens) == (3, 30)


def test_openai_python_puts_streamed_tool_calls_together(openai: OpenAI) -> None:
    chat = openai.chat.completions
    with chat.stream(model="sim-tools:calls=2", messages=HELLO, tools=[WEATHER]) as stream:
        message = stream.get_final_completion().choices[0].message
    found = [(call.function.name, call.function.arguments) for call in message.tool_calls or ()]
    assert found == [("weather", '{"city":"Paris"}')] * 2


def test_tools_are_called_only_when_asked_for(http: httpx.Client) -> None:
    answer = ask(http, "gpt-4o", tools=[WEATHER]).json()
    assert answer["choices"][0]["finish_reason"] == "stop"
    answer = ask(http, "gpt-4o", tools=[WEATHER], tool_choice="required").json()
    assert answer["choices"][0]["finish_reason"] == "tool_calls"
    answered = [*HELLO, {"role": "tool", "content": "rain", "tool_call_id": "call_1"}]
    answer = ask(http, "sim-tools", tools=[WEATHER], messages=answered).json()
    assert answer["choices"][0]["finish_reason"] == "stop"


def test_embeddings_are_the_same_in_both_encodings(openai: OpenAI) -> None:
    texts = ["a river", "a mill"]
    packed = openai.embeddings.create(model="e", input=texts, dimensions=8)
    plain = openai.embeddings.create(model="e", input=texts, dimensions=8, encoding_format="float")
    assert packed.usage.prompt_tokens == 4
    for one, other in zip(packed.data, plain.data, strict=True):
        assert one.embedding == pytest.approx(other.embedding)
        assert sum(value * value for value in one.embedding) == pytest.approx(1)
    assert packed.data[0].embedding != packed.data[1].embedding


def test_openai_python_reads_the_other_endpoints(openai: OpenAI) -> None:
    assert openai.moderations.create(input="violence").results[0].categories.violence
    assert not openai.moderations.create(input=["peace"]).results[0].flagged
    assert "sim-hang" in [model.id for model in openai.models.list()]
    assert openai.models.retrieve("any/name").id == "any/name"
    completion = openai.completions.create(model="m", prompt="a b", max_tokens=2)
    assert completion.choices[0].finish_reason == "length"
    stream = openai.completions.create(model="m", prompt="a b", max_tokens=2, stream=True)
    assert "".join(part.choices[0].text for part in stream) == completion.choices[0].text


@pytest.mark.parametrize("prefix", ["", "/v1", "/openai", "/openai/v1"])
def test_path_may_have_any_of_the_usual_prefixes(http: httpx.Client, prefix: str) -> None:
    body = {"model": "m", "messages": HELLO}
    assert http.post(f"{prefix}/chat/completions?x=1", json=body).json()["model"] == "m"
    assert http.get(f"{prefix}/models/m").json()["id"] == "m"
    assert http.post(f"{prefix}/unknown", json=body).status_code == 404
    azure = http.post("/openai/deployments/d/chat/completions", json={"messages": HELLO})
    assert azure.json()["model"] == "d"


@pytest.mark.parametrize(
    "body", [b"", b"{", b'{"model":1}', b'{"model":"m"}', b"[" * 9999, b'{"model":"\xff"}']
)
def test_what_openai_would_refuse_is_refused(http: httpx.Client, body: bytes) -> None:
    response = http.post("/v1/chat/completions", content=body)
    assert response.status_code == 400
    assert response.json()["error"]["type"] == "invalid_request_error"


@given(
    limit=st.none() | st.integers(1, 400),
    wanted=st.integers(0, 300),
    name=st.sampled_from(["tokens", "reasoning", "unicode", "empty"]),
)
def test_no_answer_is_longer_than_allowed(limit: int | None, wanted: int, name: str) -> None:
    asked = Ask(True, "m", 3, limit, 1, False, False)  # noqa: FBT003 -- a named tuple
    script = script_for(asked, parse(f"{name}:n={wanted}"))
    assert script.usage is not None
    assert script.tokens + script.usage.reasoning <= (limit or 10_000)
    assert script.usage.completion == script.tokens + script.usage.reasoning
    assert len(script.pieces()) == script.tokens


def test_key_and_headers_ask_for_behaviours_too(http: httpx.Client) -> None:
    by_key = {"authorization": "Bearer sim-key-status:code=503"}
    assert [ask(http, "gpt-4o-mini", one).status_code for one in ({}, by_key)] == [200, 503]
    assert ask(http, "gpt-4o-mini", {**by_key, "x-sim-code": "504"}).status_code == 504
    assert ask(http, "sim-html", {"authorization": "Bearer sim-key-ok"}).json()["choices"]
    assert "html" in ask(http, "sim-html").headers["content-type"]
    assert ask(http, "gpt-4o-mini", {"x-sim-behaviour": "redirect"}).status_code == 302


def test_errors_are_worded_like_the_real_ones(http: httpx.Client, openai: OpenAI) -> None:
    limited = ask(http, "sim-status:code=429:retry_after=30")
    assert (limited.status_code, limited.headers["retry-after"]) == (429, "30")
    refused = ask(http, "sim-status:code=401").json()["error"]
    assert "Incorrect API key provided: sk-abc***" in refused["message"]
    model = "sim-error-mid:after=2"
    stream = openai.chat.completions.create(model=model, messages=HELLO, stream=True)
    received: list[str | None] = []
    with pytest.raises(APIError):
        received.extend(chunk.choices[0].delta.content for chunk in stream)
    assert len(received) == 3


def test_flaky_works_in_the_end(http: httpx.Client) -> None:
    statuses = [ask(http, "sim-flaky:fail=2:test=1").status_code for _ in range(4)]
    assert statuses == [500, 500, 200, 200]


def test_usage_is_as_wrong_as_asked(http: httpx.Client) -> None:
    assert "usage" not in ask(http, "sim-nousage").json()
    usage = ask(http, "sim-badusage:completion=many").json()["usage"]
    assert (usage["prompt_tokens"], usage["completion_tokens"]) == (-5, "many")
    usage = ask(http, "sim-reasoning").json()["usage"]
    assert usage["completion_tokens_details"]["reasoning_tokens"] == 300
    assert usage["completion_tokens"] == 320


def test_malformed_stream_holds_the_same_text_for_a_tolerant_reader(http: httpx.Client) -> None:
    plain = ask(http, "m", {"x-sim-behaviour": "unicode"}).json()
    odd = ask(http, "m", {"x-sim-behaviour": "malformed"}, stream=True).content
    text, found = odd.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n"), ""
    for event in text.split("\n\n"):
        data = "\n".join(line[5:] for line in event.split("\n") if line.startswith("data:"))
        with contextlib.suppress(ValueError):
            found += text_of([json.loads(data)])
    assert found == plain["choices"][0]["message"]["content"]


def test_gzip_bomb_is_small_and_unpacks_to_what_was_asked(http: httpx.Client) -> None:
    body = {"model": "sim-gzip-bomb:mb=8", "messages": HELLO}
    with http.stream("POST", "/v1/chat/completions", json=body) as response:
        packed = b"".join(response.iter_raw())
    assert response.headers["content-encoding"] == "gzip"
    assert len(packed) < 16_000
    unpacked = zlib.decompress(packed, wbits=31)
    assert len(unpacked) == 8 * 1024 * 1024 + 2
    assert json.loads(unpacked) == {}


@pytest.mark.parametrize(
    ("model", "size"), [("sim-longline:mb=1", 1 << 20), ("sim-big:kb=64", 64 << 10)]
)
def test_large_answers_are_as_large_as_asked(http: httpx.Client, model: str, size: int) -> None:
    content = ask(http, model).json()["choices"][0]["message"]["content"]
    assert size <= len(content) < size * 1.01
    assert text_of(payloads_of(ask(http, model, stream=True).text)) == content


def test_tokens_come_at_the_pace_asked_for(http: httpx.Client) -> None:
    for streamed in (True, False):
        started_at = time.monotonic()
        ask(http, "sim-tokens:n=20:rate=100", stream=streamed)
        assert 0.18 < time.monotonic() - started_at < 2


def test_dripped_answer_is_whole_in_the_end(http: httpx.Client) -> None:
    whole = ask(http, "m", {"x-sim-behaviour": "drip:every=0"}).json()
    streamed = ask(http, "m", {"x-sim-behaviour": "drip:every=0"}, stream=True)
    assert text_of(payloads_of(streamed.text)) == whole["choices"][0]["message"]["content"]


def test_kept_connection_is_closed_when_it_is_used_again(http: httpx.Client) -> None:
    assert ask(http, "sim-idleclose").status_code == 200
    with pytest.raises(httpx.TransportError):
        ask(http, "gpt-4o-mini")
    assert ask(http, "gpt-4o-mini").status_code == 200


@pytest.mark.parametrize("model", ["sim-badchunk", "sim-cut", "sim-badheader"])
def test_broken_http_is_refused_by_a_careful_client(http: httpx.Client, model: str) -> None:
    with pytest.raises(httpx.RemoteProtocolError):
        ask(http, model)


async def test_interim_and_smuggled_answers_surround_the_real_one(url: str) -> None:
    async with connected(url, "sim-interim:count=3") as (reader, writer):
        received = await read_until_silent(reader)
        assert received.count(b"HTTP/1.1 103") == 3
        assert received.count(b"HTTP/1.1 200") == 1
        writer.write(raw_request("sim-smuggle"))
        assert (await read_until_silent(reader)).count(b"HTTP/1.1 200") == 2


@pytest.mark.parametrize("model", ["sim-reset", "sim-cut:mode=rst", "sim-cut:mode=rst:after=0"])
async def test_reset_arrives_as_a_reset(url: str, model: str) -> None:
    async with connected(url, model, stream=True) as (reader, _):
        with pytest.raises(ConnectionResetError):
            await reader.read(-1)


async def test_cut_answers_end_too_early(url: str) -> None:
    async with connected(url, "sim-cut:after=4", stream=True) as (reader, _):
        received = await reader.read(-1)
    assert received.count(b"data: ") == 1 + 4
    assert not received.endswith(b"0\r\n\r\n")
    async with connected(url, "sim-cut") as (reader, _):
        head, _, body = (await reader.read(-1)).partition(b"\r\n\r\n")
    assert 0 < len(body) < int(head.split(b"content-length: ")[1].split()[0])


@pytest.mark.parametrize(("model", "events"), [("sim-hang", 0), ("sim-stall:after=2", 3)])
async def test_silence_is_kept_and_counted_as_open(url: str, model: str, events: int) -> None:
    async with connected(url, model, stream=True, user=model) as (reader, _):
        received = await read_until_silent(reader)
        assert received.count(b"data: ") == events
        assert (await tally_of(url, model))["open"] == 1
    assert (await tally_of(url, model, aborted=1))["open"] == 0


async def test_pipelined_requests_are_answered_in_order(url: str) -> None:
    found = []
    async with connected(url, "sim-slow:seconds=0.1") as (reader, writer):
        writer.write(raw_request("first") + raw_request("second"))
        for _ in range(3):
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
            length = int(head.split(b"content-length: ")[1].split()[0])
            found.append(json.loads(await reader.readexactly(length))["model"])
    assert found == ["sim-slow:seconds=0.1", "first", "second"]


async def tally_of(url: str, request_id: str, *, aborted: int = 0) -> dict[str, Any]:
    tally: dict[str, Any] = {"aborted": -1}
    async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
        while tally["aborted"] < aborted:
            await asyncio.sleep(0.02)
            tally = (await client.get("/sim/stats")).json()["by_request_id"][request_id]
    return tally


async def test_peer_that_leaves_is_counted_with_what_it_got(url: str) -> None:
    received = b""
    async with connected(url, "sim-tokens:n=500:rate=100", stream=True, user="me") as (reader, _):
        while received.count(b'"content":"') < 1 + 5:
            received += await reader.read(65536)
    tally = await tally_of(url, "me", aborted=1)
    assert (tally["calls"], tally["finished"], tally["aborted"]) == (1, 0, 1)
    assert 5 <= tally["sent_tokens"] < 100
    assert tally["closed_by_peer_at"] > 0
    assert tally["reported_completion_tokens"] == 0


def test_oracle_counts_by_model_key_and_request(http: httpx.Client) -> None:
    http.post("/sim/reset")
    headers = {"authorization": "Bearer sk-a", "x-oneapi-request-id": "r-1"}
    ask(http, "gpt-4o-mini", headers)
    ask(http, "gpt-4o-mini", headers, stream=True, stream_options={"include_usage": True})
    ask(http, "sim-tokens:n=7", headers)
    ask(http, "sim-nousage", {"authorization": "Bearer sk-b"}, stream=True)
    ask(http, "sim-status:code=500", headers)
    stats = http.get("/sim/stats").json()
    assert [stats[one] for one in ("calls", "finished", "aborted", "open")] == [5, 5, 0, 0]
    assert stats["completion_tokens"] == 20 + 20 + 7 + 20
    assert stats["reported_completion_tokens"] == 20 + 20 + 7
    assert stats["prompt_tokens"] == 3 * 4
    assert stats["by_model"]["gpt-4o-mini"]["calls"] == 2
    assert stats["by_key"]["sk-a"]["calls"] == 4
    assert list(stats["by_request_id"]) == ["r-1"]
    assert stats["by_request_id"]["r-1"]["sent_tokens"] == 47
    assert stats["by_request_id"]["r-1"]["reported_prompt_tokens"] == 9


def test_oracle_forgets_the_oldest_request_ids() -> None:
    oracle = Oracle()
    for number in range(MOST_IDS + 10):
        oracle.tallies_for("m", "k", str(number))
    assert list(oracle.stats()["by_request_id"]) == [str(10 + at) for at in range(MOST_IDS)]


def test_last_request_is_shown_as_it_came(http: httpx.Client) -> None:
    ask(http, "gpt-4o-mini", {"X-Custom": "yes"}, temperature=0.3)
    last = http.get("/sim/last").json()
    assert (last["method"], last["path"]) == ("POST", "/v1/chat/completions")
    assert last["headers"]["x-custom"] == "yes"
    assert json.loads(last["body"])["temperature"] == 0.3


async def test_sigterm_ends_it_at_once_even_in_mid_stream() -> None:
    command = [sys.executable, "-m", "channels_app.simulator", "--port", "0"]
    pipe = subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, cwd=PROJECT, stdout=pipe, stderr=pipe)
    assert process.stdout is not None
    line = (await process.stdout.readline()).decode()
    assert line.startswith("simulator listening on 127.0.0.1:")
    async with connected(line.split()[-1], "sim-tokens:n=5000:rate=50", stream=True) as (reader, _):
        await reader.readuntil(b"\r\n\r\n")
        process.send_signal(signal.SIGTERM)
        _, errors = await asyncio.wait_for(process.communicate(), 3)
    assert (process.returncode, errors) == (0, b"")
