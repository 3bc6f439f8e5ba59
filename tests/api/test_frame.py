"""The envelope, unreadable requests, unknown paths, both forms of a path."""

import tomllib
from pathlib import Path

import pytest

from chatapi.accounts.models import User
from chatapi.lib.version import VERSION
from tests.api.conftest import Api, data_of

pytestmark = pytest.mark.django_db
PROJECT = Path(__file__).resolve().parents[2]


def test_the_version_is_that_of_the_project() -> None:
    text = (PROJECT / "pyproject.toml").read_text(encoding="utf-8")
    assert tomllib.loads(text)["project"]["version"] == VERSION


def test_anybody_may_ask_for_the_status(nobody: Api) -> None:
    data = data_of(nobody.get("status"))
    assert data["version"] == ""
    assert data["system_name"] == "Chat API"
    assert data["quota_per_unit"] == 500_000
    assert (data["enable_drawing"], data["enable_batch_update"]) == (True, False)
    assert data["server_address"] == "http://testserver"
    assert nobody.get("status/").json() == nobody.get("status").json()


def test_the_version_is_told_to_staff(admin: Api, alice: Api) -> None:
    assert [data_of(one.get("status"))["version"] for one in (admin, alice)] == [VERSION, ""]


def test_texts_of_the_operator_are_as_they_were_written(nobody: Api) -> None:
    from constance.test import override_config  # noqa: PLC0415 -- needs the app registry

    with override_config(Notice="<b>now</b>", About="us", Midjourney="mj"):
        assert data_of(nobody.get("notice")) == "<b>now</b>"
        assert data_of(nobody.get("about")) == "us"
        assert data_of(nobody.get("midjourney")) == "mj"
        assert data_of(nobody.get("home_page_content")) == ""


def test_one_knows_oneself(alice: Api, alice_user: User) -> None:
    data = data_of(alice.get("user/self"))
    assert data["username"] == "alice"
    assert (data["role"], data["status"], data["quota"]) == (1, 1, 0)
    assert "password" not in str(data)
    assert "access_token" not in data


def test_who_does_not_say_who_it_is_gets_401(nobody: Api) -> None:
    answer = nobody.get("user/self")
    assert answer.status_code == 401
    assert answer.json()["success"] is False
    assert answer["WWW-Authenticate"]


def test_a_low_role_gets_403(alice: Api, admin: Api) -> None:
    answer = alice.get("group/")
    assert (answer.status_code, answer.json()["success"]) == (403, False)
    assert data_of(admin.get("group")) == ["default", "svip", "vip"]


def test_the_role_is_that_of_the_database(admin: Api) -> None:
    data_of(admin.get("group"))
    User.objects.filter(username="adele").update(role=1)
    assert admin.get("group").status_code == 403
    User.objects.filter(username="adele").update(is_active=False)
    assert admin.get("user/self").status_code == 401


def test_a_quarantined_user_can_do_nothing(alice: Api) -> None:
    User.objects.update(must_change_password=True)
    answer = alice.get("user/self")
    assert answer.status_code == 403
    assert answer.json()["code"] == "password_change_required"


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"",
        b'{"name": NaN}',
        b"[" * 100_000,
        b'{"name": "\\ud800"}',
        b'{"name": "\\u0000"}',
        b"\xff\xfe",
        b'{"a": ' + b"9" * 5000 + b"}",
    ],
)
def test_what_is_no_json_gets_400(alice: Api, body: bytes) -> None:
    answer = alice.client.post("/api/token/", body, content_type="application/json")
    assert answer.status_code in {400, 200}
    assert answer.json()["success"] is False
    assert answer.json()["message"]


def test_a_body_has_a_ceiling(alice: Api) -> None:
    body = b'{"name": "' + b"x" * 1_100_000 + b'"}'
    answer = alice.client.post("/api/token/", body, content_type="application/json")
    assert (answer.status_code, answer.json()["success"]) == (413, False)


def test_json_is_read_whatever_its_type_is_called(alice: Api) -> None:
    answer = alice.client.post(
        "/api/token/",
        b'{"name": "curl", "unlimited_quota": true}',
        content_type="application/x-www-form-urlencoded",
    )
    assert data_of(answer)["name"] == "curl"


def test_lists_instead_of_objects_are_refused(alice: Api) -> None:
    assert alice.post("token/", [1, 2]).json()["success"] is False


def test_unknown_paths_answer_in_json(nobody: Api) -> None:
    for path in ("nothing", "user/nothing/at/all", "token/" + "9" * 5000):
        answer = nobody.get(path)
        assert answer.status_code == 404
        assert answer.json()["success"] is False
        assert answer.json()["error"]["type"] == "invalid_request_error"


def test_other_methods_get_405(alice: Api) -> None:
    answer = alice.delete("user/models")
    assert (answer.status_code, answer.json()["success"]) == (405, False)


def test_errors_come_in_the_readers_language(nobody: Api) -> None:
    english, chinese = (
        nobody.get("nothing", **{"accept-language": language}).json()["message"]
        for language in ("en", "zh-CN")
    )
    assert english.startswith("There is no")
    assert english != chinese


def test_nobody_on_the_way_keeps_answers(alice: Api, nobody: Api) -> None:
    for answer in (alice.get("user/self"), nobody.get("status"), nobody.get("user/self")):
        assert "no-store" in answer["Cache-Control"]


def test_no_other_site_may_read_answers(alice: Api) -> None:
    answer = alice.get("user/self", origin="https://evil.example")
    assert not [name for name in answer.headers if name.lower().startswith("access-control")]
