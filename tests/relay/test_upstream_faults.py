"""What a client sees, and what it is charged, when the provider misbehaves."""

import json
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from tests.relay.live_gateway import LiveGateway

HURRIED = ("--first-byte-seconds", 2, "--idle-seconds", 1, "--total-seconds", 3)
# Only these run out of time; the others may take theirs on a busy machine.
SLOW = {"sim-hang", "sim-drip:every=0.5", "sim-stall:after=5", "sim-tokens:n=50:rate=10"}
SERVER_ERROR = "upstream_error"
BAD = "bad_upstream_response"
MEGABYTE = 1024 * 1024


@dataclass(frozen=True)
class Fault:
    """Status and code of the answer; nothing is sent before it, and nothing is charged."""

    model: str
    status: int
    code: str


WHOLE = [
    Fault("sim-status:code=500", 502, SERVER_ERROR),
    Fault("sim-status:code=503", 503, SERVER_ERROR),
    Fault("sim-status:code=529", 503, SERVER_ERROR),
    Fault("sim-status:code=504", 504, "upstream_timeout"),
    Fault("sim-status:code=408", 504, "upstream_timeout"),
    Fault("sim-status:code=401", 502, "upstream_refused"),
    Fault("sim-status:code=402", 502, "upstream_refused"),
    Fault("sim-status:code=403", 502, "upstream_refused"),
    Fault("sim-status:code=404", 502, "model_not_found"),
    Fault("sim-status:code=429", 429, "upstream_rate_limited"),
    Fault("sim-status:code=204", 502, SERVER_ERROR),
    Fault("sim-status:code=304", 502, SERVER_ERROR),
    Fault("sim-status:code=400", 400, "invalid_request_error"),
    Fault("sim-redirect", 502, SERVER_ERROR),
    Fault("sim-reset", 502, "connection_broken"),
    Fault("sim-hang", 504, "upstream_timeout"),
    Fault("sim-drip:every=0.5", 504, "upstream_timeout"),
    Fault("sim-cut", 502, "connection_broken"),
    Fault("sim-cut:mode=rst", 502, "connection_broken"),
    Fault("sim-nolength", 502, BAD),
    Fault("sim-html", 502, BAD),
    Fault("sim-error200", 502, SERVER_ERROR),
    Fault("sim-malformed", 502, BAD),
    Fault("sim-nochoices", 502, BAD),
    Fault("sim-gzip-bomb:mb=128", 502, BAD),
    Fault("sim-badheader:kb=200", 502, "connection_broken"),
    Fault("sim-badchunk", 502, "connection_broken"),
    Fault("sim-longline:mb=70", 502, BAD),
]
STREAMED_DIFFERENTLY = {
    "sim-cut": None,
    "sim-cut:mode=rst": None,
    "sim-malformed": None,
    "sim-longline:mb=70": None,
    "sim-gzip-bomb:mb=128": Fault("sim-gzip-bomb:mb=128", 502, "empty_stream"),
}
STREAMED = [
    one
    for fault in WHOLE
    if (one := STREAMED_DIFFERENTLY.get(fault.model, fault)) and fault.model != "sim-nochoices"
]
EMPTY = ["sim-empty", "sim-nochoices"]
# Streams that break after something was sent: model -> (code of the error event, words).
CUT = {
    "sim-cut:after=5": ("connection_broken", 5),
    "sim-cut:after=5:mode=rst": ("connection_broken", 5),
    "sim-stall:after=5": ("upstream_timeout", 5),
    "sim-error-mid:after=5": ("upstream_cut", 5),
    "sim-tokens:n=50:rate=10": ("upstream_timeout", None),
}
# What a careful reader can still use: model -> (prompt, completion, estimated).
USABLE = {
    "sim-interim:count=100": (3, 20, False),
    "sim-nodone": (3, 20, False),
    "sim-unicode": (3, 20, False),
    "sim-reasoning": (3, 320, False),
    "sim-finish": (3, 20, False),
    "sim-big:kb=20": (3, None, False),
    "sim-nousage": (6, 20, True),
    "sim-badusage": (6, 20, True),
    "sim-badusage:completion=many": (6, 20, True),
    "sim-badusage:prompt=3:completion=999999999999": (6, 20, True),
    "sim-badusage:prompt=999999999:completion=20": (6, 20, True),
    "sim-badusage:prompt=0:completion=0": (6, 20, True),
}
# These are faults in the other form: (model, streamed).
ONE_FORM = [("sim-malformed", True), ("sim-smuggle", False)]
USABLE_FORMS = [(model, streamed) for model in USABLE for streamed in (False, True)] + ONE_FORM


@pytest.fixture(scope="module", autouse=True)
def channels(live: LiveGateway) -> None:
    models = {fault.model for fault in WHOLE} | {*CUT, *USABLE, *EMPTY, "good-after-fault"}
    models |= {model for model, _ in ONE_FORM}
    live.new_channel(",".join(sorted(models - SLOW)))
    live.new_channel(",".join(sorted(SLOW)), *HURRIED)
    live.take_in()


def check_nothing_is_left(live: LiveGateway, response: httpx.Response, status: int) -> None:
    """Nothing is charged, the books are right, and the next call works."""
    row = live.usage_of(response)
    charged = row["units"], row["prompt_tokens"], row["completion_tokens"]
    assert (row["status"], row["http_status"], charged) == ("failed", status, (0, 0, 0))
    assert live.chat("good-after-fault").status_code == 200
    assert live.manage("audit")["differences"] == []


@pytest.mark.parametrize("fault", WHOLE, ids=lambda fault: fault.model)
def test_failed_answer_has_a_fitting_status_and_costs_nothing(
    live: LiveGateway, fault: Fault
) -> None:
    response = live.chat(fault.model)
    assert (response.status_code, response.json()["error"]["code"]) == (fault.status, fault.code)
    check_nothing_is_left(live, response, fault.status)


@pytest.mark.parametrize("fault", STREAMED, ids=lambda fault: fault.model)
def test_stream_that_never_began_is_a_plain_error(live: LiveGateway, fault: Fault) -> None:
    response = live.chat(fault.model, stream=True)
    assert (response.status_code, response.json()["error"]["code"]) == (fault.status, fault.code)
    check_nothing_is_left(live, response, fault.status)


@pytest.mark.parametrize("is_stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("model", EMPTY)
def test_empty_answer_is_never_billed(live: LiveGateway, model: str, *, is_stream: bool) -> None:
    row = live.usage_of(live.chat(model, stream=is_stream))
    assert row["units"] == 0


@pytest.mark.parametrize("is_stream", [False, True], ids=["whole", "stream"])
def test_empty_answer_is_passed_on_where_nobody_else_shall_be_asked(
    live: LiveGateway, *, is_stream: bool
) -> None:
    live.set_option("BlankReplyRetryEnabled", "false")
    try:
        response = live.chat("sim-empty", stream=is_stream)
    finally:
        live.set_option("BlankReplyRetryEnabled", "true")
    row = live.usage_of(response)
    told = response.status_code, row["status"], row["error"], row["units"], row["attempts"]
    assert told == (200, "ok", "empty_answer", 0, [])


def events(response: httpx.Response) -> list[Any]:
    """The data of a stream, which ends as streams end."""
    *events, end, rest = response.text.split("\n\n")
    assert (end, rest) == ("data: [DONE]", "")
    return [json.loads(event.removeprefix("data: ")) for event in events]


def words(chunks: list[Any]) -> int:
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks if chunk["choices"]]
    return len("".join(delta.get("content") or "" for delta in deltas).split())


@pytest.mark.parametrize("model", CUT)
def test_stream_that_breaks_ends_with_an_error_event_and_is_charged_as_received(
    live: LiveGateway, model: str
) -> None:
    code, received = CUT[model]
    response = live.chat(model, stream=True)
    *chunks, last = events(response)
    assert response.status_code == 200
    assert (last["error"]["type"], last["error"]["code"]) == ("upstream_error", code)
    assert response.headers["x-oneapi-request-id"] in last["error"]["message"]
    assert received in {None, words(chunks)}
    row = live.usage_of(response)
    assert (row["status"], row["estimated"], row["error"]) == ("cut", True, code)
    # Six prompt tokens by our own count, and a word is a token or hardly more.
    assert row["prompt_tokens"] == 6
    assert words(chunks) <= row["completion_tokens"] <= words(chunks) + 3
    assert row["units"] == 15 * (row["prompt_tokens"] + row["completion_tokens"])


def test_cut_streams_can_be_waived_by_option(live: LiveGateway) -> None:
    live.set_option("ChargeCutAnswers", "false")
    try:
        row = live.usage_of(live.chat("sim-cut:after=5", stream=True))
    finally:
        live.set_option("ChargeCutAnswers", "true")
    assert (row["status"], row["units"]) == ("cut", 0)


@pytest.mark.parametrize(("model", "is_stream"), USABLE_FORMS)
def test_odd_answer_is_passed_on_and_charged(
    live: LiveGateway, model: str, *, is_stream: bool
) -> None:
    response = live.chat(model, stream=is_stream)
    assert response.status_code == 200
    assert not is_stream or response.text.rstrip().endswith("[DONE]")
    prompt, completion, estimated = USABLE.get(model, (3, 20, False))
    row = live.usage_of(response)
    assert (row["status"], row["estimated"], row["prompt_tokens"]) == ("ok", estimated, prompt)
    assert completion in {None, row["completion_tokens"]}
    assert live.chat("good-after-fault").json()["model"] == "good-after-fault"
    assert live.manage("audit")["differences"] == []


def test_what_failed_is_not_kept_in_memory(live: LiveGateway) -> None:
    """Each of them made the worker grow by all that it had read, until its collector came by."""
    # Models of their own: none of them rests because of another.
    models = [f"sim-longline:mb={size}" for size in range(31, 39)]
    for model in models:
        live.new_channel(model)
    live.take_in()
    before = 0
    for count, model in enumerate(models):
        if count == 2:
            before = live.memory()
        assert live.chat(model, stream=True).json()["error"]["code"] == BAD
    assert live.memory() - before < 60 * MEGABYTE


def test_event_without_end_is_no_answer(live: LiveGateway) -> None:
    live.new_channel("sim-longline:mb=30")
    live.take_in()
    response = live.chat("sim-longline:mb=30", stream=True)
    assert (response.status_code, response.json()["error"]["code"]) == (502, BAD)
    assert live.usage_of(response)["units"] == 0
