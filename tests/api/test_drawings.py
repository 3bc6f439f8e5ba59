"""Midjourney tasks by the API."""

from collections.abc import Callable
from typing import Any

import pytest

from chatapi.accounts.access_tokens import create_access_token, reset_personal_token
from chatapi.accounts.models import Role, User
from chatapi.accounts.tokens import TokenSettings, create_token
from relay.models import MidjourneyTask
from tests.api.conftest import Api, data_of

pytestmark = pytest.mark.django_db


def draw(name: str, number: int, **changes: Any) -> MidjourneyTask:
    user = User.objects.get(username=name)
    values: dict[str, Any] = {
        "mj_id": f"task-{number}",
        "user_id": user.pk,
        "token_id": 5,
        "wallet_id": 1,
        "channel_id": 8,
        "request_id": f"r{number}",
        "code": 1,
        "action": "IMAGINE",
        "mode": "fast",
        "status": "SUCCESS",
        "prompt": "<script>alert(1)</script>",
        "image_url": "https://provider.example/secret-picture.png",
        "submit_time": 1_000 * number,
    }
    return MidjourneyTask.objects.create(**{**values, **changes})


def test_everybody_sees_what_is_theirs(root: Api, admin: Api, alice: Api, bob: Api) -> None:
    for number, name in enumerate(("root", "alice", "bob"), 1):
        draw(name, number)
    assert [row["mj_id"] for row in data_of(alice.get("mj/self"))] == ["task-2"]
    (own,) = data_of(alice.get("mj/self"))
    assert "channel_id" not in own
    assert own["image_url"].startswith("http://testserver/mj/image/task-2?sig=")
    assert {row["mj_id"] for row in data_of(admin.get("mj/"))} == {"task-2", "task-3"}
    assert len(data_of(root.get("mj/"))) == 3
    assert alice.get("mj/").status_code == 403
    assert "provider.example" not in root.get("mj/").content.decode()


def test_support_sees_no_prompts_and_pictures(make_user: Callable[..., User], alice: Api) -> None:
    draw("alice", 1, prompt="planted-1", prompt_en="planted-2", description="planted-3")
    support = Api(make_user("sue", Role.SUPPORT))
    (row,) = data_of(support.get("mj/"))
    assert (row["mj_id"], row["status"], row["image_url"]) == ("task-1", "SUCCESS", "")
    assert "planted" not in str(row)


def test_programs_see_prompts_and_pictures_with_a_whole_token(
    make_user: Callable[..., User], alice: Api
) -> None:
    draw("alice", 1, prompt="planted-1", buttons="planted-2")
    adele = make_user("adele", Role.ADMIN)
    reader = Api(authorization=create_access_token(adele, "t", ["logs:read"]).key)
    (row,) = data_of(reader.get("mj/"))
    assert (row["mj_id"], row["image_url"]) == ("task-1", "")
    assert "planted" not in str(row)
    (row,) = data_of(Api(authorization=reset_personal_token(adele).key).get("mj/"))
    assert (row["prompt"], bool(row["image_url"])) == ("planted-1", True)


def test_tasks_are_found_by_number_channel_and_time(admin: Api, alice: Api) -> None:
    for number in range(1, 4):
        draw("alice", number, channel_id=number)

    def found(query: str) -> list[str]:
        answer = admin.get(f"mj/?{query}")
        return [row["mj_id"] for row in data_of(answer)]

    assert found("mj_id=task-2") == ["task-2"]
    assert found("channel_id=3") == ["task-3"]
    assert found("start_timestamp=2000&end_timestamp=2500") == ["task-2"]
    assert found("p=1&page_size=2") == ["task-1"]
    assert admin.get("mj/?start_timestamp=x").json()["success"] is False


def test_a_key_shows_its_own_tasks(nobody: Api, alice: Api) -> None:
    made = create_token(User.objects.get(username="alice"), TokenSettings(name="mj"))
    draw("alice", 1, token_id=made.token.pk)
    draw("alice", 2)
    assert [row["mj_id"] for row in data_of(nobody.post("log/tokenmj", {"key": made.key}))] == [
        "task-1"
    ]
    assert nobody.get("log/tokenmj?key=sk-x").status_code == 404
