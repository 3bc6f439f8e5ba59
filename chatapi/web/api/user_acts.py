"""What staff does with users, each act written down."""

import uuid
from collections.abc import Callable, Mapping
from typing import Any, cast

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils.translation import gettext as _
from rest_framework.request import Request

from billing.by_hand import BOOKED, book_by_hand, is_much, lock_people
from billing.ledger import AlreadyPosted, NotEnoughRemaining, lock_balance, open_wallet
from chatapi.accounts import roles
from chatapi.accounts.models import Role, User
from chatapi.accounts.people import (
    change_password,
    check_group,
    create_user,
    delete_user,
    set_active,
    set_role,
)
from chatapi.accounts.step_up import stale_since
from chatapi.console.audit import record_act
from chatapi.lib.money import InvalidAmount
from chatapi.web.api.confirming import need_fresh_password, need_owner, need_scope, need_whole_token
from chatapi.web.api.errors import Refused

PLAIN = ("username", "display_name", "email", "group")


def add_user(request: Request, values: Mapping[str, Any]) -> User:
    """Raises ValidationError, PermissionDenied or Refused."""
    role = values.get("role", Role.COMMON)
    if role != Role.COMMON:
        if not roles.is_root(request.user):
            raise PermissionDenied
        need_owner(request)
    with transaction.atomic():
        user = create_user(
            values["username"],
            values["password"],
            role=role,
            group=values.get("group") or "default",
            email=values.get("email", ""),
        )
        if values.get("display_name"):
            user.display_name = values["display_name"]
            user.save(update_fields=["display_name"])
        record_act("user.add", request=request, target=user, after=tell(user))
    return user


def edit_user(request: Request, user: User, values: Mapping[str, Any]) -> None:
    """All or nothing. Raises ValidationError, PermissionDenied or Refused."""
    require(roles.may_change, request, user)
    # A link to set a password can be sent to another address.
    if values.get("password") or values.get("email", user.email) != user.email:
        need_fresh_password(request)
        if user.role > Role.COMMON:
            # Who signs in as staff may what staff may.
            need_whole_token(request)
    if user.is_staff and values.get("username", user.username) != user.username:
        need_fresh_password(request)
    if "quota" in values:
        need_scope(request, "money:write")
    before = tell(user)
    with transaction.atomic():
        lock_people(_actor(request), user)
        if "quota" in values:
            # Before what the user's change publishes: all lock the wallet, then the feed.
            lock_balance(open_wallet(user).pk)
        if values.get("password"):
            change_password(user, values["password"])
            record_act("user.password", request=request, target=user)
        _change_plain(request, user, values, before)
        if "quota" in values:
            _set_balance(request, user, values["quota"])


def give_credit(request: Request, user: User, values: Mapping[str, Any]) -> None:
    """Raises PermissionDenied or Refused."""
    require(roles.may_change, request, user)
    reference = f"api:{user.pk}:{values.get('reference') or uuid.uuid4().hex}"
    with transaction.atomic():
        lock_people(_actor(request))
        _book(
            request,
            user,
            values["quota"],
            reference=reference,
            note=values.get("note", ""),
            expires_at=values.get("expired_time"),
        )


def manage_user(request: Request, user: User, action: str) -> None:
    """One of ACTIONS. Raises PermissionDenied, Refused or ValidationError (the last root)."""
    act, may = ACTS[action]
    require(may, request, user)
    if action not in {"disable", "enable"}:
        need_fresh_password(request)
    if action in {"promote", "demote"}:
        need_whole_token(request)
    before = {"role": user.role, "active": user.is_active}
    with transaction.atomic():
        act(user)
        after = {"role": user.role, "active": user.is_active}
        record_act(NAMES[action], request=request, target=user, before=before, after=after)


def require(may: Callable[[Any, User], bool], request: Request, user: User) -> None:
    if not may(request.user, user):
        raise PermissionDenied


def tell(user: User) -> dict[str, Any]:
    return {name: getattr(user, name) for name in (*PLAIN, "role")}


def promote(user: User) -> None:
    if user.role >= Role.ADMIN:
        raise Refused(_("The user is an administrator already."))
    set_role(user, Role.ADMIN)


def demote(user: User) -> None:
    if user.role == Role.COMMON:
        raise Refused(_("The user is an ordinary user already."))
    set_role(user, Role.COMMON)


def delete(user: User) -> None:
    if user.deleted_at is not None:
        raise Refused(_("The user is deleted already."))
    delete_user(user)


ACTS: Mapping[str, tuple[Callable[[User], None], Callable[[Any, User], bool]]] = {
    "disable": (lambda user: set_active(user, active=False), roles.may_ban),
    "enable": (lambda user: set_active(user, active=True), roles.may_ban),
    "delete": (delete, roles.may_ban),
    "promote": (promote, roles.may_set_role),
    "demote": (demote, roles.may_set_role),
}
NAMES = {
    "disable": "user.ban",
    "enable": "user.let_in",
    "delete": "user.delete",
    "promote": "user.role",
    "demote": "user.role",
}


def _change_plain(
    request: Request, user: User, values: Mapping[str, Any], before: Mapping[str, Any]
) -> None:
    changed = [name for name in PLAIN if name in values and values[name] != before[name]]
    if not changed:
        return
    if "group" in changed:
        check_group(values["group"])
    for name in changed:
        setattr(user, name, values[name])
    user.full_clean(exclude=["password"])
    user.save(update_fields=changed)
    record_act(
        "user.change",
        request=request,
        target=user,
        before={name: before[name] for name in changed},
        after={name: values[name] for name in changed},
    )


def _actor(request: Request) -> User:
    return cast("User", request.user)


def _set_balance(request: Request, user: User, units: int) -> None:
    before = lock_balance(open_wallet(user).pk)
    if units != before:
        reference = f"api:{user.pk}:{uuid.uuid4().hex}"
        note = f"balance set from {before} to {units}"
        _book(request, user, units - before, reference=reference, note=note)


def _book(request: Request, user: User, units: int, **more: Any) -> None:
    if request.auth is None and is_much(_actor(request), units, stale_since(request)):
        need_fresh_password(request)
    try:
        book_by_hand(user, units, actor=request.user.get_username(), **more)
    except NotEnoughRemaining as error:
        text = _("The balance is smaller, or calls hold the rest: try again in half a minute.")
        raise Refused(text) from error
    except AlreadyPosted as error:
        text = _("This was booked already; nothing was booked twice.")
        raise Refused(text) from error
    except InvalidAmount as error:
        raise Refused(_("The amount is out of range.")) from error
    after = {"units": units, "reference": more["reference"]}
    record_act(BOOKED, request=request, target=user, after=after, note=more["note"])
