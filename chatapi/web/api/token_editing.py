"""Makes and changes one's own tokens with their limits, all or nothing."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from billing.balances import with_limits
from billing.ledger import NotEnoughRemaining, set_token_limit
from billing.models import Renews
from billing.renewals import change_renewal
from chatapi.accounts.models import Group, Role, Token, TokenStatus, User
from chatapi.accounts.people import check_group
from chatapi.accounts.tokens import NewToken, TokenSettings, check_validity, create_token
from chatapi.options.snapshot import read_values
from chatapi.web.api.errors import Refused
from chatapi.web.api.token_shapes import status_now, units_left

PLAIN = (
    "name",
    "expires_at",
    "valid_seconds",
    "group",
    "is_billed_by_call",
    "models_text",
    "suffix_text",
    "networks_text",
    "concurrency",
    "requests_per_minute",
)

SWITCHED = frozenset({TokenStatus.ENABLED.value, TokenStatus.DISABLED.value})


def own_tokens(user: User) -> Any:
    """With what is left of their limits, newest first."""
    return with_limits(Token.objects.filter(user=user)).order_by("-pk")


def make_tokens(
    user: User, values: Mapping[str, Any], count: int = 1, *, chooser: User | None = None
) -> list[NewToken]:
    """For `user`, by `chooser`, who is usually the same. Raises ValidationError or Refused.
    Without a limit of its own when `unlimited_quota` says so, else with `remain_quota` units, which
    `renews` and `renew_units` may set back.
    """
    check_token_group(chooser or user, values.get("group", ""))
    units = values.get("remain_quota", 0)
    is_unlimited = values.get("is_unlimited", False)
    plain = _plain(values)
    name = plain.pop("name")
    with transaction.atomic():
        made = [
            create_token(
                user,
                TokenSettings(
                    name=name if count == 1 else f"{name[:60]}-{number}",
                    is_unlimited=is_unlimited,
                    **plain,
                ),
            )
            for number in range(1, count + 1)
        ]
        for one in made:
            if not is_unlimited:
                set_token_limit(one.token, units, actor=(chooser or user).username)
            _change_renewal(one.token, values)
    return made


def change_token(token: Token, values: Mapping[str, Any], *, actor: User) -> None:
    """Only what is given. Raises ValidationError or Refused; then nothing was changed."""
    if values.get("group", token.group) != token.group:
        check_token_group(actor, values["group"])
        check_group(values["group"])
    plain = _plain(values)
    names = [name for name, value in plain.items() if getattr(token, name) != value]
    for name in names:
        setattr(token, name, plain[name])
    if token.first_used_at is None:
        check_validity(token.expires_at, token.valid_seconds)
    if values.get("is_unlimited") and not token.is_unlimited:
        token.is_unlimited = True
        names.append("is_unlimited")
    with transaction.atomic():
        _change_limit(token, values, actor)
        _change_renewal(token, values)
        status = values.get("status")
        # What was shown comes back with all its fields, also from tokens that have ended.
        if status in SWITCHED and status != status_now(token):
            _switch(token, status)
            names.append("status")
        if names:
            token.full_clean()
            token.save(update_fields=names)


def open_groups(user: User) -> QuerySet[Group]:
    """Those that the user may choose for a token: an administrator all."""
    groups = Group.objects.all()
    return groups if user.role >= Role.ADMIN else groups.filter(is_selectable=True)


def check_token_group(user: User, group: str) -> None:
    """Raises Refused where users do not choose groups, or not this one."""
    is_choice = group not in {"", user.group} and user.role < Role.ADMIN
    if is_choice and not read_values()["UserGroupEnabled"]:
        raise Refused(_("Tokens have the group of their user here."))
    check_choice(user, group)


def check_choice(user: User, group: str) -> None:
    """Raises Refused for a group that the user may not choose."""
    if not group or user.role >= Role.ADMIN:
        return
    if not open_groups(user).filter(name=group).exists():
        raise Refused(_("You can't choose the group “%(name)s”.") % {"name": group})


def _change_limit(token: Token, values: Mapping[str, Any], actor: User) -> None:
    is_limited = values.get("is_unlimited") is False
    if token.is_unlimited and not is_limited:
        return
    has_budget = getattr(token, "budget", None) is not None
    units = values.get("remain_quota", None if has_budget else 0)
    if units is None:
        if is_limited and token.is_unlimited:
            units = units_left(token)
        else:
            return
    try:
        set_token_limit(token, units, actor=actor.username)
    except NotEnoughRemaining as error:
        raise Refused(
            _(
                "The credit left was not changed: calls hold the rest of it. "
                "Please try again in half a minute."
            )
        ) from error
    token.is_unlimited = False


def _change_renewal(token: Token, values: Mapping[str, Any]) -> None:
    """A token that has no limit any more has none that renews."""
    renews, units = values.get("renews"), values.get("renew_units")
    if token.is_unlimited and renews is None:
        renews = Renews.NEVER
    if renews is not None or units is not None:
        change_renewal(token, renews, units)


def _switch(token: Token, status: int) -> None:
    if status == TokenStatus.ENABLED:
        if token.expires_at is not None and token.expires_at <= timezone.now():
            raise Refused(_("The token has expired: give it a later end first."))
        if not token.is_unlimited and units_of_budget(token) <= 0:
            raise Refused(_("The token's credit is used up: raise its limit first."))
    token.status = status


def units_of_budget(token: Token) -> int:
    """As the database has it now."""
    fresh = with_limits(Token.objects.filter(pk=token.pk)).get()
    return units_left(fresh)


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    found = {name: values[name] for name in PLAIN if name in values}
    if found.get("networks_text", "") is None:
        found["networks_text"] = ""
    return found
