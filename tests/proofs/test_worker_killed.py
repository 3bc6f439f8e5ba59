"""Proof 2: workers die at random moments under load, and every answer is charged exactly once."""

import os
import random
import time
from collections.abc import Callable

import pytest

from tests.harness.cast import Person
from tests.harness.clients import Call, answers_to
from tests.harness.gateway import Gateway, kill
from tests.harness.load import Load
from tests.harness.provider import ENDLESS, PACED, SILENT, Provider, price_of
from tests.harness.reckoning import Reckoning
from tests.harness.telling import tell
from tests.harness.waiting import wait_for

KILLS = int(os.environ.get("PROOF_KILLS", "8"))


def paced_calls(person: Person) -> Callable[[int], Call]:
    """Streams and whole answers of 1 to 120 tokens, so of up to two seconds."""
    dice = random.Random(7)

    def make(number: int) -> Call:
        tokens = dice.randint(1, 120)
        return person.call(PACED, number, is_streamed=number % 3 > 0, max_tokens=tokens)

    return make


@pytest.mark.timeout(300 + 10 * KILLS)
def test_every_answer_is_charged_once_though_workers_are_killed_under_load(
    gateway: Gateway, provider: Provider, alice: Person
) -> None:
    dice = random.Random()
    with Load(gateway.port, paced_calls(alice)) as load:
        wait_for(lambda: len(load.complete()) > 20, "no answers come")
        for _ in range(KILLS):
            time.sleep(dice.uniform(0.1, 1.2))
            victims = wait_for(gateway.worker_pids, "no worker is there to be killed")
            kill(dice.choice(victims))
        wait_for(gateway.all_workers, gateway.log_tail)
        so_far = len(load.complete())
        wait_for(lambda: len(load.complete()) > so_far + 20, "no answers come after the kills")
    gateway.books.wait_until_shipped()

    reckoning = Reckoning(load.answers, provider.counts(), gateway.books.usage(alice.name))
    tell(gateway.store.vendor, f"{KILLS} kills: {reckoning.figures()}")
    assert [answer.call.name for answer in load.answers if answer.is_overdue] == []
    assert reckoning.faults == []
    assert reckoning.charged == reckoning.finished + reckoning.interrupted
    assert alice.balance()["units"] == alice.units - reckoning.charged
    assert gateway.manage("audit")["differences"] == []


def test_after_a_kill_streams_cost_what_was_noted_and_other_holds_return(
    gateway: Gateway, provider: Provider, alice: Person, bob: Person
) -> None:
    streams = [alice.stream(ENDLESS, row, max_tokens=9000) for row in range(12)]
    silent = [bob.call(SILENT, row, max_tokens=9000) for row in range(12)]
    with answers_to(gateway.port, streams + silent):
        wait_for(lambda: len(gateway.books.under_way(bob.name)) == len(silent), "no calls open")
        noted = wait_for(lambda: all_noted(gateway, alice, len(streams)), "no progress is noted")
        assert bob.balance()["leased_units"] >= len(silent) * price_of(3, 9000)
        for pid in gateway.worker_pids():
            kill(pid)
    wait_for(gateway.all_workers, gateway.log_tail)
    gateway.books.wait_until_shipped()

    rows = {row.request_id: row for row in gateway.books.usage(alice.name)}
    counts = provider.counts()
    produced = [counts[call.name]["completion_tokens"] for call in streams]
    charged = sum(row.amount for row in rows.values())
    tell(
        gateway.store.vendor,
        f"{len(rows)} streams, noted {sum(noted.values())} units, charged "
        f"{charged}, provider wrote {sum(produced)} tokens; bob has {bob.balance()}",
    )
    assert {row.status for row in rows.values()} == {"interrupted"}
    assert all(rows[name].amount >= units > 0 for name, units in noted.items())
    assert max(row.completion_tokens for row in rows.values()) <= max(produced)
    assert alice.balance()["units"] == alice.units - charged
    assert bob.balance() | {"usd": ""} == {
        "user": bob.name,
        "units": bob.units,
        "usd": "",
        "leased_units": 0,
        "used_units": 0,
    }
    assert gateway.manage("audit")["differences"] == []


@pytest.mark.parametrize("gateway", ["sqlite"], indirect=True)
def test_picture_in_an_interrupted_call_is_not_charged_by_its_bytes(
    gateway: Gateway, alice: Person
) -> None:
    call = alice.stream(ENDLESS, max_tokens=9000, image=bytes(300_000))
    with answers_to(gateway.port, [call]):
        wait_for(lambda: all_noted(gateway, alice, 1), "no progress is noted")
        for pid in gateway.worker_pids():
            kill(pid)
    wait_for(gateway.all_workers, gateway.log_tail)
    gateway.books.wait_until_shipped()

    (row,) = gateway.books.usage(alice.name)
    tell(
        "sqlite",
        f"charged {row.prompt_tokens} + {row.completion_tokens} tokens, {row.amount} units",
    )
    assert 0 < row.prompt_tokens < 5000


def all_noted(gateway: Gateway, person: Person, streams: int) -> dict[str, int]:
    """The units noted of each stream, once something is noted of all of them."""
    found = gateway.books.under_way(person.name)
    noted = {name: progress.amount for name, progress in found.items() if progress is not None}
    return noted if len(noted) == streams else {}
