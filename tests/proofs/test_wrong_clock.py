"""The clock of one node of two steps by an hour, forwards or backwards, while both serve."""

import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest

from chatapi.lib.secrets import make_key_ring_text
from tests.harness.cast import Person, new_person
from tests.harness.clients import ask_all
from tests.harness.clocks import WrongClock
from tests.harness.gateway import Gateway, running_gateway
from tests.harness.load import Load
from tests.harness.provider import PLAIN, Provider
from tests.harness.reckoning import Reckoning
from tests.harness.services import fresh_store
from tests.harness.waiting import wait_for
from tests.proofs.test_worker_killed import paced_calls

pytestmark = [pytest.mark.postgres, pytest.mark.xdist_group("wrong-clock")]
HOUR = 3600
RICH = 50_000_000
LOOK = "from django.utils import timezone; print(timezone.now().isoformat())"
NEW_LOT = """
from billing.ledger import post_entry
from billing.models import Budget, LedgerKind
from chatapi.lib.database_clock import database_now
from datetime import timedelta
wallet = Budget.objects.get(user__username={name!r})
end = database_now() + timedelta(minutes={minutes})
print(post_entry(wallet.pk, {units}, kind=LedgerKind.TOPUP, expires_at=end))
"""
EXPIRE = "from billing.lots import expire_lots; print('ended', expire_lots())"
BEGIN = "from chatapi.console.jobs import begin_job; print('ticket', begin_job({name!r}, ['a']))"
LEASE = """
from notifications.lease import sending_lease
with sending_lease() as mine:
    with sending_lease() as second:
        print('mine', mine is not None, 'second', second is not None)
"""
CODE = """
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from allauth.mfa.utils import encrypt
from chatapi.accounts.models import User
from chatapi.accounts.totp import use_totp_code
factor = Authenticator.objects.create(
    user=User.objects.get(username={name!r}), type='totp', data=dict(secret=encrypt({secret!r}))
)
code = format_hotp_value(hotp_value({secret!r}, {now} // 30))
print('good', use_totp_code(factor, code), 'again', use_totp_code(factor, code))
"""


@dataclass(frozen=True)
class Nodes:
    """Two nodes on one database; the clock of one can be set wrong."""

    right: Gateway
    wrong: Gateway
    clock: WrongClock
    seconds: int


@pytest.fixture(scope="module")
def pair(
    tmp_path_factory: pytest.TempPathFactory, provider: Provider
) -> Iterator[tuple[Gateway, Gateway, WrongClock]]:
    folders = [tmp_path_factory.mktemp(name) for name in ("right", "wrong")]
    shared = {"DATA_KEYS": make_key_ring_text(), "SESSION_SECRET": "w" * 50}
    clock = WrongClock(tmp_path_factory.mktemp("clock"))
    with ExitStack() as stack:
        store = stack.enter_context(fresh_store("postgres", folders[0]))
        commands = provider.commands()
        start = stack.enter_context
        right = start(running_gateway(store, folders[0], commands=commands, workers=1, **shared))
        wrong = start(running_gateway(store, folders[1], workers=1, **shared, **clock.env))
        yield right, wrong, clock


@pytest.fixture(scope="module", params=[HOUR, -HOUR], ids=["fast", "slow"])
def nodes(request: pytest.FixtureRequest, pair: tuple[Gateway, Gateway, WrongClock]) -> Nodes:
    right, wrong, clock = pair
    clock.set(request.param)
    wait_for(lambda: abs(ahead_of(wrong, right) - request.param) < 60, "the clock is not wrong")
    return Nodes(right, wrong, clock, request.param)


def test_nothing_is_lost_and_no_worker_is_taken_for_dead(nodes: Nodes, provider: Provider) -> None:
    alice = new_person(nodes.right, "alice", units=RICH)
    before = nodes.wrong.worker_pids()
    with Load(nodes.wrong.port, paced_calls(alice), clients=6) as load:
        wait_for(lambda: len(load.complete()) > 20, nodes.wrong.log_tail)
    nodes.wrong.books.wait_until_shipped()

    reckoning = Reckoning(load.answers, provider.counts(), nodes.right.books.usage(alice.name))
    assert reckoning.faults == []
    assert all(answer.is_complete for answer in load.answers)
    assert nodes.wrong.worker_pids() == before
    assert nodes.right.manage("audit")["differences"] == []


def test_worker_that_begins_with_a_wrong_clock_is_not_born_dead(nodes: Nodes) -> None:
    nodes.wrong.restart()
    pids = nodes.wrong.worker_pids()
    ages = "SELECT pid, state, EXTRACT(EPOCH FROM now() - heartbeat_at) FROM billing_worker"
    (row,) = [row for row in nodes.right.store.rows(ages) if row[0] in pids]
    assert row[1] == "open"
    assert -60 < float(row[2]) < 120


def test_credit_is_expired_neither_early_nor_late(nodes: Nodes) -> None:
    person = new_person(nodes.right, "lotte", units=10)
    run(nodes.right, NEW_LOT.format(name=person.name, minutes=30, units=1000))
    run(nodes.wrong, EXPIRE)
    assert person.balance()["units"] == 1010
    run(nodes.right, NEW_LOT.format(name=person.name, minutes=-1, units=500))
    assert person.balance()["units"] == 1510
    run(nodes.wrong, EXPIRE)
    assert person.balance()["units"] == 1010


def test_tokens_are_valid_by_the_database_s_clock(nodes: Nodes) -> None:
    minutes = 30 if nodes.seconds > 0 else -30
    person = new_person(nodes.right, "toni", units=RICH)
    nodes.right.store.rows(
        f"UPDATE accounts_token SET expires_at = now() + interval '{minutes} minutes' "
        f"WHERE id = {person.token_id} RETURNING id"
    )
    # The clock's error is known from the beginning of a worker, and measured with every beat.
    expected = 200 if minutes > 0 else 401
    wait_for(lambda: status_of(nodes.wrong, person) == expected, minutes)
    assert status_of(nodes.right, person) == expected


def test_work_under_a_lease_has_one_holder(nodes: Nodes) -> None:
    name = f"job-{nodes.seconds}"
    assert "None" not in run(nodes.right, BEGIN.format(name=name))
    assert "ticket None" in run(nodes.wrong, BEGIN.format(name=name))
    assert "None" not in run(nodes.wrong, BEGIN.format(name=f"{name}-2"))
    assert "ticket None" in run(nodes.right, BEGIN.format(name=f"{name}-2"))
    assert "mine True second False" in run(nodes.wrong, LEASE)


def test_codes_of_an_authenticator_app_are_good_once(nodes: Nodes) -> None:
    person = new_person(nodes.right, "otto", units=0)
    (now,) = nodes.right.store.rows("SELECT EXTRACT(EPOCH FROM now())::bigint")[0]
    text = CODE.format(name=person.name, secret="JBSWY3DPEHPK3PXP", now=now)
    assert "good True again False" in run(nodes.wrong, text)


def run(gateway: Gateway, text: str) -> str:
    """What code says that a process of this node runs."""
    return str(gateway.manage("shell", "-c", text))


def ahead_of(one: Gateway, other: Gateway) -> float:
    """Seconds by which the clock of a node's processes is before the other's."""
    found = [datetime.fromisoformat(re.findall(r"20\S+", run(it, LOOK))[-1]) for it in (one, other)]
    return (found[0] - found[1]) / timedelta(seconds=1)


def status_of(gateway: Gateway, person: Person) -> Any:
    return ask_all(gateway.port, [person.call(PLAIN)])[0].status
