"""Who may do what: the rules of the console, as functions of who acts and on whom.

Django's tables of permissions are not asked. What is not named here only root may do. Whoever
works in the console sees and changes users below the own role alone; root sees all.
`docs/access.md` has the table for people.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Q, QuerySet

from chatapi.accounts.models import Role, User

NOBODY = 1000
"""Above every role: rows that only the system writes."""


@dataclass(frozen=True, slots=True)
class Access:
    """The least role for seeing, changing (or adding) and deleting the rows of a model."""

    see: int
    change: int = NOBODY
    delete: int | None = None
    """None: as for changing."""
    add: int | None = None
    """None: as for changing."""

    def needed(self, verb: str) -> int:
        """`verb` is view, add, change or delete."""
        special = {"view": self.see, "add": self.add, "delete": self.delete}.get(verb)
        return self.change if special is None else special


ROOT_ONLY = Access(Role.ROOT, Role.ROOT)
WORK = Access(Role.SUPPORT, Role.ADMIN)
LOOK = Access(Role.SUPPORT)

CONSOLE: Mapping[str, Access] = {
    "accounts.AccessToken": ROOT_ONLY,
    "accounts.Group": WORK,
    "accounts.Token": WORK,
    "accounts.User": WORK,
    "billing.Budget": LOOK,
    "billing.HourlyUsage": LOOK,
    "billing.Lease": LOOK,
    "billing.LedgerEntry": LOOK,
    "billing.Order": WORK,
    "billing.PaymentNotice": WORK,
    "billing.Price": WORK,
    "billing.RechargeLot": LOOK,
    "billing.RedemptionCode": WORK,
    "billing.Usage": LOOK,
    "billing.Withdrawal": WORK,
    "billing.Worker": LOOK,
    "channels_app.Channel": WORK,
    "notifications.Delivery": Access(Role.ADMIN, Role.ADMIN),
    "notifications.Notice": Access(Role.ADMIN),
    "console.AuditEntry": Access(Role.ADMIN),
    "console.TaskRun": Access(Role.ADMIN, Role.ADMIN),
    "relay.MidjourneyTask": Access(Role.ADMIN),
}
"""Django's label of a model -> who may open its pages. A model that is missing is root's."""


def rank(user: Any) -> int:
    """The number of the role; 0 for nobody and for whoever is banned."""
    return int(user.role) if user.is_authenticated and user.is_active else 0


def is_root(user: Any) -> bool:
    return rank(user) >= Role.ROOT


def may_enter_console(user: Any) -> bool:
    return rank(user) >= Role.SUPPORT


def may_open(user: Any, label: str, verb: str) -> bool:
    """Pages of a model in the console; rows that are somebody's have rules of their own besides."""
    return may_enter_console(user) and rank(user) >= CONSOLE.get(label, ROOT_ONLY).needed(verb)


def may_see(actor: Any, target: User) -> bool:
    """Root sees everybody, others only those below them: neither their equals nor themselves."""
    return may_enter_console(actor) and (is_root(actor) or target.role < rank(actor))


def may_change(actor: Any, target: User) -> bool:
    """Details, password, tokens, limits and credit."""
    return rank(actor) >= Role.ADMIN and may_see(actor, target)


def may_ban(actor: Any, target: User) -> bool:
    """Letting in again and deleting, too; nobody shuts himself out."""
    return may_change(actor, target) and actor.pk != target.pk


def may_set_role(actor: Any, target: User) -> bool:
    """Roles are root's affair, but for the own one."""
    return is_root(actor) and actor.pk != target.pk


def may_see_texts(actor: Any) -> bool:
    """What people asked and were answered, and what channels are told besides."""
    return rank(actor) >= Role.ADMIN


def may_export(actor: Any) -> bool:
    """Lists of who called what, as files."""
    return rank(actor) >= Role.ADMIN


def hidden_roles(actor: Any) -> Q | None:
    """The users that the actor must not meet in any list; None for root, who meets all."""
    return None if is_root(actor) else Q(role__gte=rank(actor))


def narrow_rows(actor: Any, rows: QuerySet[Any], owner: str) -> QuerySet[Any]:
    """Leaves out rows of users that the actor may not see. `owner` is the path to the user: `user`,
    `budget__user`, `self` for users themselves, or `user_id` where there is no foreign key.
    """
    if not owner or is_root(actor):
        return rows
    if owner == "self":
        return rows.filter(role__lt=rank(actor))
    if owner.endswith("_id"):
        return rows.exclude(**{f"{owner}__in": hidden_ids(actor)})
    return rows.filter(**{f"{owner}__role__lt": rank(actor)})


def narrow_entries(actor: Any, rows: QuerySet[Any]) -> QuerySet[Any]:
    """Of the audit log: what the actor did, and who is below; what the system did is root's."""
    if is_root(actor):
        return rows
    hidden = [number for number in hidden_ids(actor) if number != actor.pk]
    return rows.filter(actor_id__isnull=False).exclude(actor_id__in=hidden)


def hidden_ids(actor: Any) -> list[int]:
    """Staff, of whom there are few: the roles are indexed."""
    found = hidden_roles(actor)
    return [] if found is None else list(User.objects.filter(found).values_list("pk", flat=True))
