"""The database side of leases: takes slices out of budgets for one worker and gives them back.

All that moves money locks rows in one order: worker, budget, lease, lot.
"""

from dataclasses import dataclass

from django.db import DatabaseError, IntegrityError, OperationalError, connection, transaction
from django.db.models import F, Sum
from django.db.models.functions import Now

from billing.models import Budget, Lease, Worker, WorkerState
from chatapi.lib.retrying import retried
from chatapi.options.feed import publish

SLICE_PART = 8
"""A lease takes at most this part of what remains, so that near zero it is just one call."""


class WorkerExpired(Exception):
    """This worker was taken for dead and its leases were returned: it must not sell any more."""


class NotGivenBack(OperationalError):
    """The units are leased as before."""


@dataclass(frozen=True, slots=True)
class Grant:
    """What an extension got: `units` now leased more; `elsewhere` is what other workers hold of the
    budget.
    """

    units: int
    elsewhere: int


@dataclass(frozen=True, slots=True)
class Bank:
    """Takes and returns credit in the name of one worker."""

    worker_id: str

    @retried
    def extend(self, budget_id: int, need: int, cap: int) -> Grant:
        """Lease at least `need` units if they remain, else all that remains.

        Raises WorkerExpired. On any database error nothing may be assumed leased: a slice whose
        commit was lost in a broken connection is returned with the rest when the worker ends.
        """
        with transaction.atomic():
            self._lock_worker()
            units = self._take(budget_id, need, cap)
            if units:
                self._book(budget_id, units)
            if units >= need:
                return Grant(units, 0)
            others = Lease.objects.filter(budget_id=budget_id).exclude(worker_id=self.worker_id)
            elsewhere = others.aggregate(sum=Sum("amount"))["sum"] or 0
            if elsewhere:
                publish("want", budget_id)
        return Grant(units, elsewhere)

    @retried
    def give_back(self, budget_id: int, units: int) -> None:
        """Return idle units; raises WorkerExpired when they were returned already, NotGivenBack
        when certainly nothing changed. After another database error nobody knows.
        """
        is_committing = False
        try:
            with transaction.atomic():
                Budget.objects.filter(pk=budget_id).update(remaining=F("remaining") + units)
                leases = Lease.objects.filter(
                    worker_id=self.worker_id, budget_id=budget_id, amount__gte=units
                )
                if not leases.update(amount=F("amount") - units):
                    raise WorkerExpired(self.worker_id)
                is_committing = True
        except DatabaseError as error:
            # A commit may be lost on the way to a server, or its answer on the way back; in a file
            # it was done or not.
            if is_committing and connection.vendor != "sqlite":
                raise
            raise NotGivenBack(*error.args) from error.__cause__

    def open(self, node: str, pid: int) -> None:
        """Announce this worker."""
        with transaction.atomic():
            Worker.objects.create(pk=self.worker_id, node=node, pid=pid)
            # With a clock that is an hour slow it would be born dead.
            self.beat()

    def beat(self) -> None:
        """Say that this worker lives; raises WorkerExpired."""
        alive = Worker.objects.filter(pk=self.worker_id, state=WorkerState.OPEN)
        if not alive.update(heartbeat_at=Now()):
            raise WorkerExpired(self.worker_id)

    def _lock_worker(self) -> None:
        """So that no lease is made while the worker is declared dead or its journal is shipped."""
        alive = Worker.objects.filter(pk=self.worker_id, state=WorkerState.OPEN)
        if not alive.update(pid=F("pid")):
            raise WorkerExpired(self.worker_id)

    def _take(self, budget_id: int, need: int, cap: int) -> int:
        while True:
            budgets = Budget.objects.filter(pk=budget_id)
            remaining = budgets.values_list("remaining", flat=True).get()
            units = min(max(need, min(remaining // SLICE_PART, cap)), remaining)
            if units <= 0:
                return 0
            if budgets.filter(remaining__gte=units).update(remaining=F("remaining") - units):
                return units

    def _book(self, budget_id: int, units: int) -> None:
        leases = Lease.objects.filter(worker_id=self.worker_id, budget_id=budget_id)
        if leases.update(amount=F("amount") + units):
            return
        try:
            with transaction.atomic():
                Lease.objects.create(worker_id=self.worker_id, budget_id=budget_id, amount=units)
        except IntegrityError:
            leases.update(amount=F("amount") + units)
