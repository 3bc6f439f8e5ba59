"""SQLite lets one write at a time: who writes waits for a turn, and who gets none is told so."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager

import httpx
import pytest

from tests.harness.cast import Person
from tests.harness.gateway import PASSWORD, Gateway, running_gateway
from tests.harness.services import fresh_store
from tests.harness.telling import tell

WRITES, THREADS = 96, 24
KEY = """
from chatapi.accounts.access_tokens import create_access_token
from chatapi.accounts.models import User
user = User.objects.get(username={name!r})
print(create_access_token(user, "load", ["self:write"]).key)
"""
TEXTS = {"en": "The database did not answer in time", "zh": "数据库未能及时响应"}


@pytest.mark.parametrize("gateway", ["sqlite"], indirect=True)
def test_all_who_write_at_once_get_their_turn(gateway: Gateway, alice: Person) -> None:
    made = gateway.run_manage("shell", "--no-imports", "-c", KEY.format(name=alice.name))
    assert made.returncode == 0, made.stderr
    headers = {"authorization": made.stdout.split()[-1]}

    def write(number: int) -> str:
        answer = httpx.post(
            f"http://127.0.0.1:{gateway.port}/api/token/",
            json={"name": f"load-{number}", "unlimited_quota": True},
            headers=headers,
            timeout=120,
        )
        return f"{answer.status_code} {answer.json()['message']}"

    with ThreadPoolExecutor(THREADS) as pool:
        answers = Counter(pool.map(write, range(WRITES)))

    tell("sqlite", f"{dict(answers)}")
    assert answers == {"200 ": WRITES}
    ((kept,),) = gateway.store.rows(
        "SELECT COUNT(DISTINCT name) FROM accounts_token WHERE name LIKE 'load-%'"
    )
    assert kept == WRITES


@pytest.fixture(scope="module")
def impatient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    folder = tmp_path_factory.mktemp("impatient")
    with (
        fresh_store("sqlite", folder) as store,
        running_gateway(store, folder, workers=1, SQLITE_BUSY_TIMEOUT="200") as gateway,
    ):
        yield gateway


@contextmanager
def locked(gateway: Gateway) -> Iterator[None]:
    """While the block lasts, nobody else writes."""
    with closing(gateway.store.connect()) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")


@pytest.mark.parametrize("language", ["en", "zh"])
def test_who_gets_no_turn_is_asked_to_come_back(impatient: Gateway, language: str) -> None:
    with httpx.Client(
        base_url=f"http://127.0.0.1:{impatient.port}",
        headers={"accept-language": language},
        timeout=60,
    ) as client:
        page = client.get("/login")
        mark = page.text.partition('name="csrfmiddlewaretoken" value="')[2].partition('"')[0]
        form = {"login": "root", "password": PASSWORD, "csrfmiddlewaretoken": mark}
        sent = {"username": "root", "password": PASSWORD}
        with locked(impatient):
            assert client.get("/login").status_code == 200
            by_page = client.post("/login", data=form)
            by_api = client.post("/api/user/login", json=sent)
        later = client.post("/api/user/login", json=sent)

    for answer in (by_page, by_api):
        assert answer.status_code == 503
        assert int(answer.headers["retry-after"]) > 0
        assert answer.headers["x-oneapi-request-id"]
    assert by_page.headers["content-type"].startswith("text/html")
    assert TEXTS[language] in by_page.text
    assert by_api.json()["success"] is False
    assert by_api.json()["message"].startswith(TEXTS[language])
    assert later.json()["success"] is True
