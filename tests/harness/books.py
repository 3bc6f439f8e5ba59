"""Reads a gateway's books from outside: the database past the gateway, and the journal's bytes."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from billing.journal import read_records
from billing.records import Closed, Opened, Progress, Record
from tests.harness.services import Store
from tests.harness.waiting import wait_for


@dataclass(frozen=True, slots=True)
class UsageRow:
    """One charged call."""

    request_id: str
    model: str
    status: str
    prompt_tokens: int
    completion_tokens: int
    amount: int
    uncollected: int
    worker_id: str
    is_estimated: bool
    username: str


@dataclass(frozen=True, slots=True)
class WorkerRow:
    """A web worker as the database knows it."""

    id: str
    pid: int
    state: str
    segment: int
    offset: int


USAGE = """SELECT request_id, model, status, prompt_tokens, completion_tokens, amount,
    uncollected_units, worker_id, is_estimated, username FROM billing_usage ORDER BY id"""
WORKERS = "SELECT id, pid, state, segment, {offset} FROM billing_worker"


class Books:
    """What is written down about money."""

    def __init__(self, store: Store, folder: Path, live_pids: Callable[[], list[int]]) -> None:
        self._store = store
        self._journal = folder / "journal"
        self._live_pids = live_pids

    def usage(self, username: str = "") -> list[UsageRow]:
        """All usage rows, or those of one user; a request id that is there twice is a failure."""
        rows = [UsageRow(*row) for row in self._store.rows(USAGE)]
        twice = [name for name, count in Counter(r.request_id for r in rows).items() if count > 1]
        assert not twice, f"charged twice: {twice}"
        return [row for row in rows if not username or row.username == username]

    def workers(self) -> list[WorkerRow]:
        # A reserved word where it stands alone, on some databases.
        quote = "`offset`" if self._store.vendor == "mariadb" else '"offset"'
        return [WorkerRow(*row) for row in self._store.rows(WORKERS.format(offset=quote))]

    def leases(self) -> dict[str, int]:
        """Units that each worker has leased."""
        rows = self._store.rows(
            "SELECT worker_id, SUM(amount) FROM billing_lease GROUP BY worker_id"
        )
        return {str(worker): int(units) for worker, units in rows}

    def leases_of(self, username: str) -> int:
        """Units of one user's wallet that workers have leased."""
        rows = self._store.rows(
            "SELECT l.amount, u.username FROM billing_lease l"
            " JOIN billing_budget b ON b.id = l.budget_id JOIN accounts_user u ON u.id = b.user_id"
        )
        return sum(int(units) for units, name in rows if name == username)

    def journals(self) -> dict[str, list[Record]]:
        """The whole records in each worker's journal folder."""
        found = {}
        for folder in self._folders():
            data = [path.read_bytes() for path in sorted(folder.glob("*.log"))]
            found[folder.name] = [record for part in data for _, record in read_records(part)]
        return found

    def under_way(self, username: str = "") -> dict[str, Progress | None]:
        """Calls that began and have not ended, by request id, with what was noted of them last."""
        found: dict[str, Progress | None] = {}
        for records in self.journals().values():
            for record in records:
                if isinstance(record, Opened):
                    if not username or record.username == username:
                        found[record.request_id] = None
                elif isinstance(record, Closed):
                    found.pop(record.request_id, None)
                elif record.request_id in found:
                    found[record.request_id] = record
        return found

    def _folders(self) -> list[Path]:
        """One for each worker; those with a hidden name are still being made."""
        found = (path for path in self._journal.iterdir() if path.is_dir())
        return sorted(path for path in found if not path.name.startswith("."))

    def wait_until_shipped(self) -> None:
        """Until no call is open, dead workers are closed, and the database knows all journals."""
        wait_for(lambda: not self.unfinished(), lambda: "; ".join(self.unfinished()))

    def unfinished(self) -> list[str]:
        """What is still to be done before the database knows everything."""
        try:
            return self._unfinished()
        except FileNotFoundError:
            return ["a journal is being put away"]

    def _unfinished(self) -> list[str]:
        known = {row.id: row for row in self.workers()}
        alive = set(self._live_pids())
        problems = [f"call {request_id} is open" for request_id in self.under_way()]
        for folder in self._folders():
            row = known.get(folder.name)
            if row is None or row.pid not in alive:
                problems.append(f"the journal of dead worker {folder.name} is still there")
            elif unshipped := _bytes_behind(folder, row):
                problems.append(f"{unshipped} bytes of {folder.name} are not shipped")
        return problems


def _bytes_behind(folder: Path, row: WorkerRow) -> int:
    sizes = {int(path.stem): path.stat().st_size for path in folder.glob("*.log")}
    return sum(size for number, size in sizes.items() if number >= row.segment) - row.offset
