"""A page of somebody else can do nothing with a reader's session."""

from collections.abc import Callable

import pytest
from django.middleware.csrf import _get_new_csrf_string

from chatapi.accounts.models import Token, User
from tests.api.conftest import Api

pytestmark = pytest.mark.django_db
EVIL = {"origin": "https://evil.example", "sec-fetch-site": "cross-site"}


@pytest.fixture
def strict(make_user: Callable[..., User]) -> Api:
    return Api(make_user("carol"), strict=True)


def proof(api: Api) -> dict[str, str]:
    secret = _get_new_csrf_string()
    api.client.cookies["csrftoken"] = secret
    return {"x-csrftoken": secret}


@pytest.mark.parametrize("headers", [{}, EVIL, {"x-csrftoken": "x" * 32}])
def test_a_session_alone_changes_nothing(strict: Api, headers: dict[str, str]) -> None:
    for method, path in (("post", "token/"), ("put", "token/"), ("delete", "token/1")):
        body = {"name": "evil", "unlimited_quota": True}
        answer = strict.call(method, path, body, **headers)
        assert answer.status_code == 403, (method, path)
        assert answer.json()["success"] is False
    assert not Token.objects.exists()


def test_a_form_of_another_page_changes_nothing(strict: Api) -> None:
    for content_type in ("text/plain", "application/x-www-form-urlencoded"):
        body = b'{"name": "evil", "unlimited_quota": true}'
        answer = strict.client.post("/api/token/", body, content_type=content_type)
        assert answer.status_code == 403
    assert not Token.objects.exists()


def test_the_csrf_token_opens_the_way(strict: Api) -> None:
    body = {"name": "mine", "unlimited_quota": True}
    assert strict.post("token/", body, **proof(strict)).json()["success"] is True
    assert strict.get("token/").json()["success"] is True


def test_the_token_does_not_help_another_origin(strict: Api) -> None:
    body = {"name": "evil", "unlimited_quota": True}
    answer = strict.post("token/", body, **proof(strict), origin="https://evil.example")
    assert answer.status_code == 403
    assert not Token.objects.exists()
