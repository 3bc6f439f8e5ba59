"""What no honest client sends: every operation refuses it, and none breaks."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from chatapi.accounts.models import Role, User
from tests.api.conftest import Api
from tests.api.routes import Operation, operations

pytestmark = pytest.mark.django_db
BODIES = [
    b"",
    b"null",
    b"[]",
    b"[" * 50_000,
    b'{"id": ' + b"9" * 4000 + b"}",
    b'{"id": 1e400, "ids": [1e400], "key": {"a": []}}',
    b'{"name": "\\u0000", "username": "\\u0000", "email": "\\u0000"}',
    b'{"key": "\\ud800", "code": "\\ud800"}',
    b"\xff\xfe{}",
]
QUERIES = [
    "p=1000000000",
    "p=-1&page_size=-1",
    "next=99999999999999999-99999999999999999999",
    "next=%00&keyword=%00&username=%00&code=%00&email=%00",
    "keyword=%ff&type=99&start_timestamp=99999999999999999&end_timestamp=-1",
    "id=9e9&auth_date=1e400&channel=99999999999999999999&channel_id=%D9%A3",
]
ENDS_IT = {("self", "delete"), ("channel_test_all", "get"), ("channel_balance_all", "get")}


def is_answered(response: Any) -> bool:
    return response.status_code < 500 and json.loads(response.content)["success"] in {True, False}


def tried() -> list[Operation]:
    return [one for one in operations() if (one.name, one.method) not in ENDS_IT]


@pytest.mark.parametrize("role", [None, Role.ROOT])
def test_unreadable_bodies_are_refused(make_user: Callable[..., User], role: int | None) -> None:
    api = Api(make_user("root", role) if role else None)
    for one in tried():
        if one.method == "get" or one.name in {"channel_test_all", "channel_balance_all"}:
            continue
        for body in BODIES:
            path = f"/api/{one.path}"
            answer = api.client.generic(one.method.upper(), path, body, "application/json")
            assert is_answered(answer), (one, body[:40])
            if answer.status_code == 401:
                break


@pytest.mark.parametrize("role", [None, Role.ROOT])
def test_odd_addresses_are_answered(make_user: Callable[..., User], role: int | None) -> None:
    api = Api(make_user("root", role) if role else None)
    for one in tried():
        if one.method != "get" or one.name == "own_access_token":
            continue
        for query in QUERIES:
            answer = api.get(f"{one.path}?{query}")
            assert is_answered(answer), (one, query)
            if answer.status_code == 401:
                break
