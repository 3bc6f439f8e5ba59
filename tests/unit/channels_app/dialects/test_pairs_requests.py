"""Any request in any client's dialect: what it becomes for any provider, and back."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from channels_app.dialects.conversation import Conversation, Text, Thinking
from channels_app.dialects.dialect import Target, WriteOptions
from channels_app.dialects.registry import find_dialect
from channels_app.dialects.reply import Choice, Finished, Reply, TextDelta
from channels_app.model_names import apply_wish, read_name
from tests.unit.channels_app.dialects.pairs.gist import runs_of, squeeze, tools_of
from tests.unit.channels_app.dialects.pairs.stories import TELLERS, Story, stories
from tests.unit.channels_app.dialects.pairs.transcripts import DIALECTS, TARGETS
from tests.unit.channels_app.dialects.pairs.wishes import WISHES

OWN_FORMATS = ("converse", "cohere", "ollama")
TOLD_IN_WORDS = ("completions", "coze", "dify", "deepl")
KINDS = {
    "openai": ("openai", "azure", "openrouter", "deepseek", "ali", "vllm", "custom"),
    "responses": ("openai", "groq", "perplexity", "custom"),
    "anthropic": ("anthropic", "bedrock", "vertex", "moonshot"),
    "gemini": ("gemini", "vertex-gemini"),
}
MODELS = {
    "anthropic": (
        "claude-3-haiku-20240307",
        "claude-sonnet-4-5",
        "claude-opus-4-7",
        "claude-sonnet-5-5",
        "claude-fable-5-1",
        "kimi-k2",
    ),
    "gemini": (
        "gemini-1.5-pro",
        "gemini-2.5-pro",
        "gemini-2.5-flash",
        "gemini-3-pro",
        "gemma-3-27b",
    ),
    "converse": ("anthropic.claude-sonnet-4-5-v1:0", "amazon.nova-2-lite-v1:0", "mistral.large"),
    "ollama": ("gpt-oss:20b", "llama3"),
}
ASKED = (
    "m",
    "claude-x-thinking",
    "claude-x-nothinking",
    "gpt-5-high",
    "m-internet",
    "gpt-4-vision",
)
EXAMPLES = 40
"""Of each pair: there are many."""
STORIES = st.tuples(st.sampled_from(DIALECTS), stories())


def understand(client: str, body: dict[str, Any]) -> Conversation:
    fields = msgspec.json.decode(json.dumps(body), type=dict[str, msgspec.Raw])
    return find_dialect(client).parse_request(fields, "m", False)  # noqa: FBT003 -- Dialect.parse_request


def write(client: str, story: Story, wishes: dict[str, Any]) -> dict[str, Any]:
    """A choice of tools goes with tools only, thinking with the thoughts that led to calls, and
    with no call that is forced.
    """
    body = TELLERS[client](story)
    unfit: set[str] = set()
    if not story.tools:
        unfit |= {"tool_choice", "toolConfig", "parallel_tool_calls"}
    is_forced = wishes.get("tool_choice", "") not in ("", {"type": "auto"}, {"type": "none"})
    if is_forced or any(told.calls and not told.thought for told in story.rounds):
        unfit.add("thinking")
    return body | {name: value for name, value in wishes.items() if name not in unfit}


def pass_through(conversation: Conversation, provider: str, target: Target) -> Conversation:
    """What the provider's own dialect understands of what it is asked."""
    rendered = find_dialect(provider).render_request(conversation, target)
    return understand(provider, json.loads(msgspec.json.encode(rendered.body)))


@pytest.mark.parametrize("provider", [*DIALECTS, *OWN_FORMATS, *TOLD_IN_WORDS])
@settings(max_examples=EXAMPLES)
@given(data=st.data(), told=STORIES, most=st.none() | st.integers(1, 5000))
def test_any_request_can_be_put_to_any_provider(
    provider: str, data: st.DataObject, told: tuple[str, Story], most: int | None
) -> None:
    client, story = told
    body = write(client, story, data.draw(WISHES[client]))
    wish = read_name(data.draw(st.sampled_from(ASKED)))
    conversation = apply_wish(understand(client, body), wish)
    before = msgspec.json.encode(conversation)
    kind = data.draw(st.sampled_from(KINDS.get(provider, (provider,))))
    model = data.draw(st.sampled_from(MODELS.get(provider, ("gpt-4o", "o3"))))
    target = Target(model, kind, is_stream=conversation.is_stream, max_tokens=most)
    rendered = find_dialect(provider).render_request(conversation, target)
    msgspec.json.encode(rendered.body)
    assert all(isinstance(name, str) and name for name in rendered.dropped)
    assert len(set(rendered.dropped)) == len(rendered.dropped)
    # Another channel may be asked next.
    assert msgspec.json.encode(conversation) == before


@pytest.mark.parametrize("client", DIALECTS)
@settings(max_examples=EXAMPLES)
@given(data=st.data(), story=stories())
def test_request_comes_back_whole_in_its_own_dialect(
    client: str, data: st.DataObject, story: Story
) -> None:
    there = understand(client, write(client, story, data.draw(WISHES[client])))
    kind = "openai" if client in {"openai", "responses"} else client
    back = pass_through(there, client, Target("m", kind))
    if client == "openai":
        # OpenAI takes no thoughts back.
        for turn in there.turns:
            turn.parts = [part for part in turn.parts if not isinstance(part, Thinking)]
    assert back == there


@pytest.mark.parametrize("provider", DIALECTS)
@settings(max_examples=EXAMPLES)
@given(told=STORIES)
def test_what_was_said_survives_another_dialect(provider: str, told: tuple[str, Story]) -> None:
    client, story = told
    there = understand(client, TELLERS[client](story))
    across = pass_through(there, provider, TARGETS[provider])
    assert runs_of(across) == runs_of(there)
    back = pass_through(across, client, TARGETS[client])
    assert runs_of(back) == runs_of(there)
    assert set(tools_of(back)) >= set(tools_of(there))


@pytest.mark.parametrize("provider", OWN_FORMATS)
@settings(max_examples=EXAMPLES)
@given(told=STORIES)
def test_providers_own_formats_hold_all_that_was_said(
    provider: str, told: tuple[str, Story]
) -> None:
    client, story = told
    conversation = understand(client, TELLERS[client](story))
    target = Target("anthropic.claude-sonnet-4-5-v1:0", provider)
    rendered = find_dialect(provider).render_request(conversation, target)
    body = squeeze(json.dumps(rendered.body, ensure_ascii=False))
    for turn in conversation.turns:
        for part in turn.parts:
            if isinstance(part, Text):
                assert squeeze(json.dumps(part.text, ensure_ascii=False)[1:-1]) in body


@pytest.mark.parametrize("client", DIALECTS)
@settings(max_examples=EXAMPLES)
@given(data=st.data(), story=stories())
def test_answer_to_any_request_can_be_written(
    client: str, data: st.DataObject, story: Story
) -> None:
    """Responses repeats the request."""
    request = understand(client, write(client, story, data.draw(WISHES[client])))
    dialect, options = find_dialect(client), WriteOptions("1", "m", 1, request=request)
    whole = json.loads(dialect.write_answer(Reply(choices=[Choice([Text("a")])]), options))
    assert isinstance(whole, dict)
    writer = dialect.writer(options)
    assert writer.write([TextDelta("a"), Finished("stop")]) + writer.end()
