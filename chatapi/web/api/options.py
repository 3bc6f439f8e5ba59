"""The operator's options, as strings. Secrets are written and never shown."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from chatapi.console.audit import record_act
from chatapi.console.fields import plain_decimal
from chatapi.options.forms import ACTION, OptionsForm, version_of
from chatapi.options.registry import OPTIONS, Tab
from chatapi.options.secret_options import (
    DESTINATIONS,
    SECRET,
    is_for_whole_tokens,
    is_grave,
    is_moved,
)
from chatapi.options.snapshot import read_values
from chatapi.web.api.confirming import need_fresh_password, need_whole_token
from chatapi.web.api.envelope import answer
from chatapi.web.api.errors import Refused
from chatapi.web.api.fields import Text
from chatapi.web.api.old_tables import WRITERS, read_old_tables, write_old_table
from chatapi.web.api.views import ApiView, describe

TAG = "Options"
MOST_TEXT = 500_000
FOR_USERS = (
    "TopUpLink",
    "YzfZfb",
    "YzfWx",
    "BillingByRequestEnabled",
    "ModelRatioEnabled",
    "MiniQuota",
    "ProporTions",
    "TopupRatio",
    "LogContentEnabled",
    "TopupAmount",
    "TopupRatioEnabled",
    "TopupAmountEnabled",
    "BlankReplyRetryEnabled",
    "UserGroupEnabled",
)
"""What the old product tells every user; those that this installation has not are left out."""


class Option(serializers.Serializer[Any]):
    key = serializers.CharField(max_length=100)
    value = serializers.CharField(
        max_length=MOST_TEXT, allow_blank=True, trim_whitespace=False, help_text="true, false, …"
    )


class OptionChange(Option):
    """`secret` goes with an option that says where a secret is sent."""

    secret = Text(max_length=MOST_TEXT, trim_whitespace=False, write_only=True)


class Options(ApiView):
    """Also ModelRatio, CompletionRatio, ModelPrice, GroupRatio and GroupUserRatio: JSON in a
    string, made of the tables of prices and groups.
    """

    area = "options"

    @describe("All options but secrets", TAG, Option, is_list=True)
    def get(self, _request: Request) -> Response:
        values = read_values()
        shown = [
            {"key": name, "value": show_value(values[name])}
            for name, entry in OPTIONS.items()
            if entry[2] != SECRET
        ]
        shown += [{"key": name, "value": text} for name, text in read_old_tables().items()]
        return answer(shown)

    @describe("Set an option; an empty secret is taken away", TAG, body=OptionChange)
    def put(self, request: Request) -> Response:
        values = self.read_body(OptionChange)
        name, text = values["key"].strip(), values["value"]
        if name in WRITERS:
            self._write_table(request, name, text)
        elif name in OPTIONS:
            check_gravity(request, name, text)
            set_options(request, {name: text, **secret_beside(request, values)})
        else:
            raise Refused(_("There is no option “%(name)s”.") % {"name": name[:100]})
        return answer()

    def _write_table(self, request: Request, name: str, text: str) -> None:
        with transaction.atomic():
            changed = write_old_table(name, text)
            if changed:
                after = {"count": len(changed), "names": changed[:50]}
                record_act(ACTION, request=request, after=after, note=name)


class UserOptions(ApiView):
    area = "self"

    @describe("Options that pages for users need", TAG, Option, is_list=True)
    def get(self, _request: Request) -> Response:
        values = read_values()
        return answer(
            [
                {"key": name, "value": show_value(values[name])}
                for name in FOR_USERS
                if name in OPTIONS and OPTIONS[name][2] != SECRET
            ]
        )


def check_gravity(request: Request, name: str, text: str) -> None:
    """Raises PermissionDenied."""
    values = read_values()
    if is_for_whole_tokens(name, text, values):
        need_whole_token(request)
    if OPTIONS[name][2] == SECRET or is_grave(name, text, values):
        need_fresh_password(request)


def secret_beside(request: Request, values: dict[str, Any]) -> dict[str, str]:
    """The secret that is sent to where this option says, if it was given. A program moves it only
    when it knows it. Raises PermissionDenied or Refused.
    """
    name, stored = values["key"].strip(), read_values()
    secret = DESTINATIONS.get(name, "")
    is_sent_elsewhere = bool(secret and stored[secret]) and is_moved(name, values["value"], stored)
    if request.auth is not None and is_sent_elsewhere and not values.get("secret"):
        text = _("This would send %(secret)s to another place: give it as “secret” too.")
        raise Refused(text % {"secret": secret})
    if not values.get("secret"):
        return {}
    if not secret:
        raise Refused(_("No secret goes with this option."))
    check_gravity(request, secret, values["secret"])
    return {secret: values["secret"]}


def set_options(request: Request, given: Mapping[str, str]) -> None:
    """By the form of the page, so that what it refuses is refused here. Raises ValidationError."""
    values, names = read_values(), tuple(given)
    sent = {"version": version_of(values, names)}
    for name, text in given.items():
        sent[name] = read_switch(text) if OPTIONS[name][2] is bool else text
        sent[f"{name}-clear"] = "" if text else "on"
    form = OptionsForm(values, Tab("", "", names), sent)
    if not form.is_valid():
        raise Refused("; ".join(str(text) for texts in form.errors.values() for text in texts))
    form.save_for(request)


def read_switch(text: str) -> str:
    found = {"1": "true", "0": "false"}.get(text.strip(), text.strip().lower())
    if found not in {"true", "false"}:
        raise Refused(_("This is true or false."))
    return found


def show_value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return plain_decimal(value) if isinstance(value, Decimal) else str(value)
