"""Proves that no unit is missing: the ledger against the budgets, for all of them, in one
snapshot.
"""

from dataclasses import dataclass

from django.db import connection

from billing import bulk
from billing.models import Budget, Lease, LedgerEntry, RechargeLot, Usage


@dataclass(frozen=True, slots=True)
class Difference:
    """A budget whose books don't agree; all values in units."""

    budget_id: int
    kind: str
    entries: int
    usage: int
    remaining: int
    leased: int
    used: int
    in_lots: int
    archived: int

    @property
    def missing(self) -> int:
        return self.entries - self.usage - self.remaining - self.leased


@dataclass(frozen=True, slots=True)
class Audit:
    budgets: int
    differences: tuple[Difference, ...]


def audit_budgets(*, reads_usage: bool = True) -> Audit:
    """sum(entries) - sum(usage) == remaining + sum(leases), used == sum(usage), for every budget.

    Without reading usage, which are most rows by far, `used` stands for its sum: that finds every
    unit that is missing, but not a usage row that is gone or was changed.

    A single statement sees one state of the database, so this is exact while calls go on.
    """
    with connection.cursor() as cursor:
        cursor.execute(_audit_sql(reads_usage=reads_usage))
        rows = [
            Difference(row[0], row[1], *(int(value) for value in row[2:]))
            for row in cursor.fetchall()
        ]
    wrong = [
        row
        for row in rows
        if row.missing or _used_is_wrong(row) or row.remaining < 0 or row.leased < 0
    ]
    return Audit(len(rows), tuple(wrong))


def _used_is_wrong(row: Difference) -> bool:
    # Archived usage has left the usage table and stays in `used`.
    return row.used != row.usage + row.archived


def _audit_sql(*, reads_usage: bool) -> str:
    entries = bulk.table(LedgerEntry)
    used, usage = "b.used - COALESCE(e.archived, 0)", ""
    if reads_usage:
        used, usage = "COALESCE(w.total, 0) + COALESCE(t.total, 0)", _usage_sql()
    return f"""
        SELECT b.id, b.kind,
               COALESCE(e.total, 0), {used},
               b.remaining, COALESCE(l.total, 0), b.used, COALESCE(r.total, 0),
               COALESCE(e.archived, 0)
        FROM {bulk.table(Budget)} b
        LEFT JOIN (SELECT budget_id, SUM(amount) AS total,
                          SUM(CASE WHEN kind = 'archive' THEN -amount ELSE 0 END) AS archived
                   FROM {entries} GROUP BY budget_id) e
            ON e.budget_id = b.id
        {usage}
        LEFT JOIN (SELECT budget_id, SUM(amount) AS total
                   FROM {bulk.table(Lease)} GROUP BY budget_id) l
            ON l.budget_id = b.id
        LEFT JOIN (SELECT budget_id, SUM({connection.ops.quote_name("left")}) AS total
                   FROM {bulk.table(RechargeLot)} GROUP BY budget_id) r
            ON r.budget_id = b.id
        ORDER BY b.id
    """


def _usage_sql() -> str:
    usage = bulk.table(Usage)
    return f"""
        LEFT JOIN (SELECT wallet_id, SUM(amount) AS total FROM {usage} GROUP BY wallet_id) w
            ON w.wallet_id = b.id
        LEFT JOIN (SELECT limit_id, SUM(amount) AS total FROM {usage}
                   WHERE limit_id IS NOT NULL GROUP BY limit_id) t
            ON t.limit_id = b.id
    """
