"""Ships one batch of finished calls into the database, in one transaction, exactly once."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from django.db import IntegrityError, transaction
from django.db.models import F, Sum

from billing import bulk
from billing.lot_use import consume_lots
from billing.models import Budget, Lease, Worker, WorkerState
from billing.records import Closed
from chatapi.accounts.models import Token

LEASES_AT_ONCE = 500


class PositionMoved(Exception):
    """Somebody else shipped this part of the journal; read the position again."""


@dataclass(frozen=True, slots=True)
class Position:
    """A place in a worker's journal."""

    segment: int
    offset: int


def ship(worker_id: str, ended: Sequence[Closed], old: Position, new: Position) -> int:
    """Write the calls and move the position, or nothing at all; returns how many were new.

    Raises PositionMoved when the position is not `old` any more: then all of this is in the
    database already, also when the process that wrote it died before it heard of the commit.
    """
    with transaction.atomic():
        moved = Worker.objects.filter(pk=worker_id, segment=old.segment, offset=old.offset)
        if not moved.update(segment=new.segment, offset=new.offset):
            raise PositionMoved(worker_id)
        return write_calls(worker_id, ended)


def close_worker(worker_id: str, interrupted: Sequence[Closed], position: Position) -> bool:
    """The end of a worker: its interrupted calls are charged, its leases return. Once; False if
    done before.
    """
    with transaction.atomic():
        at_end = Worker.objects.filter(
            pk=worker_id, segment=position.segment, offset=position.offset
        )
        if not at_end.exclude(state=WorkerState.CLOSED).update(state=WorkerState.CLOSED):
            return False
        write_calls(worker_id, interrupted)
        return_leases(worker_id)
    return True


def return_leases(worker_id: str) -> None:
    """Give all that a worker has leased back to the budgets; inside the caller's transaction.

    It has a row for every budget that it ever touched, nearly all of them empty: those lock nobody.
    """
    leases = Lease.objects.filter(worker_id=worker_id)
    budgets = leases.filter(amount__gt=0).order_by("budget_id").values_list("budget_id", flat=True)
    sql = f"UPDATE {bulk.table(Budget)} SET remaining = remaining + %s WHERE id = %s"
    held_at = list(budgets)
    for start in range(0, len(held_at), LEASES_AT_ONCE):
        some = held_at[start : start + LEASES_AT_ONCE]
        # The budgets first: a worker that is not quite dead may be giving back just now.
        list(Budget.objects.select_for_update().filter(pk__in=some).order_by("pk").values("pk"))
        held = leases.select_for_update().filter(budget_id__in=some).order_by("budget_id")
        bulk.change_rows(sql, list(held.values_list("amount", "budget_id")))
    leases.delete()


def write_calls(worker_id: str, ended: Sequence[Closed]) -> int:
    """Usage rows and all sums that follow from them; calls that are known already change
    nothing.
    """
    if not ended:
        return 0
    try:
        with transaction.atomic():
            return _write(worker_id, list(ended))
    except IntegrityError:
        known = bulk.known_request_ids([call.request_id for call in ended])
        fresh = {call.request_id: call for call in ended if call.request_id not in known}
        return _write(worker_id, list(fresh.values()))


def _write(worker_id: str, calls: list[Closed]) -> int:
    _add_used(_spent_by_budget(calls))
    charged = _charge_leases(worker_id, calls)
    if charged is not calls:
        missing = _spent_by_budget(calls)
        missing.subtract(_spent_by_budget(charged))
        _add_used({budget: -units for budget, units in missing.items() if units})
    adapt = bulk.time_adapter()
    bulk.insert_usage([_usage_row(call, worker_id, adapt) for call in charged])
    _consume_lots(charged)
    _add_token_sums(charged)
    bulk.add_hourly(_hourly_rows(charged))
    return len(charged)


def _charge_leases(worker_id: str, calls: list[Closed]) -> list[Closed]:
    """Take the amounts out of the worker's leases; where a lease is gone or short, call by call."""
    spent = _spent_by_budget(calls)
    sql = (
        f"UPDATE {bulk.table(Lease)} SET amount = amount - %s "
        "WHERE worker_id = %s AND budget_id = %s AND amount >= %s"
    )
    rows = [(units, worker_id, budget, units) for budget, units in sorted(spent.items())]
    with transaction.atomic():
        if bulk.change_rows(sql, rows) == len(rows):
            return calls
        transaction.set_rollback(True)
    return [_charge_singly(worker_id, call) for call in calls]


def _charge_singly(worker_id: str, call: Closed) -> Closed:
    """The rare road, after a worker was lost and came back: lease first, then what remains, never
    below zero.
    """
    budgets = sorted(_budgets(call))
    affordable = call.amount
    for budget in budgets:
        remaining = (
            Budget.objects.select_for_update().values_list("remaining", flat=True).get(pk=budget)
        )
        leases = Lease.objects.filter(worker_id=worker_id, budget_id=budget)
        leased = leases.aggregate(sum=Sum("amount"))["sum"] or 0
        affordable = min(affordable, remaining + leased)
    for budget in budgets:
        lease = Lease.objects.filter(worker_id=worker_id, budget_id=budget).first()
        from_lease = min(affordable, lease.amount if lease else 0)
        if lease is not None and from_lease:
            Lease.objects.filter(pk=lease.pk).update(amount=F("amount") - from_lease)
        Budget.objects.filter(pk=budget).update(
            remaining=F("remaining") - (affordable - from_lease)
        )
    missing = call.amount - affordable
    return msgspec.structs.replace(
        call, amount=affordable, uncollected_units=call.uncollected_units + missing
    )


def _add_used(spent: Mapping[int, int]) -> None:
    """Before the leases, because the budgets' locks come first."""
    sql = f"UPDATE {bulk.table(Budget)} SET used = used + %s WHERE id = %s"
    bulk.change_rows(sql, [(units, budget) for budget, units in sorted(spent.items())])


def _consume_lots(calls: Iterable[Closed]) -> None:
    wallets: Counter[int] = Counter()
    for call in calls:
        wallets[call.wallet_id] += call.amount
    consume_lots({wallet: units for wallet, units in wallets.items() if units})


def _add_token_sums(calls: Iterable[Closed]) -> None:
    sums: dict[int, list[int]] = {}
    for call in calls:
        entry = sums.setdefault(call.token_id, [0, 0, 0])
        entry[0] += call.amount
        entry[1] += 1
        entry[2] = max(entry[2], call.started_ms)
    sql = (
        f"UPDATE {bulk.table(Token)} SET used_units = used_units + %s, "
        "used_count = used_count + %s, last_used_at = %s WHERE id = %s"
    )
    rows = [
        (units, count, bulk.time_adapter()(last), token)
        for token, (units, count, last) in sorted(sums.items())
    ]
    bulk.change_rows(sql, rows)


def _hourly_rows(calls: Iterable[Closed]) -> list[bulk.Row]:
    sums: dict[tuple[int, int, int, int, str], list[int]] = {}
    for call in calls:
        hour = call.started_ms // 3_600_000
        key = (hour, call.user_id, call.token_id, call.channel_id or 0, _text(call.model, 191))
        entry = sums.setdefault(key, [0] * len(bulk.HOURLY_SUMS))
        entry[0] += 1
        entry[1] += call.status in {"failed", "interrupted"}
        entry[2] += call.prompt_tokens
        entry[3] += call.completion_tokens
        entry[4] += call.amount
        entry[5] += call.total_ms
        entry[6] += call.first_byte_ms is not None
        entry[7] += call.first_byte_ms or 0
    adapt = bulk.time_adapter()
    return [(adapt(key[0] * 3_600_000), *key[1:], *values) for key, values in sorted(sums.items())]


def _usage_row(call: Closed, worker_id: str, adapt: Callable[[int], Any]) -> bulk.Row:
    """Values in the order of the columns of Usage."""
    return (
        call.request_id,
        adapt(call.started_ms),
        call.user_id,
        _text(call.username, 150),
        call.token_id,
        _text(call.token_name, 64),
        _text(call.group, 64),
        call.channel_id,
        _text(call.channel_name, 100),
        _text(call.endpoint, 32),
        _text(call.model, 255),
        _text(call.upstream_model, 255),
        call.is_stream,
        call.status,
        call.http_status,
        _text(call.error_code, 64),
        call.prompt_tokens,
        call.completion_tokens,
        call.cached_tokens,
        call.reasoning_tokens,
        call.is_estimated,
        call.amount,
        call.uncollected_units,
        call.wallet_id,
        call.limit_id,
        _text(call.price_version, 32),
        _text(call.line_items),
        _text(call.attempts),
        _text(call.address, 64),
        call.first_byte_ms,
        call.total_ms,
        worker_id,
    )


def _text(value: str, most: int | None = None) -> str:
    """What any column takes: users and providers choose these texts, and may not stop shipping."""
    return value.replace("\x00", "")[:most]


def _budgets(call: Closed) -> tuple[int, ...]:
    return (call.wallet_id,) if call.limit_id is None else (call.wallet_id, call.limit_id)


def _spent_by_budget(calls: Iterable[Closed]) -> Counter[int]:
    spent: Counter[int] = Counter()
    for call in calls:
        if call.amount:
            for budget in _budgets(call):
                spent[budget] += call.amount
    return spent
