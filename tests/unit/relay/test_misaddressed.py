"""Cursor's requests in the words of Responses are understood at Chat Completions."""

import json
from typing import Any

import msgspec
import pytest

from relay.errors import CallRefused
from relay.request import CallRequest, parse_request

CURSOR: dict[str, Any] = {
    "model": "gpt-5.5",
    "input": [
        {"role": "system", "content": "You are an agent."},
        {"role": "user", "content": [{"type": "input_text", "text": "Weather?"}]},
        {"type": "function_call", "call_id": "c1", "name": "weather", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c1", "output": "sun"},
    ],
    "tools": [
        {"type": "function", "name": "weather", "parameters": {"type": "object"}},
        {"type": "web_search"},
    ],
    "tool_choice": "auto",
    "stream": True,
    "stream_options": {"include_usage": True},
    "include": ["reasoning.encrypted_content"],
    "reasoning": {"effort": "max", "summary": "auto"},
    "text": {"verbosity": "low"},
    "max_output_tokens": 300,
}
CALL = {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": "{}"}}


def understand(**fields: Any) -> CallRequest:
    return parse_request("chat", json.dumps(CURSOR | fields).encode())


def test_request_becomes_one_of_chat_completions() -> None:
    request = understand(messages=None)
    assert msgspec.json.decode(msgspec.json.encode(request.fields)) == {
        "model": "gpt-5.5",
        "messages": [
            {"role": "system", "content": "You are an agent."},
            {"role": "user", "content": "Weather?"},
            {"role": "assistant", "content": None, "tool_calls": [CALL]},
            {"role": "tool", "tool_call_id": "c1", "content": "sun"},
        ],
        "tools": [
            {
                "type": "function",
                "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}},
            }
        ],
        "tool_choice": "auto",
        "stream": True,
        "stream_options": {"include_usage": True},
        "max_completion_tokens": 300,
        "reasoning_effort": "max",
        "verbosity": "low",
    }
    assert (request.dialect, request.words, request.body) == ("openai", "responses", b"")
    assert (request.is_stream, request.wants_usage, request.max_tokens) == (True, True, 300)
    assert request.lost == ("web_search", "include")


def test_messages_go_before_input() -> None:
    said = [{"role": "user", "content": "Hi"}]
    request = understand(messages=said)
    assert request.words == ""
    assert json.loads(bytes(request.fields["messages"])) == said


@pytest.mark.parametrize(
    ("fields", "param"),
    [({"input": None}, "messages"), ({"input": 7}, "input"), ({"input": []}, "messages")],
)
def test_nonsense_is_refused_by_name(fields: dict[str, Any], param: str) -> None:
    with pytest.raises(CallRefused) as refused:
        understand(**fields)
    assert (refused.value.status, refused.value.param) == (400, param)
