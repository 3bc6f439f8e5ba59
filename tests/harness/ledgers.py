"""People, workers and calls made in the database itself, for tests of code in this process."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import TypeVar

from django.db import connections
from django.utils import timezone

from billing.audit import audit_budgets
from billing.bank import Bank
from billing.journal import Journal
from billing.ledger import balance_units, open_wallet, post_entry, set_token_limit
from billing.models import Budget, LedgerKind, RechargeLot, Usage, Worker
from billing.records import Closed, Opened, Progress, Record
from chatapi.accounts.models import Token, User
from chatapi.lib.ids import make_request_id, make_token_key, make_worker_id

T = TypeVar("T")
numbers = count(1)


@dataclass(frozen=True, slots=True)
class Payer:
    """A user with a wallet and a token, which may have a limit of its own."""

    user: User
    token: Token
    wallet: int
    limit: int | None = None

    @property
    def balance(self) -> int:
        return balance_units(self.wallet)

    @property
    def budgets(self) -> tuple[int, ...]:
        return (self.wallet,) if self.limit is None else (self.wallet, self.limit)

    def opened(self, request_id: str = "") -> Opened:
        return Opened(
            request_id or make_request_id(),
            int(timezone.now().timestamp() * 1000),
            self.user.pk,
            self.user.username,
            self.token.pk,
            self.token.name,
            "default",
            self.wallet,
            self.limit,
            0,
            "chat",
            "gpt-4o",
            is_stream=False,
            price_version="1.1",
            address="127.0.0.1",
        )

    def closed(self, amount: int, *, opened: Opened | None = None, error_code: str = "") -> Closed:
        begun = opened or self.opened()
        return Closed(
            **{name: getattr(begun, name) for name in SHARED},
            prompt_tokens=1,
            completion_tokens=amount,
            amount=amount,
            error_code=error_code,
            total_ms=5,
        )

    def used(self) -> list[int]:
        """The amounts of all usage rows, in the order in which they were written."""
        rows = Usage.objects.filter(wallet_id=self.wallet).order_by("id")
        return list(rows.values_list("amount", flat=True))


SHARED = tuple(name for name in Opened.__struct_fields__ if name in Closed.__struct_fields__)


def new_payer(units: int, *, limit: int | None = None) -> Payer:
    name = f"payer-{next(numbers)}-{make_token_key()[:6]}"
    user = User.objects.create(username=name, password="!")
    token = Token.objects.create(user=user, name="token", key_hash=name, is_unlimited=True)
    wallet = open_wallet(user)
    if units:
        post_entry(wallet.pk, units, kind=LedgerKind.CREDIT)
    own = None if limit is None else set_token_limit(token, limit).pk
    return Payer(user, token, wallet.pk, own)


def add_lot(payer: Payer, units: int, expires_at: datetime | None) -> RechargeLot:
    entry = post_entry(payer.wallet, units, kind=LedgerKind.TOPUP, expires_at=expires_at)
    return RechargeLot.objects.get(entry=entry)


def new_worker(node: str = "here", **fields: object) -> str:
    worker_id = make_worker_id()
    Worker.objects.create(pk=worker_id, node=node, **fields)
    return worker_id


def lease(worker_id: str, payer: Payer, units: int) -> None:
    """Take exactly so much out of each of the payer's budgets."""
    for budget in payer.budgets:
        assert Bank(worker_id).extend(budget, units, cap=0).units == units


def write_journal(folder: Path, worker_id: str, records: list[Record]) -> None:
    """The journal of a worker that wrote these records and died."""
    with closing(Journal(folder / worker_id, fsync="off")) as journal:
        for record in records:
            journal.append(record)


def progress_of(opened: Opened, amount: int) -> Progress:
    return Progress(opened.request_id, None, "", "gpt-4o", 1, amount, amount, "")


def faults_of(payer: Payer, *, reads_usage: bool = True) -> list[object]:
    """What the audit says about the payer's budgets."""
    found = audit_budgets(reads_usage=reads_usage)
    return [row for row in found.differences if row.budget_id in payer.budgets]


def remaining(budget_id: int) -> int:
    return Budget.objects.values_list("remaining", flat=True).get(pk=budget_id)


def at_once(threads: int, work: Callable[[int], T]) -> list[T]:
    """What threads with a connection each come to, all at the same time."""

    def run(number: int) -> T:
        try:
            return work(number)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(run, range(threads)))
