"""Proof 3, second half: the database is away for a while; calls go on as far as leases last."""

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from relay.reservation import UNKNOWN_OUTPUT
from tests.harness.answering_provider import AnsweringProvider, running_answers
from tests.harness.cast import Person, new_person
from tests.harness.clients import Answer, Call, answers_to, ask_all
from tests.harness.gateway import Gateway, running_gateway
from tests.harness.load import Load
from tests.harness.provider import BY_CALL, PLAIN, PRICE, UNITS_PER_CALL, Provider, price_of
from tests.harness.proxy import FaultyLine, Mode
from tests.harness.reckoning import Reckoning
from tests.harness.services import fresh_store, vendor_params
from tests.harness.telling import tell
from tests.harness.waiting import wait_for
from tests.proofs.test_worker_killed import paced_calls

AWAY_SECONDS = 10
LONG_TOKENS = 40_000
LONG = f"sim-tokens:n={LONG_TOKENS}:rate=5000"
ANSWER_SECONDS = 15
RICH = 50_000_000


@dataclass(frozen=True)
class Remote:
    """A gateway, and the line to its database."""

    gateway: Gateway
    line: FaultyLine


@dataclass(frozen=True)
class Outage:
    """What was seen while the database was away, and what the books say afterwards."""

    gateway: Gateway
    rich: Person
    poor: Person
    answers: Sequence[Answer]
    served_meanwhile: int
    refused_meanwhile: Sequence[Answer]
    reckoning: Reckoning


@pytest.fixture(scope="module")
def holder() -> Iterator[AnsweringProvider]:
    """A provider that keeps responses itself."""
    with running_answers() as answers:
        yield answers


@pytest.fixture(scope="module", params=vendor_params("postgres", "mariadb"))
def remote(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    provider: Provider,
    holder: AnsweringProvider,
) -> Iterator[Remote]:
    folder = tmp_path_factory.mktemp(f"remote-{request.param}")
    with (
        fresh_store(request.param, folder) as store,
        FaultyLine(store.host, store.port) as line,
        running_gateway(
            store,
            folder,
            commands=[*provider.commands(), *more_channels(provider, holder)],
            workers=2,
            dsn=store.through(line.port).dsn,
        ) as gateway,
    ):
        yield Remote(gateway, line)


@pytest.fixture(scope="module", params=["reset", "silent"])
def outage(request: pytest.FixtureRequest, remote: Remote, provider: Provider) -> Outage:
    gateway = remote.gateway
    alice = new_person(gateway, "alice", units=RICH)
    carol = new_person(gateway, "carol", units=9 * UNITS_PER_CALL, token=("--billed-per-call",))
    with Load(gateway.port, paced_calls(alice)) as load:
        wait_for(lambda: served_by(gateway, alice) == 2, "not both workers have served alice")
        assert ask_all(gateway.port, by_call(carol, "before", 1))[0].is_complete
        so_far = len(load.complete())
        refused = call_while_away(remote, carol, request.param)
        meanwhile = len(load.complete()) - so_far
        remote.line.become("open")
        wait_for(lambda: came_back(gateway, carol), gateway.log_tail)
    gateway.books.wait_until_shipped()
    reckoning = Reckoning(load.answers, provider.counts(), gateway.books.usage(alice.name))
    outcomes = Counter((a.status, a.headers.get("retry-after")) for a in refused)
    tell(
        f"{gateway.store.vendor}, {request.param}",
        f"{meanwhile} answers while it was away; new "
        f"credit (status, retry after): {dict(outcomes)}; {reckoning.figures()}",
    )
    return Outage(gateway, alice, carol, load.answers, meanwhile, refused, reckoning)


def test_nothing_is_lost_and_calls_go_on_while_the_database_is_away(outage: Outage) -> None:
    spent = sum(row.amount for row in outage.gateway.books.usage(outage.poor.name))

    assert outage.served_meanwhile > 0
    assert all(answer.is_complete for answer in outage.answers)
    assert outage.reckoning.faults == []
    assert outage.rich.balance()["units"] == outage.rich.units - outage.reckoning.charged
    assert outage.poor.balance()["units"] == outage.poor.units - spent >= 0
    assert outage.gateway.manage("audit")["differences"] == []


def test_what_needs_the_database_is_refused_with_503_while_it_is_away(outage: Outage) -> None:
    refused = outage.refused_meanwhile

    assert {answer.status for answer in refused} == {503}
    assert all(int(answer.headers["retry-after"]) > 0 for answer in refused)
    assert {answer.error["code"] for answer in refused} == {"accounting_unavailable"}


@pytest.mark.parametrize("model", ["held-by-us", "held-by-provider"])
def test_responses_of_an_outage_can_be_continued(
    remote: Remote, holder: AnsweringProvider, model: str
) -> None:
    gateway, line, failed = remote.gateway, remote.line, failed_writings(remote.gateway)
    with client_of(new_person(gateway, "rita", units=RICH)) as client:
        take_in(gateway, client, f"known-{model}")
        holder.says["/v1/responses"] = 200, held_response("before")
        respond(client, model)
        line.become("reset")
        try:
            holder.says["/v1/responses"] = 200, held_response(f"first-{model}")
            first = respond(client, model)
            holder.says["/v1/responses"] = 200, held_response(f"second-{model}")
            second = respond(client, model, previous_response_id=first)
            # Longer than between two writings: those of the outage have failed.
            wait_for(lambda: failed_writings(gateway) > failed, gateway.log_tail)
        finally:
            line.become("open")
    wait_for(lambda: {first, second} <= known_responses(gateway), gateway.log_tail)
    assert gateway.manage("audit")["differences"] == []


def test_connections_that_died_while_idle_cost_no_call(remote: Remote) -> None:
    """A database that restarted, or a firewall that forgot who was quiet."""
    gateway = remote.gateway
    wait_until_both_serve(gateway, new_person(gateway, "eve", units=RICH))
    people = [new_person(gateway, "late", units=RICH) for _ in range(4)]

    remote.line.become("reset")
    remote.line.become("open")

    answers = ask_all(gateway.port, [person.call(PLAIN) for person in people])
    assert [answer.status for answer in answers] == [200] * len(people), gateway.log_tail()


def test_credit_that_came_when_nobody_waited_any_more_can_be_spent(remote: Remote) -> None:
    gateway, line = remote.gateway, remote.line
    wait_until_both_serve(gateway, new_person(gateway, "eve", units=RICH))
    person = new_person(gateway, "tim", units=2 * UNITS_PER_CALL, token=("--billed-per-call",))
    call = {"model": BY_CALL, "messages": [{"role": "user", "content": "hi"}]}
    with client_of(person) as client:
        # Its worker knows the person now, and has leased no more than this call needed.
        assert client.post("/v1/chat/completions", json=call).status_code == 200
        line.become("silent")
        try:
            assert client.post("/v1/chat/completions", json=call).status_code == 503
        finally:
            line.become("open")
        wait_for(lambda: gateway.books.leases_of(person.name), gateway.log_tail)
        assert client.post("/v1/chat/completions", json=call).status_code == 200
    gateway.books.wait_until_shipped()
    assert person.balance()["units"] == 0


def test_stream_that_outgrows_its_hold_is_charged_though_no_more_can_be_held(
    remote: Remote,
) -> None:
    held = price_of(3, UNKNOWN_OUTPUT)
    wait_until_both_serve(remote.gateway, new_person(remote.gateway, "eve", units=RICH))
    person = new_person(remote.gateway, "paul", units=held + 20_000)
    call = person.stream(LONG)
    with answers_to(remote.gateway.port, [call]) as answers:
        wait_for(
            lambda: remote.gateway.books.under_way(person.name),
            lambda: f"the stream does not begin: {answers}\n{remote.gateway.log_tail()}",
        )
        remote.line.become("reset")
        time.sleep(AWAY_SECONDS)
        remote.line.become("open")
    remote.gateway.books.wait_until_shipped()

    (row,) = remote.gateway.books.usage(person.name)
    tell(remote.gateway.store.vendor, row)
    assert answers[0].is_complete
    # What came in the piece that passed the hold is the operator's loss, and written down.
    assert row.status == "stopped"
    assert row.amount >= held
    assert row.amount + row.uncollected == price_of(row.prompt_tokens, row.completion_tokens)
    assert row.completion_tokens < LONG_TOKENS
    assert person.balance()["units"] == person.units - row.amount


def take_in(gateway: Gateway, client: httpx.Client, marker: str) -> None:
    """Return when the worker that this client is connected to knows all changes so far: what it
    hears of later would have to be read again, from a database that is away.
    """
    gateway.manage("channel", "set", "ours", "--models", f"held-by-us,{marker}")
    wait_for(
        lambda: client.get(f"/v1/models/{marker}").status_code == 200,
        "the gateway does not take in changes",
    )


def more_channels(provider: Provider, holder: AnsweringProvider) -> list[tuple[object, ...]]:
    """For responses that the provider keeps or we do, and for a stream longer than any hold."""
    models = ("held-by-us", "held-by-provider", LONG)
    add = ("channel", "add", "--kind", "openai", "--key", "usual", "--base-url")
    ours = (*add, provider.url, "--setting", "dialects=openai")
    theirs = (*add, holder.url, "--setting", "dialects=responses")
    return [
        (*ours, "--name", "ours", "--models", "held-by-us"),
        (*theirs, "--name", "theirs", "--models", "held-by-provider"),
        (*ours, "--name", "long", "--models", LONG),
        *(("price", "set", model, *PRICE) for model in models),
        ("constance", "set", "ResponseStoreHours", "1"),
    ]


def client_of(person: Person) -> httpx.Client:
    """On one connection, so that the same worker answers all its calls."""
    return httpx.Client(
        base_url=f"http://127.0.0.1:{person.gateway.port}",
        headers={"authorization": f"Bearer {person.key}"},
        trust_env=False,
        timeout=60,
        limits=httpx.Limits(max_connections=1),
    )


def respond(client: httpx.Client, model: str, **more: str) -> str:
    """The id of a new response."""
    answer = client.post("/v1/responses", json={"model": model, "input": "one two", **more})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["id"])


def held_response(name: str) -> dict[str, Any]:
    """As its provider answers it."""
    words = {"type": "output_text", "text": "one two three", "annotations": []}
    message = {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed"}
    return {
        "id": f"resp_{name}",
        "object": "response",
        "created_at": 1,
        "status": "completed",
        "model": "held-by-provider",
        "output": [{**message, "content": [words]}],
        "usage": {"input_tokens": 3, "output_tokens": 3, "total_tokens": 6},
    }


def failed_writings(gateway: Gateway) -> int:
    """How many times the log tells that responses could not be written."""
    log = (gateway.folder / "serve.log").read_text().splitlines()
    return sum('"job_failed"' in line and "write_responses" in line for line in log)


def known_responses(gateway: Gateway) -> set[str]:
    return {row[0] for row in gateway.store.rows("SELECT response_id FROM relay_storedresponse")}


def call_while_away(remote: Remote, poor: Person, mode: Mode) -> list[Answer]:
    """Calls that need new credit, and one with a key that the gateway has never seen."""
    stranger = new_person(remote.gateway, "zoe", units=RICH)
    calls = [*by_call(poor, "away", 6), Call(f"{stranger.name}-away", stranger.key, PLAIN)]
    remote.line.become(mode)
    ends = time.monotonic() + AWAY_SECONDS
    answers = ask_all(remote.gateway.port, calls, seconds=ANSWER_SECONDS)
    time.sleep(max(ends - time.monotonic(), 0))
    return answers


def by_call(person: Person, when: str, count: int) -> list[Call]:
    """Calls so dear that each needs credit from the database."""
    return [Call(f"{person.name}-{when}-{row}", person.key, BY_CALL) for row in range(count)]


def came_back(gateway: Gateway, person: Person) -> bool:
    """Whether new credit can be had again."""
    name = f"after-{time.monotonic_ns()}"
    return ask_all(gateway.port, by_call(person, name, 1))[0].is_complete


def wait_until_both_serve(gateway: Gateway, person: Person) -> None:
    """Each worker has come back to the database: both had credit for this new person."""
    calls = [person.call(PLAIN, row) for row in range(8)]
    wait_for(
        lambda: ask_all(gateway.port, calls) and served_by(gateway, person) == 2,
        gateway.log_tail,
    )


def served_by(gateway: Gateway, person: Person) -> int:
    """How many workers have answered a person."""
    return len({row.worker_id for row in gateway.books.usage(person.name)})
