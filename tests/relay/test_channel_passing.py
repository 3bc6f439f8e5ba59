"""What of a call goes on to which channel: templates of headers, rules by model, calls passed
through, what a channel takes, and the channel that answered last.
"""

import json
from typing import Any

import pytest

from tests.relay.live_gateway import LiveGateway

CHAT = "/v1/chat/completions"
HELLO = [{"role": "user", "content": "hi"}]
PICTURE = [
    {
        "role": "user",
        "content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0K"}}],
    }
]
TOOLS = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]


def sent(live: LiveGateway) -> Any:
    return json.loads(live.last_request()["body"])


def sent_headers(live: LiveGateway) -> dict[str, str]:
    return {name.lower(): value for name, value in dict(live.last_request()["headers"]).items()}


def ask(live: LiveGateway, model: str, headers: dict[str, str] | None = None, **fields: Any) -> Any:
    return live.chat(model, headers=headers, **fields)


# --- Headers ---


def test_headers_are_filled_in_with_the_clients(live: LiveGateway) -> None:
    model = live.new_name("passing")
    headers = {
        "X-Trace": "t-{client.x-request-id}",
        "X-Empty": "{client.x-not-there}",
        "X-Model": "{model}",
        "X-Call": "{request_id}",
        "X-Fixed": '{"json": 1}',
    }
    mapping = ("--mapping", json.dumps({model: "theirs"}))
    live.new_channel(model, *mapping, "--headers", json.dumps(headers))
    live.take_in()
    answer = ask(live, model, {"X-Request-Id": "abc"})
    assert answer.status_code == 200
    got = sent_headers(live)
    assert got["x-trace"] == "t-abc"
    assert got["x-model"] == "theirs"
    assert got["x-fixed"] == '{"json": 1}'
    assert got["x-call"] == answer.headers["x-oneapi-request-id"]
    assert "x-empty" not in got


@pytest.mark.parametrize("value", ["a\tb", "ü", "x" * 5000])
def test_what_can_not_stand_in_a_header_is_left_out(live: LiveGateway, value: str) -> None:
    model = live.new_name("passing")
    live.new_channel(model, "--headers", json.dumps({"X-Trace": "{client.x-trace}"}))
    live.take_in()
    raw: Any = {"x-trace": value.encode("latin-1")}
    assert ask(live, model, raw).status_code == 200
    assert "x-trace" not in sent_headers(live)


def test_a_template_never_takes_the_keys_place(live: LiveGateway) -> None:
    model, key = live.new_name("passing"), live.new_name("their-key")
    live.new_channel(model, "--headers", '{"Authorization": "{client.x-key}"}', key=key)
    live.take_in()
    assert ask(live, model, {"x-key": "Bearer mine"}).status_code == 200
    assert sent_headers(live)["authorization"] == f"Bearer {key}"


@pytest.mark.parametrize(
    "name", ["authorization", "Cookie", "x-api-key", "x-forwarded-for", "proxy-x", "host", ""]
)
def test_some_of_a_clients_headers_never_go_on(live: LiveGateway, name: str) -> None:
    headers = json.dumps({"X-A": f"{{client.{name}}}x"})
    with pytest.raises(AssertionError, match="can't be passed on"):
        live.new_channel("m", "--headers", headers)


# --- Rules by model ---


def test_fields_may_depend_on_the_model(live: LiveGateway) -> None:
    one, two = live.new_name("o3-x"), live.new_name("gpt-x")
    rules = {"temperature": 0.5, "@o3-*": {"temperature": None, "seed": 7}}
    live.new_channel(f"{one},{two}", "--overrides", json.dumps(rules))
    live.take_in()
    ask(live, one, temperature=1)
    assert "temperature" not in sent(live)
    assert sent(live)["seed"] == 7
    ask(live, two, temperature=1)
    assert sent(live)["temperature"] == 0.5
    assert "@o3-*" not in sent(live)


@pytest.mark.parametrize(
    "wrong", [{"@x": 1}, {"@": {}}, {"@x": {"model": "y"}}, {"@x": {"@y": {}}}, {"@x": {"n": 3}}]
)
def test_wrong_rules_are_refused(live: LiveGateway, wrong: object) -> None:
    with pytest.raises(AssertionError, match=r"can't be set|must look like"):
        live.new_channel("m", "--overrides", json.dumps(wrong))


# --- Passed through ---


def test_passed_through_as_it_came(live: LiveGateway) -> None:
    model, key = live.new_name("passing"), live.new_name("their-key")
    live.new_channel(model, "--passes-through", "--system-prompt", "Never.", key=key)
    live.take_in()
    body = json.dumps({"messages": HELLO, "model": model, "odd": {"a": 1}}, indent=3)
    headers = {
        "authorization": f"Bearer {live.key}",
        "x-my-own": "yes",
        "cookie": "secret=1",
        "x-forwarded-for": "1.2.3.4",
        "content-type": "application/json",
    }
    answer = live.http.post(CHAT, content=body, headers=headers)
    assert answer.status_code == 200
    assert live.last_request()["body"] == body
    got = sent_headers(live)
    assert got["x-my-own"] == "yes"
    assert got["authorization"] == f"Bearer {key}"
    assert not {"cookie", "x-forwarded-for"} & got.keys()
    assert live.usage_of(answer)["units"] > 0


def test_passed_through_streams_are_charged_though_nothing_asks_for_usage(
    live: LiveGateway,
) -> None:
    model = live.new_name("passing")
    live.new_channel(model, "--passes-through")
    live.take_in()
    answer = ask(live, model, stream=True)
    assert answer.status_code == 200
    assert "stream_options" not in sent(live)
    assert live.usage_of(answer)["units"] > 0


def test_passed_through_in_its_own_dialect_only(live: LiveGateway) -> None:
    model = live.new_name("passing")
    live.new_channel(model, "--passes-through", "--setting", "dialects=openai")
    live.take_in()
    claude = {"model": model, "max_tokens": 9, "messages": HELLO}
    assert live.call("POST", "/v1/messages", json=claude).status_code == 503
    assert ask(live, model).status_code == 200


# --- What channels take ---


@pytest.mark.parametrize(
    ("flag", "fields"),
    [("--no-accepts-tools", {"tools": TOOLS}), ("--no-accepts-images", {"messages": PICTURE})],
)
def test_calls_go_where_they_are_taken(
    live: LiveGateway, flag: str, fields: dict[str, Any]
) -> None:
    model, picky = live.new_name("passing"), live.new_name("picky-key")
    live.new_channel(model, flag, "--priority", 5, key=picky)
    live.new_channel(model)
    live.take_in()
    assert ask(live, model).status_code == 200
    assert live.calls_by("key", picky)["calls"] == 1
    text = [{"role": "user", "content": 'say "image_url" and {"type":"image"}'}]
    assert ask(live, model, messages=text, tools=[]).status_code == 200
    assert live.calls_by("key", picky)["calls"] == 2
    answer = ask(live, model, **fields)
    assert answer.status_code == 200
    assert live.calls_by("key", picky)["calls"] == 2
    reasons = [row["error"] for row in live.usage_of(answer)["attempts"] if row.get("error")]
    assert reasons == ["skipped:unfit", "skipped:tier"]


def test_native_claude_alone(live: LiveGateway) -> None:
    model = live.new_name("passing")
    live.new_channel(model, "--claude-only")
    live.take_in()
    assert ask(live, model).status_code == 503
    claude = {"model": model, "max_tokens": 9, "messages": HELLO}
    assert live.call("POST", "/v1/messages", json=claude).status_code == 200


# --- The channel that answered last ---


def spread(live: LiveGateway, keys: list[str]) -> list[int]:
    return [live.calls_by("key", key)["calls"] for key in keys]


@pytest.mark.parametrize(
    "fields",
    [
        {"messages": [{"role": "system", "content": "long " * 1500}, *HELLO]},
        {"prompt_cache_key": "session-1"},
    ],
    ids=["prompt", "key"],
)
def test_calls_that_begin_alike_go_to_one_channel(
    live: LiveGateway, fields: dict[str, Any]
) -> None:
    model = live.new_name("affine")
    keys = [live.new_name("affine-key") for _ in range(3)]
    for key in keys:
        live.new_channel(model, key=key)
    live.take_in()
    answers = [ask(live, model, **fields) for _ in range(12)]
    assert sorted(spread(live, keys)) == [0, 0, 12]
    assert live.usage_of(answers[-1])["attempts"][0]["why"] == "affinity"


def test_short_calls_are_spread(live: LiveGateway) -> None:
    model = live.new_name("affine")
    keys = [live.new_name("affine-key") for _ in range(2)]
    for key in keys:
        live.new_channel(model, key=key)
    live.take_in()
    for _ in range(30):
        ask(live, model)
    assert min(spread(live, keys)) > 0


def test_preferred_is_never_against_failover_or_priority(live: LiveGateway) -> None:
    model = live.new_name("affine")
    first = f"sim-key-status:code=500:{live.new_name('k')}"
    last = live.new_name("affine-key")
    live.new_channel(model, "--priority", 1, key=first)
    live.new_channel(model, key=last)
    live.take_in()
    for _ in range(8):
        assert ask(live, model, prompt_cache_key="s").status_code == 200
    # The higher priority is asked until its circuit opens, whoever answered last.
    assert live.calls_by("key", first)["calls"] == 5
    assert live.calls_by("key", last)["calls"] == 8
