"""manage.py user create|list|password|disable|enable|remove-second-factor."""

import getpass
from typing import Any

from django.core.management.base import CommandParser
from django.db import transaction

from chatapi.accounts.models import Role, User
from chatapi.accounts.people import change_password, create_user, find_user, set_active
from chatapi.accounts.second_factor import remove_second_factors
from chatapi.accounts.sessions import end_sessions
from chatapi.console.audit import record_act
from chatapi.lib.commands import OperatorCommand, Result, add_action

ROLES = {"user": Role.COMMON, "support": Role.SUPPORT, "admin": Role.ADMIN, "root": Role.ROOT}


class Command(OperatorCommand):
    help = "Users: create, list, change a password, ban."

    def add_actions(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(required=True)
        create = add_action(actions, "create", create_one, "make a user")
        create.add_argument("username")
        create.add_argument("--password", help="asked for when left out")
        create.add_argument("--role", choices=ROLES, default="user")
        create.add_argument("--group", default="default")
        create.add_argument("--email", default="")
        add_action(actions, "list", list_all, "show all users")
        password = add_action(actions, "password", set_password, "set a user's password")
        password.add_argument("username")
        password.add_argument("--password", help="asked for when left out")
        lost = add_action(
            actions,
            "remove-second-factor",
            remove_factors,
            "let a user in again who has lost the second factor; ends the user's sessions",
        )
        lost.add_argument("username")
        for name, active, text in (
            ("disable", False, "ban a user"),
            ("enable", True, "let a user back in"),
        ):
            action = add_action(actions, name, switch, text)
            action.add_argument("username")
            action.set_defaults(active=active)


def create_one(options: dict[str, Any]) -> Result:
    password = options["password"] or getpass.getpass("Password: ")
    user = create_user(
        options["username"],
        password,
        role=ROLES[options["role"]],
        group=options["group"],
        email=options["email"],
    )
    return describe_user(user)


def list_all(options: dict[str, Any]) -> Result:
    return [describe_user(user) for user in User.objects.order_by("id")]


def set_password(options: dict[str, Any]) -> Result:
    user = find_user(options["username"])
    change_password(user, options["password"] or getpass.getpass("New password: "))
    return describe_user(user)


def remove_factors(options: dict[str, Any]) -> Result:
    user = find_user(options["username"])
    with transaction.atomic():
        removed = remove_second_factors(user)
        end_sessions(user)
        record_act("second_factor.removed", target=user, note=f"{removed} by command")
    return {**describe_user(user), "removed": removed}


def switch(options: dict[str, Any]) -> Result:
    user = find_user(options["username"])
    set_active(user, active=options["active"])
    return describe_user(user)


def describe_user(user: User) -> dict[str, Any]:
    return {
        "id": user.pk,
        "username": user.username,
        "role": Role(user.role).name.lower(),
        "group": user.group,
        "enabled": user.is_active,
        "must_change_password": user.must_change_password,
    }
