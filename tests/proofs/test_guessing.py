"""However many guess at once, on however many workers, few passwords are looked at."""

import json
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection

from tests.harness.cast import Person
from tests.harness.gateway import PASSWORD, Gateway
from tests.harness.telling import tell

GUESSES, THREADS = 200, 20
LOOKED_AT = 5


def test_200_guesses_on_four_workers_with_forged_addresses(
    gateway: Gateway, person: Callable[..., Person]
) -> None:
    mallory = person("mallory", units=0)

    with ThreadPoolExecutor(THREADS) as pool:
        answers = Counter(pool.map(lambda number: guess(gateway, mallory, number), range(GUESSES)))

    tell(gateway.store.vendor, f"{dict(answers)}")
    ((kept,),) = gateway.store.rows(
        f"SELECT COUNT(*) FROM accounts_loginattempt WHERE account = '{mallory.name.casefold()}'"
    )
    # The rest may be told that there is no turn for it; nobody is let in, and nothing breaks.
    others = Counter(answers)
    del others["wrong"], others["throttled"]
    assert set(others) <= {"no turn", "503"}, answers
    assert answers["wrong"] <= LOOKED_AT
    assert kept <= LOOKED_AT + others.total()
    assert answers["throttled"] > GUESSES // 2
    # Of guesses that meet, a few less than allowed may have been looked at: the rest in turn.
    in_turn = [guess(gateway, mallory, number) for number in range(LOOKED_AT + 1)]
    assert answers["wrong"] + in_turn.count("wrong") <= LOOKED_AT
    assert in_turn[-1] == "throttled"
    assert guess(gateway, mallory, 0, PASSWORD) == "throttled"


def guess(gateway: Gateway, person: Person, number: int, password: str = "") -> str:
    """How it ended; each claims to come from somewhere else."""
    connection = HTTPConnection("127.0.0.1", gateway.port, timeout=60)
    address = f"198.51.{number // 250}.{number % 250}"
    headers = {
        "content-type": "application/json",
        "x-forwarded-for": address,
        "x-real-ip": address,
        "cf-connecting-ip": address,
        "true-client-ip": address,
        "forwarded": f"for={address}",
        "x_forwarded_for": address,
    }
    body = json.dumps({"username": person.name, "password": password or f"Guess-{number}-xyz"})
    connection.request("POST", "/api/user/login", body, headers)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    if answer.status == 429 or "Too many failed" in text:
        return "throttled"
    if "Too many people" in text:
        return "no turn"
    return "wrong" if answer.status == 200 and '"success":false' in text else f"{answer.status}"
