"""How many calls a token may have under way."""

import httpx
import pytest

from tests.harness.waiting import wait_for
from tests.relay.live_gateway import HELLO, LiveGateway

ENDLESS = "sim-tokens:n=10000:rate=10"
MODEL = "limited-model"


@pytest.fixture(scope="module")
def served(live: LiveGateway) -> LiveGateway:
    live.new_channel(f"{MODEL},{ENDLESS}")
    live.take_in()
    return live


def test_call_above_the_limit_is_refused_until_another_ends(served: LiveGateway) -> None:
    user = served.new_user()
    key, other = served.new_token(user, "--concurrency", 2), served.new_token(user)
    with open_stream(served, key), open_stream(served, key):
        refused = served.chat(MODEL, key=key)
        assert refused.status_code == 429
        error = refused.json()["error"]
        assert (error["type"], error["code"]) == ("rate_limit_error", "concurrency_limit_exceeded")
        assert refused.headers["retry-after"] == "1"
        assert served.chat(MODEL, key=other).status_code == 200
    wait_for(lambda: served.chat(MODEL, key=key).status_code == 200, "no place is free again")
    assert [served.chat(MODEL, key=key).status_code for _ in range(4)] == [200] * 4


def test_limit_is_an_option_too_and_failed_calls_free_their_place(served: LiveGateway) -> None:
    key = served.new_token(served.new_user())
    served.set_option("TokenConcurrency", 1)
    try:
        with open_stream(served, key):
            assert served.chat(MODEL, key=key).status_code == 429
        wait_for(lambda: served.chat(MODEL, key=key).status_code == 200, "no place is free")
        bad = [served.chat("nobody-serves-this", key=key).status_code for _ in range(3)]
        bad += [served.chat(MODEL, key=key, n="x").status_code for _ in range(3)]
        assert bad == [503] * 3 + [400] * 3
        assert served.chat(MODEL, key=key).status_code == 200
    finally:
        served.set_option("TokenConcurrency", 0)


def test_counting_tokens_is_within_the_limits_too(served: LiveGateway) -> None:
    key = served.new_token(served.new_user(), "--concurrency", 1)
    headers = {"authorization": f"Bearer {key}"}
    # Larger than what is read on the event loop, and than what is counted.
    text = "one two three four " * 80_000
    body = {"model": MODEL, "messages": [{"role": "user", "content": text}]}
    path = "/v1/messages/count_tokens"
    counted = served.call("POST", path, json=body, headers=headers).json()["input_tokens"]
    assert abs(counted - 4 * 80_000) < 100
    with open_stream(served, key):
        assert served.call("POST", path, json=body, headers=headers).status_code == 429


class open_stream:  # noqa: N801 -- used like a function
    """A stream under way while the block lasts."""

    def __init__(self, live: LiveGateway, key: str) -> None:
        body = {"model": ENDLESS, "messages": HELLO, "stream": True}
        headers = {"authorization": f"Bearer {key}"}
        self._client = httpx.Client(base_url=live.url, trust_env=False, timeout=30)
        self._stream = self._client.stream(
            "POST", "/v1/chat/completions", json=body, headers=headers
        )

    def __enter__(self) -> None:
        response = self._stream.__enter__()
        assert response.status_code == 200
        next(response.iter_lines())

    def __exit__(self, *error: object) -> None:
        self._stream.__exit__(None, None, None)
        self._client.close()


def test_calls_of_a_minute_are_limited_in_each_dialect(served: LiveGateway) -> None:
    user = served.new_user()
    key, other = served.new_token(user, "--requests-per-minute", 3), served.new_token(user)
    assert [served.chat(MODEL, key=key).status_code for _ in range(3)] == [200] * 3
    calls_before = served.calls_by("model", MODEL)["calls"]
    refused = served.chat(MODEL, key=key)
    assert refused.status_code == 429
    error = refused.json()["error"]
    assert (error["type"], error["code"]) == ("rate_limit_error", "rate_limit_exceeded")
    assert 50 <= int(refused.headers["retry-after"]) <= 65
    body = {"model": MODEL, "messages": HELLO, "max_tokens": 9}
    claude = served.call("POST", "/v1/messages", json=body, headers={"x-api-key": key})
    assert claude.status_code == 429
    assert claude.json()["error"]["type"] == "rate_limit_error"
    assert int(claude.headers["retry-after"]) > 0
    gemini = served.call(
        "POST",
        f"/v1beta/models/{MODEL}:generateContent",
        json={"contents": [{"parts": [{"text": "one"}]}]},
        headers={"x-goog-api-key": key},
    )
    assert (gemini.status_code, gemini.json()["error"]["status"]) == (429, "RESOURCE_EXHAUSTED")
    assert served.calls_by("model", MODEL)["calls"] == calls_before
    assert served.chat(MODEL, key=other).status_code == 200


def test_the_option_limits_a_minute_unless_the_token_says_otherwise(served: LiveGateway) -> None:
    user = served.new_user()
    served.set_option("TokenRequestsPerMinute", 1)
    try:
        key, free = served.new_token(user), served.new_token(user, "--requests-per-minute", 0)
        assert [served.chat(MODEL, key=key).status_code for _ in range(3)] == [200, 429, 429]
        assert [served.chat(MODEL, key=free).status_code for _ in range(3)] == [200] * 3
    finally:
        served.set_option("TokenRequestsPerMinute", 0)
    assert served.chat(MODEL, key=key).status_code == 200


def test_what_waits_for_a_place_is_no_call_of_the_minute(served: LiveGateway) -> None:
    limits = ("--requests-per-minute", 2, "--concurrency", 1)
    key = served.new_token(served.new_user(), *limits)
    with open_stream(served, key):
        codes = {served.chat(MODEL, key=key).json()["error"]["code"] for _ in range(3)}
        assert codes == {"concurrency_limit_exceeded"}
    wait_for(lambda: served.chat(MODEL, key=key).status_code == 200, "no place is free")
    assert served.chat(MODEL, key=key).json()["error"]["code"] == "rate_limit_exceeded"


def test_a_token_whose_limit_is_used_up_works_again_when_it_renews(served: LiveGateway) -> None:
    key = served.new_token(served.new_user(), "--limit-usd", "0.000002", "--renews", "daily")
    refused = served.chat(MODEL, key=key)
    assert refused.status_code == 403
    assert refused.json()["error"]["code"] == "pre_consume_token_quota_failed"
    let_a_day_pass = (
        "from billing.models import TokenRenewal\n"
        "from billing.renewals import renew_limits\n"
        "TokenRenewal.objects.update(units=5_000_000, period_on='2026-01-01')\n"
        "assert renew_limits() == 1"
    )
    served.manage("shell", "-c", let_a_day_pass)
    wait_for(lambda: served.chat(MODEL, key=key).status_code == 200, "the limit did not renew")
