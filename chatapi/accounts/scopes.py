"""What an access token may be allowed to do, and the least role that may do it at all."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _

from chatapi.accounts.models import Role


@dataclass(frozen=True, slots=True)
class Scope:
    label: Any
    role: int


SCOPES: Mapping[str, Scope] = {
    "self:read": Scope(_("See the own account, usage and money"), Role.COMMON),
    "self:write": Scope(_("Change the own account and tokens"), Role.COMMON),
    "channels:read": Scope(_("See channels, without their keys"), Role.SUPPORT),
    "channels:write": Scope(_("Add, change, test and delete channels"), Role.ADMIN),
    "users:read": Scope(_("See users below the own role"), Role.SUPPORT),
    "users:write": Scope(_("Add and change users below the own role"), Role.ADMIN),
    "tokens:read": Scope(_("See tokens of users, without their keys"), Role.SUPPORT),
    "tokens:write": Scope(_("Add and change tokens of users"), Role.ADMIN),
    "logs:read": Scope(_("See calls and statistics"), Role.SUPPORT),
    "money:read": Scope(_("See orders, ledger, codes and withdrawals"), Role.SUPPORT),
    "money:write": Scope(_("Give credit, make codes, settle withdrawals"), Role.ADMIN),
    "prices:read": Scope(_("See prices and groups"), Role.SUPPORT),
    "prices:write": Scope(_("Change prices and groups"), Role.ADMIN),
    "audit:read": Scope(_("See the audit log"), Role.ADMIN),
    "options:read": Scope(_("See options, without secrets"), Role.ROOT),
    "options:write": Scope(_("Change options"), Role.ROOT),
}


def scopes_of_role(role: int) -> frozenset[str]:
    return frozenset(name for name, scope in SCOPES.items() if role >= scope.role)


def known_scopes(names: Iterable[str]) -> list[str]:
    """In the order of the table, without what is none."""
    wanted = set(names)
    return [name for name in SCOPES if name in wanted]
