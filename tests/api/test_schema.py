"""The schema, the page that shows it, and the API against its own schema with made-up requests."""

from collections.abc import Callable
from typing import Any

import pytest
import schemathesis
from django.core.handlers.wsgi import WSGIHandler
from django.test import Client
from hypothesis import HealthCheck, Phase, given, settings

from chatapi.accounts.access_tokens import reset_personal_token
from chatapi.accounts.models import Role, User
from tests.api.routes import NUMBER, SLUG, operations

pytestmark = pytest.mark.django_db


def test_the_schema_has_every_operation(client: Client) -> None:
    answer = client.get("/api/schema")
    assert answer.status_code == 200
    paths = answer.json()["paths"]
    for one in operations():
        path = f"/api/{one.path.replace(NUMBER, '{id}') if one.has_number else one.path}"
        path = path.replace(f"oauth/{SLUG}", "oauth/{slug}")
        assert one.method in paths[path], path
    texts = str(paths)
    assert "HasScope" not in texts
    assert "`area`" not in texts


def test_the_page_has_nothing_inline(client: Client) -> None:
    page = client.get("/api/docs")
    text = page.content.decode()
    assert page.status_code == 200
    assert "unsafe-inline" not in page["Content-Security-Policy"]
    assert "<style" not in text
    assert text.count("<script") == text.count("<script src=")
    script = client.get("/api/docs/start.js")
    assert script["Content-Type"].startswith("text/javascript")
    assert "/api/schema" in script.content.decode()


def check_operation(operation: Any, headers: dict[str, str]) -> None:
    """Some made-up requests, sound ones and others: never a failure of ours, and answers as the
    schema has them.
    """

    @given(case=operation.as_strategy())
    @settings(
        max_examples=6,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def ask(case: Any) -> None:
        answer = case.call(headers=headers)
        assert answer.status_code < 500, (case.as_curl_command(), answer.content)
        if "json" in str(answer.headers.get("content-type")):
            case.validate_response(answer, checks=CHECKS)

    ask()


ENDS_IT = {
    ("GET", "/api/user/token"),
    ("POST", "/api/user/token"),
    ("DELETE", "/api/user/self"),
}
"""What would take the asker's token away."""
CHECKS = [schemathesis.checks.not_a_server_error, schemathesis.checks.response_schema_conformance]


@pytest.mark.parametrize("role", [Role.COMMON, Role.ROOT])
def test_made_up_requests_are_answered_by_the_schema(
    make_user: Callable[..., User], role: int
) -> None:
    user = make_user("fuzzer", role)
    key = reset_personal_token(user).key
    schema = schemathesis.openapi.from_wsgi("/api/schema", WSGIHandler())
    count = 0
    found: Any
    for found in schema.get_all_operations():
        operation = found.ok()
        if (operation.method.upper(), operation.path) in ENDS_IT:
            continue
        check_operation(operation, {"Authorization": f"Bearer {key}"})
        count += 1
    assert count > 60
