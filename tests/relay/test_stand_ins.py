"""What the playground calls with: less than the key, and no longer than its owner's sessions."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import httpx
import pytest

from tests.harness.gateway import PASSWORD
from tests.harness.waiting import wait_for
from tests.relay.live_gateway import HELLO, LiveGateway, client_of

MODEL = "stand-in-model"
CHAT = "/v1/chat/completions"
BODY = {"model": MODEL, "messages": HELLO}


@dataclass(frozen=True)
class Player:
    """Somebody at the playground, and what their browser got."""

    name: str
    token: int
    browser: httpx.Client
    stand_in: str


@pytest.fixture(scope="module")
def served(live: LiveGateway) -> LiveGateway:
    live.new_channel(MODEL)
    live.take_in()
    return live


@pytest.fixture
def player(served: LiveGateway) -> Iterator[Player]:
    name = served.new_user()
    token = served.manage("token", "create", "--user", name, "--name", "played")["id"]
    with client_of(served.url) as browser:
        signed_in = {"username": name, "password": PASSWORD}
        assert browser.post("/api/user/login", json=signed_in).json()["success"]
        assert browser.get("/playground").status_code == 200
        yield Player(name, token, browser, new_stand_in(browser, token))


def new_stand_in(browser: httpx.Client, token: int) -> str:
    form = {"X-CSRFToken": browser.cookies["csrftoken"]}
    return str(browser.post(f"/playground/{token}/key", headers=form).json()["key"])


def call(live: LiveGateway, stand_in: str) -> httpx.Response:
    return live.call("POST", CHAT, json=BODY, headers={"authorization": f"Bearer {stand_in}"})


def test_it_opens_what_the_playground_calls_and_nothing_else(
    served: LiveGateway, player: Player
) -> None:
    answer = call(served, player.stand_in)
    assert answer.status_code == 200
    assert served.usage_of(answer)["user"] == player.name
    bearer = {"authorization": f"Bearer {player.stand_in}"}
    for method, path in (
        ("GET", "/v1/models"),
        ("GET", "/dashboard/billing/usage"),
        ("POST", "/v1/responses"),
        ("GET", "/v1/responses/resp_1"),
        ("POST", "/v1/images/generations"),
        ("POST", "/mj/submit/imagine"),
        ("GET", "/api/user/self"),
    ):
        assert served.call(method, path, headers=bearer).status_code == 401, path
    for path, header in (("/v1/messages", "x-api-key"), ("/v1beta/models", "x-goog-api-key")):
        answer = served.call("POST", path, headers={header: player.stand_in})
        assert answer.status_code in {401, 405}, path
    answer = served.call("GET", "/v1beta/models", params={"key": player.stand_in}, headers={})
    assert answer.status_code == 401


def end_others(live: LiveGateway, player: Player) -> None:
    form = {"X-CSRFToken": player.browser.cookies["csrftoken"]}
    answer = player.browser.post("/security/sessions/others", headers=form)
    assert answer.headers["location"] == "/security"
    # The session that asked goes on, and gets another one.
    again = new_stand_in(player.browser, player.token)
    wait_for(lambda: call(live, again).status_code == 200, "the new one is refused")


PROMOTE = (
    "from chatapi.accounts.models import User; from chatapi.accounts.people import set_role; "
    "set_role(User.objects.get(username=%r), 10)"
)
ENDS: dict[str, Callable[[LiveGateway, Player], object]] = {
    "password": lambda live, who: live.manage(
        "user", "password", who.name, "--password", "Another-Word-77"
    ),
    "role": lambda live, who: live.manage("shell", "-c", PROMOTE % who.name),
    "ban": lambda live, who: live.manage("user", "disable", who.name),
    "token": lambda live, who: live.manage("token", "revoke", who.token),
    "other sessions": end_others,
}


@pytest.mark.parametrize("end", ENDS)
def test_it_ends_with_the_sessions_and_the_token_of_its_owner(
    served: LiveGateway, player: Player, end: str
) -> None:
    assert call(served, player.stand_in).status_code == 200
    ENDS[end](served, player)
    wait_for(
        lambda: call(served, player.stand_in).status_code in {401, 403}, "the stand-in goes on"
    )


def test_no_log_holds_one(served: LiveGateway, player: Player) -> None:
    call(served, player.stand_in)
    served.call("GET", f"/v1/models/{player.stand_in}")
    served.call("GET", f"/v1beta/models/x?key={player.stand_in}", headers={})
    secret = player.stand_in[8:40]
    files = [path for path in served.gateway.folder.rglob("*") if path.is_file()]
    assert files
    assert [path for path in files if secret.encode() in path.read_bytes()] == []
