"""The pages of budgets, the ledger, lots, leases and workers: to look at, not to change."""

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import F, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.defaultfilters import filesizeformat
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from billing.admin.journals import is_silent, waiting_bytes
from billing.balances import leased
from billing.models import Budget, BudgetKind, Lease, LedgerEntry, LedgerKind, RechargeLot, Worker
from billing.models.worker import WorkerState
from billing.nodes import LARGE_BYTES, has_many_versions, read_nodes
from billing.nodes import is_silent as is_node_silent
from chatapi.console.base import ReadOnlyAdmin
from chatapi.console.columns import badge, link, money_column, mono, time_column
from chatapi.console.filters import choice_filter, number_filter, text_filter, time_filter

MOST_BUDGETS = 1000
"""A wallet, and the limits of the user's tokens."""


def of_user(rows: QuerySet[Any], text: str) -> QuerySet[Any]:
    """What belongs to a user's budgets; they are looked up first, so that one index answers."""
    budgets = Budget.objects.filter(user__username=text).values_list("pk", flat=True)
    return rows.filter(budget_id__in=list(budgets[:MOST_BUDGETS]))


def is_left(rows: QuerySet[Any], value: str) -> QuerySet[Any]:
    return rows.filter(left__gt=0) if value == "left" else rows.filter(left=0)


def owner_link(budget: Budget) -> SafeString:
    return link("accounts_user_change", budget.user_id, text=budget.user.username)


class OfBudgetAdmin(ReadOnlyAdmin[Any]):
    """Rows that belong to a budget."""

    owner_path = "budget__user"
    list_select_related: ClassVar[Any] = ("budget__user", "budget__token")

    @admin.display(description=_("user"))
    def owner(self, row: Any) -> SafeString:
        return owner_link(row.budget)

    @admin.display(description=_("budget"))
    def of_budget(self, row: Any) -> SafeString:
        text = row.budget.token.name if row.budget.token else BudgetKind(row.budget.kind).label
        return link("billing_budget_change", row.budget_id, text=text)


@admin.register(LedgerEntry)
class LedgerAdmin(OfBudgetAdmin):
    about = _("Every movement of credit but the charges of calls, which stand in the log of calls.")
    when_empty = _("Give a user credit, or let one recharge.")
    page_field = "created_at"
    list_display = ("time", "owner", "of_budget", "kind", "units", "actor", "note")
    list_filter = (
        time_filter("from", _("from"), "created_at__gte"),
        time_filter("to", _("to"), "created_at__lt"),
        text_filter("user", _("user"), of_user, indexed=True),
        number_filter("budget", _("budget"), "budget_id", indexed=True),
        choice_filter("kind", _("kind"), lambda: LedgerKind.choices),
        text_filter("actor", _("by"), "actor"),
    )
    search_fields = ("reference__exact",)
    search_help_text = _("Reference")
    fields = ("time", "owner", "of_budget", "kind", "units", "actor", "note", "reference")
    readonly_fields = ("time", "owner", "of_budget", "units")

    units = money_column("amount", _("amount"))
    time = time_column("created_at", _("time"))


@admin.register(RechargeLot)
class LotAdmin(OfBudgetAdmin):
    about = _("Credit as it came in. What expires first is spent first.")
    when_empty = _("Give a user credit, or let one recharge.")
    list_display = ("__str__", "owner", "units", "units_left", "source", "ends")
    list_filter = (
        text_filter("user", _("user"), of_user, indexed=True),
        number_filter("budget", _("budget"), "budget_id", indexed=True),
        choice_filter("source", _("source"), lambda: LedgerKind.choices),
        choice_filter(
            "state", _("state"), lambda: [("left", _("left")), ("used", _("used up"))], is_left
        ),
        time_filter("ends", _("expires before"), "expires_at__lt"),
    )
    fields = ("owner", "of_budget", "units", "units_left", "source", "ends")
    readonly_fields = fields

    units = money_column("amount", _("amount"))
    units_left = money_column("left", _("left"))
    ends = time_column("expires_at", _("expires"))


@admin.register(Budget)
class BudgetAdmin(ReadOnlyAdmin[Budget]):
    about = _("What calls are paid from: the wallet of each user, and the limits of tokens.")
    when_empty = _("The first user who gets credit has the first wallet.")
    owner_path = "user"
    list_display = ("__str__", "owner", "token", "balance", "held", "spent")
    list_select_related = ("user", "token")
    list_filter = (
        text_filter("user", _("user"), "user__username", indexed=True),
        choice_filter("kind", _("kind"), lambda: BudgetKind.choices),
    )
    fields = ("kind", "owner", "token", "balance", "held", "spent")
    readonly_fields = ("owner", "balance", "held", "spent")

    held = money_column("held_units", _("held by workers"))
    spent = money_column("used", _("spent"))
    balance = money_column("balance_units", _("balance"))

    @admin.display(description=_("user"))
    def owner(self, budget: Budget) -> SafeString:
        return owner_link(budget)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Budget]:
        held = super().get_queryset(request).annotate(held_units=leased("pk"))
        return held.annotate(balance_units=F("remaining") + F("held_units"))


@admin.register(Lease)
class LeaseAdmin(OfBudgetAdmin):
    about = _("Credit that workers hold for calls under way, and give back soon after.")
    when_empty = _("Nothing is held: no call is under way.")
    list_display = ("__str__", "owner", "of_budget", "worker", "units")
    list_filter = (
        text_filter("user", _("user"), of_user, indexed=True),
        text_filter("node", _("node"), "worker__node"),
    )
    list_select_related = ("budget__user", "budget__token", "worker")
    fields = ("worker", "owner", "of_budget", "units")
    readonly_fields = ("owner", "of_budget", "units")

    units = money_column("amount", _("amount"))


@admin.register(Worker)
class WorkerAdmin(ReadOnlyAdmin[Worker]):
    is_key_paged = False  # keys are random, and there are few
    change_list_template = "admin/billing/worker/change_list.html"
    ordering = ("-heartbeat_at",)
    list_display = ("node", "pid", "health", "seen", "started", "waiting")
    list_filter = (
        choice_filter("state", _("state"), lambda: WorkerState.choices),
        text_filter("node", _("node"), "node"),
    )
    fields = ("node", "pid", "health", "seen", "started", "waiting", "place")
    readonly_fields = fields

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        nodes = read_nodes()
        context = {
            "nodes": [
                (node, is_node_silent(node), node.waiting_bytes > LARGE_BYTES) for node in nodes
            ],
            "has_many_versions": has_many_versions(nodes),
            "title": _("Nodes and workers"),
        }
        return super().changelist_view(request, {**context, **(extra_context or {})})

    seen = time_column("heartbeat_at", _("last seen"))
    started = time_column("started_at", _("started"))

    @admin.display(description=_("state"))
    def health(self, worker: Worker) -> SafeString:
        state = WorkerState(worker.state)
        if is_silent(worker):
            return badge(_("silent"), "warn")
        tones = {WorkerState.OPEN: "good", WorkerState.EXPIRED: "bad", WorkerState.CLOSED: "plain"}
        return badge(state.label, tones[state])

    @admin.display(description=_("not yet recorded"))
    def waiting(self, worker: Worker) -> str:
        """Of workers on this machine: others' journals can't be seen from here."""
        found = waiting_bytes(worker)
        return "–" if found is None else filesizeformat(found)

    @admin.display(description=_("recorded up to"))
    def place(self, worker: Worker) -> SafeString | str:
        return mono(f"{worker.segment:06d}.log : {worker.offset}")
