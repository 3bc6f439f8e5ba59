"""Alice fills in each of her forms rightly, and sends along every column that any table has."""

from collections.abc import Iterator
from copy import copy
from datetime import UTC, datetime
from typing import Any

import pytest
from django.apps import apps
from django.db import models
from django.db.models import QuerySet
from django.test import Client

from chatapi.accounts.models import User
from tests.pages.access_rows import UNCOUNTED, Cast, make_cast, make_rows, undone
from tests.pages.conftest import PASSWORD
from tests.pages.test_access import cells, is_let_in

pytestmark = pytest.mark.django_db
APPS = ("accounts", "billing", "channels_app", "notifications", "relay", "console")
Cells = dict[tuple[str, Any, str], Any]

OWN = {
    "accounts.User": {"username", "display_name", "last_login"},
    "accounts.Token": {
        *("name", "status", "group", "models_text", "networks_text", "suffix_text"),
        *("expires_at", "valid_seconds", "is_unlimited", "is_billed_by_call"),
        *("concurrency", "requests_per_minute"),
    },
    "billing.TokenRenewal": {"renews", "units"},
}
"""What one decides of one's own."""
TEXTS = ("group", "networks_text", "suffix_text", "models_text", "models")
NUMBERS = ("valid_seconds", "concurrency", "requests_per_minute")
FORM: dict[str, Any] = {
    **{name: [] for name in (*TEXTS, *NUMBERS, "is_billed_by_call", "renews")},  # not in the form
    "name": "mine",
    "count": "1",
    "expiry": "never",
    "valid_unit": "days",
    "limit_usd": "1",
}
TOKEN: dict[str, Any] = {
    **dict.fromkeys(TEXTS, ""),
    **dict.fromkeys(NUMBERS),
    "name": "mine",
    "expired_time": -1,
    "remain_quota": 5,
    "unlimited_quota": False,
    "status": 1,
    "renews": "never",
}
FILLED: dict[str, dict[str, Any]] = {
    "profile": {"username": "alice", "display_name": "Alice B."},
    "change_password": {
        "old_password": PASSWORD,
        **dict.fromkeys(("new_password1", "new_password2"), "Another-Horse-9"),
    },
    "token_new": FORM,
    "token_edit": FORM,
    "alerts_balance": {"threshold": "1"},
    "api:self": {"display_name": "Alice B.", "password": ""},
    "api:tokens": {**TOKEN, "id": 1},
    "api:token_batch": {**TOKEN, "count": 2},
}
MUST_WRITE = {"profile", "change_password", "token_new", "token_edit", "api:self", "api:tokens"}
"""Taken and stored: else the test would prove nothing."""


def hostile_value(field: Any) -> Any:
    match field:
        case models.BooleanField():
            return True
        case models.DateTimeField() | models.DateField():
            return "2001-01-01T00:00:00Z"
        case models.ForeignKey():
            return 2
        case models.IntegerField() | models.DecimalField() | models.AutoField():
            return 98765
        case _:
            return "hostile-7f3a"


def all_columns() -> dict[str, Any]:
    """By the names of models and of the columns themselves."""
    found: dict[str, Any] = {}
    for label in APPS:
        for model in apps.get_app_config(label).get_models():
            for field in model._meta.concrete_fields:
                found[field.name] = found[field.attname] = hostile_value(field)
    return found


def read_cells() -> Cells:
    found: Cells = {}
    for model in apps.get_models():
        label = model._meta.label
        if label in UNCOUNTED or model._meta.proxy:
            continue
        rows: Any = QuerySet(model).values()
        for row in rows:
            key = row[model._meta.pk.attname]
            found |= {(label, key, name): value for name, value in row.items()}
    return found


def taken_over(before: Cells, after: Cells, sent: dict[str, Any]) -> Iterator[str]:
    """Columns that hold now what was sent, and did not before."""
    for (label, key, name), value in after.items():
        if before.get((label, key, name)) == value or name in OWN.get(label, set()):
            continue
        if isinstance(value, datetime):
            is_sent = value == datetime(2001, 1, 1, tzinfo=UTC)
        else:
            is_sent = name in sent and not isinstance(value, bool) and value == sent[name]
        is_raised = isinstance(value, bool) and value and (label, key, name) in before
        if is_sent or is_raised:
            yield f"{label}.{name} of {key}"


@pytest.fixture
def cast(db: None) -> Cast:
    found = make_cast()
    make_rows(found.user("alice"))
    return found


def ask(browser: Client, name: str, method: str, path: str, sent: dict[str, Any]) -> Any:
    if name.startswith("api:"):
        return getattr(browser, method)(path, sent, content_type="application/json")
    return browser.post(path, sent)


def test_nothing_that_is_sent_along_is_stored(cast: Cast) -> None:
    browser, columns = cast.browsers["alice"], all_columns()
    assert len(columns) > 150
    cookies, before, wrote = copy(browser.cookies), read_cells(), set()
    for name, path, access in cells():
        level = access.see if access.send is None else access.send
        is_open = level is not None and is_let_in(cast, "alice", level)
        if not is_open or not access.is_tried or name == "delete_account":
            continue
        for method in ("post", "put") if name.startswith("api:") else ("post",):
            sent = {**columns, **FILLED.get(name, {})}
            with undone():
                answer = ask(browser, name, method, path, sent)
                assert answer.status_code < 500, name
                after = read_cells()
            browser.cookies = copy(cookies)
            assert list(taken_over(before, after, sent)) == [], (name, method)
            assert standings(after) == standings(before), (name, method)
            wrote |= {name} if after != before else set()
    assert wrote >= MUST_WRITE


def standings(found: Cells) -> Cells:
    """Who may what."""
    kept = {"role", "is_staff", "is_superuser", "is_active", "is_service", "group", "inviter_id"}
    return {cell: value for cell, value in found.items() if is_of_users(cell) and cell[2] in kept}


def is_of_users(cell: tuple[str, Any, str]) -> bool:
    return cell[0] == User._meta.label
