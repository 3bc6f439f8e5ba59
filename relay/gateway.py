"""What one web worker knows and owns: snapshots, purses, journal, connections. The one owner of
state.
"""

import asyncio
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import structlog
from django.conf import settings
from django.db import DatabaseError, InterfaceError, OperationalError

from billing.bank import Bank, Grant, WorkerExpired
from billing.journal import Journal, JournalFull
from billing.price_book import PriceBook, read_price_book
from billing.purses import Purses
from billing.records import Record
from channels_app.credentials import Credentials
from channels_app.decisions import Decision, Rules, decide, read_keywords, read_statuses
from channels_app.failures import UpstreamFailure
from channels_app.health import Health, Verdict
from channels_app.reasons import CREDENTIAL
from channels_app.routing import ChannelConfig, RoutingTable
from channels_app.snapshot import read_routing_table
from channels_app.switching import disable_channel
from channels_app.tokens import fill_cache
from channels_app.upstream import Upstream
from chatapi.lib.database_clock import database_now
from chatapi.lib.database_threads import DatabaseThreads
from chatapi.lib.ids import make_worker_id
from chatapi.lib.net import Network
from chatapi.lib.node import node_name
from chatapi.lib.trouble import Trouble
from chatapi.options.feed import last_number, read_changes
from chatapi.options.snapshot import Options, read_options
from relay import callers as caller_store
from relay import errors
from relay.affinity import Affinity
from relay.call_texts import CallTexts
from relay.callers import Caller, Callers
from relay.channel_days import limited_by_day, read_days
from relay.concurrency import Concurrency
from relay.overload import Overload
from relay.rates import Rates
from relay.response_store import ResponseStore, write_responses
from relay.signatures import Signatures

log = structlog.get_logger("gateway")

LOW_DISK_BYTES = 256 * 1024 * 1024
NO_DISK_BYTES = 64 * 1024 * 1024
DATABASE_SECONDS = 5.0
SILENT_SECONDS = 300.0
"""A worker that could not say that it lives for half of LEASE_EXPIRY stops selling from its leases.
"""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All that calls look up, swapped whole; `number` is the change up to which it is current."""

    options: Options
    prices: PriceBook
    routes: RoutingTable
    rules: Rules
    number: int


def read_snapshot() -> Snapshot:
    # The number first: what changes while we read is read again.
    number = last_number()
    options = read_options()
    rules = Rules(
        read_keywords(options.disable_keywords),
        read_statuses(options.disable_statuses),
        options.disable_strikes,
    )
    return Snapshot(options, read_price_book(options), read_routing_table(), rules, number)


def measure_clock_error() -> float:
    before = time.time()
    theirs = database_now().timestamp()
    return (before + time.time()) / 2 - theirs


class Gateway:
    """Made by `open`, ended by `close`; everything in it belongs to one event loop."""

    def __init__(self, snapshot: Snapshot, worker_id: str, journal: Journal) -> None:
        self.snapshot = snapshot
        self.worker_id = worker_id
        self.journal = journal
        self.database = DatabaseThreads()
        self.bank = Bank(worker_id)
        self.purses = Purses(self._extend, self._give_back)
        self.callers = Callers()
        self.upstream = Upstream()
        self.concurrency = Concurrency()
        self.rates = Rates()
        self.health = Health()
        self.affinity = Affinity()
        self._disabling: set[asyncio.Task[None]] = set()
        self.signatures = Signatures()
        self.responses = ResponseStore()
        self.texts = CallTexts()
        self.credentials = Credentials()
        self.trusted_proxies: tuple[Network, ...] = settings.ENV.TRUSTED_PROXIES
        self.relay_timeout: int = settings.ENV.RELAY_TIMEOUT
        self.streams: set[Any] = set()
        self.overload = Overload()
        self.is_ready = True
        self.clock_error = 0.0
        """Seconds by which this node's clock is before the database's."""
        self.database_away = Trouble(log, "database_unavailable")
        """Nothing can be written to it, or it does not answer."""
        self._journal_full = Trouble(log, "journal_full")
        self._disk_full = Trouble(log, "disk_full")
        self._disk_nearly_full = Trouble(log, "disk_nearly_full")
        self._beat_at = time.monotonic()

    @classmethod
    async def open(cls) -> "Gateway":
        """Register this worker, open its journal and read the snapshots."""
        worker_id = make_worker_id()
        threads = DatabaseThreads(1)
        snapshot = await threads.run(read_snapshot)
        await threads.run(fill_cache)
        await threads.run(Bank(worker_id).open, node_name(settings.DATA_DIR), os.getpid())
        clock_error = await threads.run(measure_clock_error)
        threads.close()
        folder = settings.DATA_DIR / "journal" / worker_id
        journal = await asyncio.to_thread(
            partial(Journal, folder, fsync=settings.ENV.JOURNAL_FSYNC)
        )
        gateway = cls(snapshot, worker_id, journal)
        gateway.clock_error = clock_error
        return gateway

    def share_limits(self) -> None:
        """Count what tokens do at once and in a minute, and what channels get, together with the
        other workers of this node, as `serve` numbered them.
        """
        row, rows = int(os.environ.get("CHATAPI_WORKER", "0")), settings.ENV.web_workers
        if rows > 1:
            self.concurrency.share(settings.DATA_DIR / "concurrency", min(row, rows - 1), rows)
            self.rates.share(settings.DATA_DIR / "rates", min(row, rows - 1), rows)
            tallies = self.health.limits.tallies
            tallies.share(settings.DATA_DIR / "tallies", min(row, rows - 1), rows)

    async def close(self) -> None:
        await self.upstream.close()
        try:
            self.journal.close()
        except JournalFull as error:
            # Each of them has its line `settle_delayed`.
            log.error("charges_lost", error=str(error))
        self.database.close()

    @property
    def options(self) -> Options:
        return self.snapshot.options

    @property
    def is_disk_full(self) -> bool:
        """Whether the journal takes nothing more, or soon will not."""
        return self._journal_full.is_on or self._disk_full.is_on

    def check_selling(self) -> None:
        """Raises CallRefused(503) while a charge could not be recorded."""
        if self.is_disk_full:
            raise errors.not_selling(30)
        if time.monotonic() - self._beat_at > SILENT_SECONDS:
            raise errors.not_selling()

    def append(self, record: Record) -> None:
        """Into the journal; raises CallRefused(503) when that is impossible."""
        self._journal(self.journal.append, record)

    def flush_journal(self) -> None:
        if self.journal.has_pending:
            self._journal(self.journal.flush)

    def _journal(self, write: Callable[..., None], *records: Record) -> None:
        try:
            write(*records)
        except JournalFull as error:
            self._journal_full.meet(error=str(error))
            raise errors.not_selling(30) from error
        self._journal_full.end()

    async def load_caller(self, key_hash: str) -> Caller | None:
        epoch = self.callers.epoch
        try:
            async with asyncio.timeout(DATABASE_SECONDS):
                caller = await self.database.run(caller_store.read_caller, key_hash)
        except (DatabaseError, TimeoutError) as error:
            self.database_away.meet(error=str(error)[:200])
            raise errors.not_selling() from error
        self.callers.keep(key_hash, caller, epoch)
        return caller

    async def start_validity(self, token_id: int) -> None:
        try:
            await self.database.run(caller_store.start_validity, token_id)
        except DatabaseError as error:
            raise errors.not_selling() from error
        self.callers.forget_token(token_id)

    async def _extend(self, budget_id: int, need: int) -> Grant:
        cap = self.options.lease_cap_units
        try:
            async with asyncio.timeout(DATABASE_SECONDS):
                grant = await self._ask_bank(budget_id, need, cap)
        except WorkerExpired as error:
            self._expire()
            raise errors.not_selling() from error
        except (DatabaseError, TimeoutError) as error:
            self.database_away.meet(error=str(error)[:200])
            raise errors.not_selling() from error
        self.database_away.end()
        return grant

    async def _ask_bank(self, budget_id: int, need: int, cap: int) -> Grant:
        """Whoever asked may go: what is lent later is in the purse all the same."""
        asking = asyncio.ensure_future(self.database.run(self.bank.extend, budget_id, need, cap))
        try:
            return await asyncio.shield(asking)
        except asyncio.CancelledError:
            asking.add_done_callback(partial(self._take_late, budget_id))
            raise

    def _take_late(self, budget_id: int, asked: "asyncio.Future[Grant]") -> None:
        # An error of it concerns nobody: the next extension meets it again.
        if not asked.cancelled() and asked.exception() is None:
            self.purses.take_late(budget_id, asked.result().units)

    async def _give_back(self, budget_id: int, units: int) -> None:
        try:
            await self.database.run(self.bank.give_back, budget_id, units)
        except WorkerExpired:
            self._expire()

    def now(self) -> float:
        """Unix seconds by the database's clock, as of the last beat."""
        return time.time() - self.clock_error

    async def beat(self) -> None:
        """Tell the other nodes that this worker lives."""
        try:
            await self.database.run(self.bank.beat)
            self.clock_error = await self.database.run(measure_clock_error)
        except WorkerExpired:
            self._expire()
        except DatabaseError as error:
            self.database_away.meet(error=str(error)[:200])
        else:
            self._beat_at = time.monotonic()
            self.database_away.end()

    def _expire(self) -> None:
        """Other nodes took this worker for dead: it must end, a new one takes over."""
        self.is_ready = False
        self._beat_at = time.monotonic() - SILENT_SECONDS - 1
        log.error("worker_expired", worker=self.worker_id)
        os.kill(os.getpid(), signal.SIGTERM)

    async def read_feed(self) -> None:
        """Take in what changed since the snapshot."""
        changes = await self.database.run(read_changes, self.snapshot.number)
        if not changes:
            return
        if changes[0][0] != self.snapshot.number + 1:
            await self.reread()
            return
        reread = False
        for _, topic, key in changes:
            reread |= self._apply(topic, key)
        snapshot = await self.database.run(read_snapshot) if reread else self.snapshot
        # Not the number of what was just read: other changes up to it are not applied yet.
        self.snapshot = replace(snapshot, number=changes[-1][0])

    def _apply(self, topic: str, key: str) -> bool:
        """True when the snapshot must be read again."""
        if topic == "token":
            self.callers.forget_token(int(key))
        elif topic == "user":
            user_id = int(key)
            self.callers.forget_where(lambda caller: caller.user_id == user_id)
        elif topic == "budget":
            self.purses.refresh(int(key))
        elif topic == "want":
            self.purses.want(int(key))
        else:
            if topic == "channel" and key.isdecimal():
                self.health.forget(int(key), time.monotonic())
            return True
        return False

    async def reread(self) -> None:
        """The safety net of SYNC_FREQUENCY: everything is read again."""
        self.snapshot = await self.database.run(read_snapshot)
        self.callers.forget_all()

    async def return_idle(self, idle_seconds: float) -> None:
        """Give back credit that is idle here or wanted elsewhere."""
        now = time.monotonic()
        for budget_id, _ in self.purses.idle(now, idle_seconds):
            await self.purses.return_units(budget_id)
        self.purses.drop_empty(now)

    async def read_days(self) -> None:
        """What channels with a limit per day had today."""
        self.health.limits.units_per_usd = self.options.units_per_usd
        channels = limited_by_day(self.snapshot.routes)
        if channels:
            self.health.limits.take_days(*await self.database.run(read_days, channels))

    def note_failure(
        self, channel: ChannelConfig, model: str, failure: UpstreamFailure
    ) -> Decision:
        """What follows from a failed attempt: a rest, an open circuit, or the end of the key or
        the channel.
        """
        rules = self.snapshot.rules
        decision = decide(failure, rules)
        verdict = self.health.note_failure(
            channel, model, failure, decision, time.monotonic(), rules.strikes
        )
        if verdict != Verdict.NOTHING:
            task = asyncio.create_task(self._disable(channel, failure))
            self._disabling.add(task)
            task.add_done_callback(self._disabling.discard)
        return decision

    async def _disable(self, channel: ChannelConfig, failure: UpstreamFailure) -> None:
        if not (self.options.may_disable_channels and channel.auto_ban):
            return
        try:
            await self.database.run(
                disable_channel, channel.id, CREDENTIAL, failure.message, channel.key_tag
            )
        except DatabaseError as error:
            log.warning("channel_not_disabled", channel=channel.id, error=str(error)[:200])

    async def write_responses(self) -> None:
        """Which channels hold the responses of the last moment, or since the database went away."""
        while found := self.responses.next_pending():
            try:
                await self.database.run(write_responses, found, self.options.response_store_hours)
            except (OperationalError, InterfaceError):
                # Nothing is wrong with them: they wait until it answers again.
                raise
            except Exception:
                # These can't be written, whatever it is: they must not keep the others waiting.
                self.responses.forget(found)
                raise
            self.responses.forget(found)

    async def write_texts(self) -> None:
        """What was asked and answered in the last moment, where that is kept."""
        await self.texts.write(self.database)

    def check_disk(self) -> None:
        """Stop selling while the journal could still take the ends of all calls that run."""
        try:
            free = self.journal.free_bytes()
        except OSError:
            return
        for trouble, enough in (
            (self._disk_nearly_full, LOW_DISK_BYTES),
            (self._disk_full, NO_DISK_BYTES),
        ):
            if free < enough:
                trouble.meet(free_bytes=free)
            else:
                trouble.end()
        if not self._disk_full.is_on:
            # Who does not sell writes nothing, and would never hear that there is room again.
            self._journal_full.end()
