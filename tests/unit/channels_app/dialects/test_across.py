"""What clients of one dialect really send, and what a provider of another gets of it."""

import json
from hashlib import sha256
from typing import Any

import msgspec
import pytest

from channels_app.dialects.dialect import Rendered, Target
from channels_app.dialects.registry import find_dialect

Json = dict[str, Any]
TEXT = {"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 100}
CLAUDE_CODE_USER = json.dumps(
    {
        "device_id": "d" * 64,
        "account_uuid": "",
        "session_id": "1b4e28ba-2fa1-11d2-883f-0016d3cca427",
    }
)


def ask(
    client: str, provider: str, body: Json, model: str = "gpt-4o", kind: str = "openai"
) -> Rendered:
    fields = msgspec.json.decode(json.dumps(body), type=dict[str, msgspec.Raw])
    asked = find_dialect(client).parse_request(fields, model, False)  # noqa: FBT003 -- Dialect.parse_request
    rendered = find_dialect(provider).render_request(asked, Target(model, kind))
    return Rendered(json.loads(msgspec.json.encode(rendered.body)), rendered.dropped)


def hash_of(text: str) -> str:
    return sha256(text.encode()).hexdigest()


# --- The client's user ---


@pytest.mark.parametrize("provider", ["openai", "responses"])
@pytest.mark.parametrize(
    ("user", "told"), [(CLAUDE_CODE_USER, hash_of(CLAUDE_CODE_USER)), ("a@b.org", "a@b.org")]
)
def test_long_user_of_a_claude_client_is_hashed(provider: str, user: str, told: str) -> None:
    assert ask("anthropic", provider, TEXT | {"metadata": {"user_id": user}}).body["user"] == told


@pytest.mark.parametrize(
    ("user", "is_hashed"),
    [
        ("a@b.org", True),
        ("+49 (30) 123-4567", True),
        ("call 030.1234567 now", True),
        ("x" * 65, True),
        ("user-1", False),
        ("1b4e28ba-2fa1-11d2-883f-0016d3cca427", False),
    ],
)
def test_claude_gets_no_names_of_users(user: str, *, is_hashed: bool) -> None:
    told = ask("openai", "anthropic", TEXT | {"user": user}, "claude-sonnet-4-5", "anthropic").body
    assert told["metadata"] == {"user_id": hash_of(user) if is_hashed else user}


@pytest.mark.parametrize(
    ("dialect", "body"),
    [
        ("anthropic", {"metadata": {"user_id": "a@b.org"}}),
        ("openai", {"user": CLAUDE_CODE_USER}),
        ("responses", {"input": "Hi", "user": CLAUDE_CODE_USER}),
    ],
)
def test_user_stays_as_it_is_in_its_own_dialect(dialect: str, body: Json) -> None:
    asked = body if "input" in body else TEXT | body
    told = ask(dialect, dialect, asked).body
    assert {name: told[name] for name in body} == body


# --- Pictures in what tools answered ---

PICTURE = {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}
SHOWN = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}


def answer_tools(*contents: Any, then: str = "") -> list[Json]:
    """Messages of a Claude client whose tools answered with these."""
    calls = [
        {"type": "tool_use", "id": f"c{n}", "name": "look", "input": {}}
        for n in range(len(contents))
    ]
    results = [
        {"type": "tool_result", "tool_use_id": f"c{n}", "content": content}
        for n, content in enumerate(contents)
    ]
    said = [{"type": "text", "text": then}] if then else []
    return [
        {"role": "user", "content": "Look"},
        {"role": "assistant", "content": calls},
        {"role": "user", "content": results + said},
    ]


@pytest.mark.parametrize("then", ["", "So?"])
def test_pictures_follow_the_last_of_parallel_results(then: str) -> None:
    picture = {"type": "image", "source": PICTURE}
    said = answer_tools([picture], [{"type": "text", "text": "two"}, picture], "three", then=then)
    told = ask("anthropic", "openai", {"messages": said, "max_tokens": 9}).body["messages"][2:]
    words = [{"type": "text", "text": then}] if then else []
    assert told == [
        {"role": "tool", "tool_call_id": "c0", "content": ""},
        {"role": "tool", "tool_call_id": "c1", "content": "two"},
        {"role": "tool", "tool_call_id": "c2", "content": "three"},
        {"role": "user", "content": [SHOWN, SHOWN, *words]},
    ]


def test_results_of_nothing_but_references_show_nothing() -> None:
    found = [{"type": "tool_reference", "tool_name": "weather"}]
    rendered = ask("anthropic", "openai", {"messages": answer_tools(found), "max_tokens": 9})
    assert rendered.body["messages"][2:] == [{"role": "tool", "tool_call_id": "c0", "content": ""}]
    assert rendered.dropped == ["tool_reference"]


def test_pictures_in_results_of_a_responses_client_follow_the_last() -> None:
    shown = [{"type": "input_image", "image_url": "data:image/png;base64,iVBORw0KGgo="}]
    calls = [
        {"type": "function_call", "call_id": f"c{n}", "name": "look", "arguments": "{}"}
        for n in range(2)
    ]
    results = [
        {"type": "function_call_output", "call_id": f"c{n}", "output": shown} for n in range(2)
    ]
    told = ask("responses", "openai", {"input": [*calls, *results]}).body["messages"]
    assert [message["role"] for message in told] == ["assistant", "tool", "tool", "user"]
    assert told[-1]["content"] == [SHOWN, SHOWN]
