"""What the gateway makes of a request on its way into another dialect, and says about it."""

import json
from typing import Any

import pytest

from channels_app.dialects.conversation import Part, ToolCall
from channels_app.dialects.dialect import WriteOptions
from channels_app.dialects.frames import SseFrames
from channels_app.dialects.registry import find_dialect
from channels_app.dialects.reply import Choice, Reply, collect, replay
from tests.relay.dialect_calls import DIALECTS, PAIRS, Desk, error_in
from tests.relay.live_gateway import LiveGateway
from tests.relay.scripted_provider import ScriptedProvider, stream, whole
from tests.unit.channels_app.dialects.pairs.gist import said_in

SUFFIX = "Brought to you by é."
UNFIT: dict[str, dict[str, Any]] = {
    "openai": {"logit_bias": {"50256": -100}, "seed": 7, "user": "u"},
    "responses": {"truncation": "auto", "max_tool_calls": 3, "store": False},
    "anthropic": {"top_k": 40, "container": "c1", "service_tier": "auto"},
    "gemini": {"safetySettings": [{"category": "C", "threshold": "T"}], "labels": {"a": "b"}},
}
"""What OpenAI's chat, or for it Claude, has no place for."""
LOST = {
    "openai": {"logit_bias", "seed"},
    "responses": {"truncation", "max_tool_calls", "store"},
    "anthropic": {"top_k", "container"},
    "gemini": {"safetySettings", "labels"},
}
OTHER = {"openai": "anthropic", "responses": "openai", "anthropic": "openai", "gemini": "openai"}
PRIVATE = "http://127.0.0.1:9/secret.png"
PICTURE: dict[str, dict[str, Any]] = {
    "openai": {
        "messages": [
            {"role": "user", "content": [{"type": "image_url", "image_url": {"url": PRIVATE}}]}
        ]
    },
    "responses": {
        "input": [{"role": "user", "content": [{"type": "input_image", "image_url": PRIVATE}]}]
    },
    "anthropic": {
        "messages": [
            {
                "role": "user",
                "content": [{"type": "image", "source": {"type": "url", "url": PRIVATE}}],
            }
        ]
    },
}
TOOLS: dict[str, dict[str, Any]] = {
    "openai": {"tools": [{"type": "function", "function": {"name": "weather"}}]},
    "responses": {"tools": [{"type": "function", "name": "weather", "parameters": {}}]},
    "anthropic": {"tools": [{"name": "weather", "input_schema": {"type": "object"}}]},
    "gemini": {"tools": [{"functionDeclarations": [{"name": "weather"}]}]},
}


PATCH: dict[str, Any] = {"type": "custom", "name": "apply_patch"}
ODD_TOOLS: dict[tuple[str, str], list[dict[str, Any]]] = {
    ("responses", "anthropic"): [
        {
            "type": "namespace",
            "name": "mcp__x__",
            "description": "X.",
            "tools": [{"type": "function", "name": "weather"}],
        },
        PATCH,
    ],
    ("openai", "openai"): [TOOLS["openai"]["tools"][0], PATCH],
}
"""Codex's tools where nobody else has such, and Cursor's, which OpenAI wants written otherwise."""


def rule_model(rule: str, client: str, wire: str) -> str:
    return f"{rule}-{client}-{wire}"


@pytest.fixture(scope="module")
def desk(live: LiveGateway, scripts: ScriptedProvider) -> Desk:
    """A model for each rule and pair, so that no failure of one is another's."""
    found = Desk(live, scripts)
    models = {rule_model("drop", client, wire): wire for client, wire in OTHER.items()}
    models |= {rule_model("strict", client, wire): wire for client, wire in OTHER.items()}
    models |= {rule_model("link", client, "gemini"): "gemini" for client in PICTURE}
    models |= {rule_model("suffix", client, wire): wire for client, wire in PAIRS}
    models |= {rule_model("suffix", client, client): client for client in DIALECTS}
    models |= {name: wire for name, wire, *_ in NAMES}
    models |= {rule_model("tools", client, wire): wire for client, wire in ODD_TOOLS}
    found.serve(models)
    return found


@pytest.mark.parametrize(("client", "wire"), OTHER.items())
def test_what_has_no_place_is_named_in_a_header(desk: Desk, client: str, wire: str) -> None:
    model = rule_model("drop", client, wire)
    desk.say(model, wire, "plain", is_stream=False)
    response = desk.ask(client, model, **UNFIT[client])
    assert response.status_code == 200
    dropped = set(response.headers["x-chatapi-dropped"].split(", "))
    assert dropped >= LOST[client]
    assert dropped <= UNFIT[client].keys()
    assert not set(desk.asked(model)) & dropped
    # Between equals nothing is translated.
    assert "x-chatapi-dropped" not in desk.live.chat("marker", seed=1).headers


@pytest.mark.parametrize(("client", "wire"), OTHER.items())
def test_strict_conversion_refuses_it_by_name(desk: Desk, client: str, wire: str) -> None:
    model = rule_model("strict", client, wire)
    desk.say(model, wire, "plain", is_stream=False)
    fit = {name: value for name, value in UNFIT[client].items() if name not in LOST[client]}
    desk.live.set_option("StrictConversion", "true")
    try:
        refused = desk.ask(client, model, **UNFIT[client])
        passed = desk.ask(client, model, **fit)
    finally:
        desk.live.set_option("StrictConversion", "false")
    assert (refused.status_code, passed.status_code) == (400, 200)
    message, kind = error_in(client, refused.json())
    names = [name for name in LOST[client] if name != "store"]
    assert all(name in message for name in names)
    assert kind in {"unsupported_parameter", "invalid_request_error", "INVALID_ARGUMENT"}
    if client in {"openai", "responses"}:
        assert refused.json()["error"]["param"] in names
    assert len(desk.scripts.asked[model]) == 1
    assert desk.live.usage_of(refused)["units"] == 0


@pytest.mark.parametrize("client", PICTURE)
def test_picture_at_a_private_address_is_not_fetched(desk: Desk, client: str) -> None:
    """Gemini takes no addresses, so that the gateway would have to go there."""
    model = rule_model("link", client, "gemini")
    refused = desk.ask(client, model, **PICTURE[client])
    assert refused.status_code == 400
    message, kind = error_in(client, refused.json())
    assert "127.0.0.1" in message
    assert kind in {"media_unavailable", "invalid_request_error"}
    assert desk.scripts.asked[model] == []
    assert desk.live.usage_of(refused)["units"] == 0


def said(client: str, response: Any, *, is_stream: bool) -> Any:
    """What the client's SDK makes of an answer."""
    dialect = find_dialect(client)
    if not is_stream:
        return said_in(dialect.read_answer(response.content))[0]
    frames, reader = SseFrames(), dialect.reader()
    found = [frame for frame in frames.feed(response.content) if frame.data]
    return said_in(collect([d for one in found for d in reader.read(one.data, one.name)]))[0]


@pytest.fixture(scope="module")
def advertiser(desk: Desk) -> str:
    """The key of a token with a text of its own."""
    live = desk.live
    key = live.new_token(live.new_user())
    hint = live.manage("token", "list")[-1]["id"]
    change = f"Token.objects.filter(pk={hint}).update(suffix_text={SUFFIX!r})"
    live.manage("shell", "-c", f"from chatapi.accounts.models import Token; {change}")
    return key


@pytest.mark.parametrize("is_stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize(("client", "wire"), [*PAIRS, *((name, name) for name in DIALECTS)])
def test_text_of_the_token_ends_the_answer_but_no_tool_call(
    desk: Desk, advertiser: str, client: str, wire: str, *, is_stream: bool
) -> None:
    model = rule_model("suffix", client, wire)
    desk.say(model, wire, "plain", is_stream=is_stream)
    answer = desk.ask(client, model, is_stream=is_stream, key=advertiser)
    told = said(client, answer, is_stream=is_stream)
    assert (told.words, told.finish) == (f"Hello there!\n\n{SUFFIX}", "stop")
    desk.say(model, wire, "tools", is_stream=is_stream)
    answer = desk.ask(client, model, is_stream=is_stream, key=advertiser, **TOOLS[client])
    told = said(client, answer, is_stream=is_stream)
    assert (told.words, len(told.calls), told.finish) == ("Again.", 2, "tool_calls")
    desk.say(model, wire, "plain", is_stream=is_stream)
    plain = said(client, desk.ask(client, model, is_stream=is_stream), is_stream=is_stream)
    assert plain.words == "Hello there!"


THINKING = {"type": "enabled", "budget_tokens": 8192}
LINKS = "What is on https://x.test/a.png and https://x.test/b.jpg ?"
NAMES: list[tuple[str, str, str, str, dict[str, Any]]] = [
    (
        "claude-sonnet-4-5-thinking",
        "anthropic",
        "openai",
        "claude-sonnet-4-5",
        {"thinking": THINKING},
    ),
    (
        "claude-opus-4-1-thinking-2000",
        "anthropic",
        "anthropic",
        "claude-opus-4-1",
        {"thinking": {"type": "enabled", "budget_tokens": 2000}},
    ),
    (
        "claude-haiku-4-5-nothinking",
        "anthropic",
        "anthropic",
        "claude-haiku-4-5",
        {"thinking": {"type": "disabled"}},
    ),
    ("gpt-5.1-high", "openai", "openai", "gpt-5.1", {"reasoning_effort": "high"}),
    ("gpt-5.1-low", "responses", "gemini", "gpt-5.1", {"reasoning": {"effort": "low"}}),
    (
        "claude-sonnet-4-5-internet",
        "anthropic",
        "gemini",
        "claude-sonnet-4-5",
        {"tools": [{"type": "web_search_20250305", "name": "web_search"}]},
    ),
    ("gpt-4o-internet", "responses", "openai", "gpt-4o", {"tools": [{"type": "web_search"}]}),
]
"""(name, provider, client, name for the provider, what it is asked besides)"""


@pytest.mark.parametrize(("name", "wire", "client", "model", "wanted"), NAMES)
def test_names_of_models_ask_for_more(
    desk: Desk, name: str, wire: str, client: str, model: str, wanted: dict[str, Any]
) -> None:
    desk.say(name, wire, "plain", is_stream=False)
    fields: dict[str, Any] = {"max_tokens": 20000} if client == "anthropic" else {}
    assert desk.ask(client, name, **fields).status_code == 200
    asked = desk.asked(name)
    assert asked["model"] == model
    assert {field: asked.get(field) for field in wanted} == wanted


def test_name_of_gemini_asks_for_more(desk: Desk) -> None:
    """Its name stands in the address."""
    name = "gemini-2.5-flash-nothinking"
    desk.serve({name: "gemini"})
    desk.say(name, "gemini", "plain", is_stream=False)
    assert desk.ask("openai", name).status_code == 200
    assert "/models/gemini-2.5-flash:generateContent" in desk.scripts.asked_once(name).path
    assert desk.asked(name)["generationConfig"]["thinkingConfig"]["thinkingBudget"] == 0


def test_all_gizmos_are_one_model_to_channels(desk: Desk) -> None:
    name = "gpt-4-gizmo-*"
    desk.serve({name: "openai"})
    desk.say(name, "openai", "plain", is_stream=False)
    response = desk.ask("anthropic", "gpt-4-gizmo-g-abc")
    assert response.status_code == 200
    assert desk.asked(name)["model"] == "gpt-4-gizmo-g-abc"
    assert desk.live.usage_of(response)["model"] == "gpt-4-gizmo-g-abc"


def test_links_in_words_become_pictures_for_models_by_that_name(desk: Desk) -> None:
    name = "gpt-4-vision"
    answer = {"choices": [{"message": {"content": "a"}, "finish_reason": "stop"}]}
    desk.live.new_channel(name, url=desk.scripts.say(name, whole(json.dumps(answer).encode())))
    desk.live.take_in()
    messages = [{"role": "user", "content": LINKS}]
    assert desk.ask("openai", name, messages=messages).status_code == 200
    asked = desk.asked(name)
    assert asked["model"] == "gpt-4o"
    urls = ("https://x.test/a.png", "https://x.test/b.jpg")
    pictures = [{"type": "image_url", "image_url": {"url": url, "detail": "high"}} for url in urls]
    words = {"type": "text", "text": "What is on and ?"}
    assert asked["messages"] == [{"role": "user", "content": [*pictures, words]}]


@pytest.mark.parametrize("is_stream", [False, True], ids=["whole", "stream"])
def test_codex_and_claude_know_a_tool_by_other_names(desk: Desk, *, is_stream: bool) -> None:
    pair = ("responses", "anthropic")
    model = rule_model("tools", *pair)
    text = {"input": "*** Begin"}
    calls: list[Part] = [
        ToolCall("c1", "mcp__x__weather", "{}"),
        ToolCall("c2", "apply_patch", json.dumps(text)),
    ]
    reply = Reply("msg_9", "m", 1, [Choice(calls, "tool_calls")])
    options = WriteOptions("msg_9", "m", 1)
    if is_stream:
        writer = find_dialect("anthropic").writer(options)
        desk.scripts.say(model, *stream(writer.write(replay(reply)) + writer.end()))
    else:
        desk.scripts.say(model, whole(find_dialect("anthropic").write_answer(reply, options)))
    answer = desk.ask("responses", model, is_stream=is_stream, tools=ODD_TOOLS[pair])
    asked = desk.asked(model)["tools"]
    assert [tool["name"] for tool in asked] == ["mcp__x__weather", "apply_patch"]
    events = answer.text.rsplit("data: ", 1)[-1]
    told = json.loads(events)["response"] if is_stream else answer.json()
    call, custom = told["output"]
    assert (call["type"], call["name"]) == ("function_call", "weather")
    assert call["namespace"] == "mcp__x__"
    assert (custom["type"], custom["name"]) == ("custom_tool_call", "apply_patch")
    assert custom["input"] == "*** Begin"


def test_flat_tools_do_not_pass_as_they_are(desk: Desk) -> None:
    pair = ("openai", "openai")
    model = rule_model("tools", *pair)
    desk.say(model, "openai", "plain", is_stream=False)
    assert desk.ask("openai", model, tools=ODD_TOOLS[pair]).status_code == 200
    assert desk.asked(model)["tools"][1] == {"type": "custom", "custom": {"name": "apply_patch"}}
