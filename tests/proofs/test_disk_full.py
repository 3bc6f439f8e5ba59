"""A disk is full to the last byte: what can't be booked is not sold, what is booked is not lost."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.harness.cast import Person, new_person
from tests.harness.clients import Answer, Call, answers_to, ask_all
from tests.harness.disks import Disk, small_disk
from tests.harness.gateway import Gateway, running_gateway
from tests.harness.load import Load
from tests.harness.provider import PACED, PLAIN, UNITS_PER_CALL, Provider, price_of
from tests.harness.reckoning import Reckoning
from tests.harness.services import Store, fresh_store
from tests.harness.telling import tell
from tests.harness.waiting import wait_for
from tests.proofs.test_database_away import by_call, came_back, served_by
from tests.proofs.test_worker_killed import paced_calls

pytestmark = pytest.mark.xdist_group("full-disk")
DISK_MEGABYTES = 160
RICH = 50_000_000
MESSAGES = [{"role": "user", "content": "one two three"}]
DIALECTS = {
    "openai": ("/v1/chat/completions", {"model": PLAIN, "messages": MESSAGES}),
    "anthropic": ("/v1/messages", {"model": PLAIN, "messages": MESSAGES, "max_tokens": 9}),
    "gemini": (
        f"/v1beta/models/{PLAIN}:generateContent",
        {"contents": [{"role": "user", "parts": [{"text": "one two three"}]}]},
    ),
}


@dataclass(frozen=True)
class Housed:
    """A gateway of which something lies on a small disk."""

    what: str
    """everything, journal, or database."""
    gateway: Gateway
    disk: Disk

    @property
    def log(self) -> list[dict[str, Any]]:
        """The lines of its log, each a JSON object."""
        text = (self.gateway.folder / "serve.log").read_text(errors="replace")
        return [json.loads(line) for line in text.splitlines() if line.startswith("{")]

    def tells(self, words: str) -> bool:
        return any(words in line.get("job", "") for line in self.log)

    @property
    def trouble(self) -> str:
        """What /readyz calls it."""
        return "database" if self.what == "database" else "disk_full"

    @property
    def pids(self) -> list[int]:
        return sorted([*self.gateway.worker_pids(), self.gateway.recorder_pid() or 0])


@dataclass(frozen=True)
class Outage:
    """What was seen while the disk was full, and what the books say afterwards."""

    housed: Housed
    pids: tuple[list[int], list[int]]
    refused: Sequence[Answer]
    dialects: dict[str, httpx.Response]
    ready: httpx.Response
    healthy: httpx.Response
    balances: tuple[int, int]
    """Of those who called: what they have, and what they should have."""
    reckoning: Reckoning
    answers: Sequence[Answer]


@pytest.fixture(
    scope="module",
    params=["everything", pytest.param("journal", marks=pytest.mark.postgres), "database"],
)
def housed(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, provider: Provider
) -> Iterator[Housed]:
    what, vendor = request.param, "postgres" if request.param == "journal" else "sqlite"
    outside = tmp_path_factory.mktemp(f"outside-{what}")
    with small_disk(outside / "disk", DISK_MEGABYTES) as disk:
        folder = furnish(what, outside, disk)
        with (
            fresh_store(vendor, folder) as store,
            running_gateway(store, folder, commands=provider.commands(), workers=2) as gateway,
        ):
            yield Housed(what, gateway, disk)


def furnish(what: str, outside: Path, disk: Disk) -> Path:
    """The gateway's folder, with `what` of it on the disk."""
    if what == "everything":
        return disk.folder
    if what == "journal":
        # What it says is on a disk of its own, so that it can be read.
        (disk.folder / "serve.log").symlink_to(outside / "serve.log")
        return disk.folder
    (outside / "chatapi.db").symlink_to(disk.folder / "chatapi.db")
    return outside


@pytest.fixture(scope="module")
def outage(housed: Housed, provider: Provider) -> Outage:
    gateway = housed.gateway
    alice = new_person(gateway, "alice", units=RICH)
    carol = new_person(gateway, "carol", units=9 * UNITS_PER_CALL, token=("--billed-per-call",))
    dora = new_person(gateway, "dora", units=RICH)
    probes = by_call(carol, "full", 8) if housed.what == "database" else plain(dora, 8)
    before = housed.pids
    with Load(gateway.port, paced_calls(alice), clients=12) as load:
        wait_for(lambda: served_by(gateway, alice) == 2, "not both workers have served alice")
        assert ask_all(gateway.port, by_call(carol, "before", 1))[0].is_complete
        housed.disk.fill()
        refused = wait_for(lambda: all_refused(gateway, probes), gateway.log_tail)
        ready = wait_for(lambda: find_trouble(gateway, housed.trouble), gateway.log_tail)
        healthy = look(gateway, "/healthz")
        dialects = {name: refused_in(name, gateway, carol) for name in DIALECTS}
        if housed.what == "database":
            wait_for(lambda: housed.tells("return_idle"), "no idle credit was to be returned")
        housed.disk.empty()
        wait_for(lambda: came_back(gateway, carol), gateway.log_tail)
        so_far = len(load.complete())
        wait_for(lambda: len(load.complete()) > so_far + 20, gateway.log_tail)
    gateway.books.wait_until_shipped()
    rows = {person: gateway.books.usage(person.name) for person in (alice, carol, dora)}
    reckoning = Reckoning(load.answers, provider.counts(), rows[alice])
    tell(housed.what, reckoning.figures())
    should = sum(person.units - sum(row.amount for row in rows[person]) for person in rows)
    has = sum(person.balance()["units"] for person in rows)
    return Outage(
        housed, (before, housed.pids), refused, dialects, ready, healthy, (has, should),
        reckoning, load.answers,
    )  # fmt: skip


def test_each_answer_is_charged_once_though_the_disk_was_full(outage: Outage) -> None:
    gateway = outage.housed.gateway
    has, should = outage.balances
    begun = [answer for answer in outage.answers if answer.status == 200]

    assert outage.reckoning.faults == []
    assert [answer.call.name for answer in begun if not answer.is_complete] == []
    assert has == should
    assert gateway.manage("audit")["differences"] == []


def test_what_needs_credit_is_refused_in_the_clients_own_words(outage: Outage) -> None:
    answers = outage.dialects

    assert {answer.status for answer in outage.refused} == {503}
    assert {answer.error["code"] for answer in outage.refused} == {"accounting_unavailable"}
    assert {answer.status_code for answer in answers.values()} == {503}
    assert all(int(answer.headers["retry-after"]) > 0 for answer in answers.values())
    assert answers["openai"].json()["error"]["code"] == "accounting_unavailable"
    assert answers["anthropic"].json()["type"] == "error"
    assert answers["gemini"].json()["error"]["status"] == "UNAVAILABLE"


def test_no_process_dies_of_a_full_disk(outage: Outage) -> None:
    before, after = outage.pids
    assert after == before


def test_credit_that_could_not_be_given_back_is_not_lost(outage: Outage) -> None:
    if outage.housed.what != "database":
        # Elsewhere the disk was not full for so long that credit became idle.
        return
    leases = outage.housed.gateway.books.leases
    wait_for(lambda: not any(leases().values()), lambda: f"still leased: {leases()}")
    assert outage.housed.gateway.manage("audit")["differences"] == []


def test_memory_that_workers_share_has_its_place_on_the_disk(housed: Housed) -> None:
    # A worker that writes where the file has a hole is killed when the disk has no room for it.
    if housed.what == "database":
        return
    gateway, before = housed.gateway, housed.pids
    person = new_person(gateway, "lilly", units=RICH, token=("--requests-per-minute", "90"))
    housed.disk.fill()
    try:
        answers = ask_all(gateway.port, plain(person, 8))
    finally:
        housed.disk.empty()
    assert {answer.status for answer in answers} <= {200, 503}
    assert housed.pids == before
    files = [*(gateway.folder / "metrics").glob("*.db"), gateway.folder / "rates"]
    sizes = {path.name: path.stat() for path in files}
    assert [name for name, it in sizes.items() if it.st_blocks * 512 < it.st_size] == []


def test_health_pages_say_so_and_nobody_restarts_what_holds_charges(outage: Outage) -> None:
    assert outage.ready.status_code == 503
    assert outage.housed.trouble in outage.ready.json()["problems"]
    assert outage.healthy.json() == {"status": "ok"}


def test_the_log_tells_it_once(outage: Outage) -> None:
    if outage.housed.what == "everything":
        # The log was full as well: nobody can say what it should have told.
        return
    event = "database_unavailable" if outage.housed.what == "database" else "journal_full"

    def all_told() -> Counter[str]:
        found = Counter(line["event"] for line in outage.housed.log)
        return found if found[f"{event}_over"] == found[event] else Counter()

    told = wait_for(all_told, outage.housed.gateway.log_tail)
    tell(outage.housed.what, dict(told))

    assert 1 <= told[event] <= 6
    assert told["job_failed"] <= 20


def test_gateway_stops_and_begins_again_though_the_disk_is_full(housed: Housed) -> None:
    if housed.what != "journal":
        return
    gateway = housed.gateway
    person = new_person(gateway, "stella", units=RICH)
    with answers_to(gateway.port, [person.stream(PACED, max_tokens=120)]) as answers:
        wait_for(lambda: gateway.books.under_way(person.name), "the stream does not begin")
        housed.disk.fill()
    code = gateway.stop()
    housed.disk.empty()
    gateway.start()
    gateway.books.wait_until_shipped()

    told = [line["event"] for line in housed.log]
    charged = sum(row.amount for row in gateway.books.usage(person.name))
    assert code == 0
    assert answers[0].is_complete
    # Either there was still room in the journal's last block, or the log says what is not charged.
    assert charged == price_of(3, 120) or {"settle_delayed", "charges_lost"} <= set(told)
    assert person.balance()["units"] == person.units - charged
    assert gateway.manage("audit")["differences"] == []


def test_calls_go_on_and_are_charged_though_the_log_is_full(
    tmp_path: Path, provider: Provider
) -> None:
    with small_disk(tmp_path / "disk", 2) as disk:
        (tmp_path / "serve.log").symlink_to(disk.folder / "serve.log")
        store = Store("sqlite", path=tmp_path)
        commands = provider.commands()
        with running_gateway(store, tmp_path, commands=commands, workers=1) as gateway:
            person = new_person(gateway, "logan", units=RICH)
            pids = gateway.worker_pids()
            disk.fill()
            full = ask_all(gateway.port, plain(person, 60))
            gateway.books.wait_until_shipped()
            disk.empty()
            (after,) = ask_all(gateway.port, [Call("logan-after", person.key, PLAIN)])
            wait_for(lambda: after.request_id in gateway.log_tail(), "no line is written again")

            assert all(answer.is_complete for answer in full)
            rows = {row.request_id for row in gateway.books.usage(person.name)}
            assert {answer.request_id for answer in full} <= rows
            assert gateway.worker_pids() == pids


def plain(person: Person, count: int) -> list[Call]:
    return [Call(f"{person.name}-{row}", person.key, PLAIN) for row in range(count)]


def all_refused(gateway: Gateway, calls: list[Call]) -> list[Answer]:
    """Several calls, so that both workers are asked; empty while one of them still sells."""
    answers = ask_all(gateway.port, calls)
    return answers if {answer.status for answer in answers} == {503} else []


def look(gateway: Gateway, path: str) -> httpx.Response:
    return httpx.get(f"http://127.0.0.1:{gateway.port}{path}", trust_env=False, timeout=30)


def find_trouble(gateway: Gateway, name: str) -> httpx.Response | None:
    """What one of the workers answers that has noticed it."""
    answer = look(gateway, "/readyz")
    return answer if name in answer.json()["problems"] else None


def refused_in(dialect: str, gateway: Gateway, person: Person) -> httpx.Response:
    """A worker whose journal's last block has room sells until it looks at the disk again."""
    path, body = DIALECTS[dialect]

    def ask() -> httpx.Response | None:
        answer = httpx.post(
            f"http://127.0.0.1:{gateway.port}{path}",
            json=body,
            headers={"authorization": f"Bearer {person.key}"},
            trust_env=False,
            timeout=60,
        )
        return None if answer.status_code == 200 else answer

    return wait_for(ask, gateway.log_tail)
