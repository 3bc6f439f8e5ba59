"""Responses requests that are written for conversations of other dialects."""

import json
from typing import Any

import msgspec

from channels_app.dialects.conversation import (
    Audio,
    Conversation,
    File,
    Image,
    Opaque,
    Reasoning,
    Refusal,
    ServerTool,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    Turn,
)
from channels_app.dialects.dialect import Rendered, Target
from channels_app.dialects.openai_chat import DIALECT as CHAT
from channels_app.dialects.responses import DIALECT

PNG = "data:image/png;base64,iVBORw0="
PDF = "data:application/pdf;base64,JVBE"
SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}, "additionalProperties": False}
NO_PARAMETERS: dict[str, Any] = {"type": "object", "properties": {}}


def parse_chat(**body: Any) -> Conversation:
    fields = {name: msgspec.Raw(json.dumps(value).encode()) for name, value in body.items()}
    return CHAT.parse_request(fields, "m", bool(body.get("stream")))


def render(conversation: Conversation, kind: str = "openai", **options: Any) -> Rendered:
    return DIALECT.render_request(conversation, Target("m", kind, **options))


CHAT_BODY: dict[str, Any] = {
    "messages": [
        {"role": "system", "content": "be short"},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "look"},
                {"type": "image_url", "image_url": {"url": PNG, "detail": "low"}},
                {"type": "file", "file": {"filename": "a.pdf", "file_data": PDF}},
                {"type": "input_audio", "input_audio": {"data": "UklG", "format": "wav"}},
            ],
        },
        {
            "role": "assistant",
            "content": "wait",
            "tool_calls": [
                {
                    "id": "c1",
                    "type": "function",
                    "function": {"name": "f", "arguments": '{"a":1}'},
                },
                {"id": "c2", "type": "custom", "custom": {"name": "patch", "input": "raw"}},
            ],
        },
        {"role": "tool", "tool_call_id": "c1", "content": "sunny"},
        {"role": "tool", "tool_call_id": "c2", "content": "done"},
    ],
    "tools": [
        {"type": "function", "function": {"name": "f", "parameters": SCHEMA}},
        {
            "type": "custom",
            "custom": {
                "name": "patch",
                "format": {"type": "grammar", "grammar": {"syntax": "lark", "definition": "d"}},
            },
        },
    ],
    "tool_choice": {"type": "function", "function": {"name": "f"}},
    "max_completion_tokens": 500,
    "stop": ["X"],
    "seed": 1,
    "n": 2,
    "logprobs": True,
    "top_logprobs": 2,
    "frequency_penalty": 0.5,
    "logit_bias": {"1": 2},
    "reasoning_effort": "low",
    "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": SCHEMA}},
    "verbosity": "high",
    "service_tier": "flex",
}
RESPONSES_BODY: dict[str, Any] = {
    "model": "m",
    "input": [
        {"type": "message", "role": "system", "content": "be short"},
        {
            "type": "message",
            "role": "user",
            "content": [
                {"type": "input_text", "text": "look"},
                {"type": "input_image", "image_url": PNG, "detail": "low"},
                {"type": "input_file", "filename": "a.pdf", "file_data": PDF},
            ],
        },
        {"type": "message", "role": "assistant", "content": "wait"},
        {"type": "function_call", "call_id": "c1", "name": "f", "arguments": '{"a":1}'},
        {"type": "custom_tool_call", "call_id": "c2", "name": "patch", "input": "raw"},
        {"type": "function_call_output", "call_id": "c1", "output": "sunny"},
        {"type": "custom_tool_call_output", "call_id": "c2", "output": "done"},
    ],
    "tools": [
        {"type": "function", "name": "f", "parameters": SCHEMA, "strict": False},
        {
            "type": "custom",
            "name": "patch",
            "format": {"type": "grammar", "syntax": "lark", "definition": "d"},
        },
    ],
    "tool_choice": {"type": "function", "name": "f"},
    "max_output_tokens": 300,
    "top_logprobs": 2,
    "reasoning": {"effort": "low"},
    "text": {
        "format": {"type": "json_schema", "name": "n", "schema": SCHEMA},
        "verbosity": "high",
    },
    "service_tier": "flex",
    "store": False,
    "include": ["reasoning.encrypted_content", "message.output_text.logprobs"],
}


def test_chat_request_becomes_a_responses_request() -> None:
    rendered = render(parse_chat(**CHAT_BODY), "vllm", max_tokens=300)
    assert rendered.body == RESPONSES_BODY
    assert set(rendered.dropped) == {
        "audio",
        "stop",
        "seed",
        "frequency_penalty",
        "n",
        "logit_bias",
    }


FOREIGN = Conversation(
    "anthropic",
    "m",
    [
        Turn("user", [Text("look"), Image(file_id="file_claude"), File(text="notes")], name="n"),
        Turn(
            "assistant",
            [
                Thinking("hm", "sig", id="rs_1"),
                Text("a"),
                ToolCall("c1", "f"),
                Text("b"),
                Opaque("anthropic", {"type": "server_tool_use"}),
                Audio("x"),
                Refusal("no"),
            ],
        ),
        Turn(
            "user",
            [
                ToolResult("c1", [Text("no"), Image("image/png", "AA==")], is_error=True),
                ToolResult("c1", [Text("bad")], is_error=True),
            ],
        ),
    ],
    tools=[
        Tool("f"),
        ServerTool(
            "web_search",
            "anthropic",
            {
                "type": "web_search_20250305",
                "allowed_domains": ["a.b"],
                "user_location": {"type": "approximate", "city": "Rome"},
            },
        ),
        ServerTool(
            "web_search",
            "openai",
            {
                "web_search_options": {
                    "user_location": {"type": "approximate", "approximate": {"city": "Oslo"}}
                }
            },
        ),
        ServerTool("code_execution"),
        ServerTool("memory", "anthropic", {"type": "memory_1"}),
    ],
    tool_choice=ToolChoice("allowed", ["f"], must_call=True),
    reasoning=Reasoning(is_enabled=True, budget=10000, shows=True),
    service_tier="standard_only",
)
FOREIGN_ITEMS = [
    {
        "type": "message",
        "role": "user",
        "content": [
            {"type": "input_text", "text": "look"},
            {"type": "input_text", "text": "notes"},
        ],
    },
    {"type": "message", "role": "assistant", "content": "a"},
    {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"},
    {"type": "message", "role": "assistant", "content": "b"},
    {"type": "message", "role": "assistant", "content": [{"type": "refusal", "refusal": "no"}]},
    {
        "type": "function_call_output",
        "call_id": "c1",
        "output": [
            {"type": "input_text", "text": "Error:"},
            {"type": "input_text", "text": "no"},
            {"type": "input_image", "image_url": "data:image/png;base64,AA=="},
        ],
    },
    {"type": "function_call_output", "call_id": "c1", "output": "Error: bad"},
]
FOREIGN_TOOLS = [
    {"type": "function", "name": "f", "parameters": NO_PARAMETERS, "strict": False},
    {
        "type": "web_search",
        "user_location": {"type": "approximate", "city": "Rome"},
        "filters": {"allowed_domains": ["a.b"]},
    },
    {"type": "web_search", "user_location": {"type": "approximate", "city": "Oslo"}},
    {"type": "code_interpreter", "container": {"type": "auto"}},
]


def test_foreign_parts_are_carried_over_or_named() -> None:
    rendered = render(FOREIGN, "vllm")
    assert rendered.body["input"] == FOREIGN_ITEMS
    assert rendered.body["tools"] == FOREIGN_TOOLS
    choice = {
        "type": "allowed_tools",
        "mode": "required",
        "tools": [{"type": "function", "name": "f"}],
    }
    assert rendered.body["tool_choice"] == choice
    assert rendered.body["reasoning"] == {"effort": "medium", "summary": "auto"}
    assert set(rendered.dropped) == {
        "file_id",
        "thinking",
        "server_tool_use",
        "audio",
        "memory",
        "service_tier",
        "name",
    }


def test_groq_refuses_to_be_told_what_to_store() -> None:
    told = Conversation("anthropic", "m", [], reasoning=Reasoning(effort="low"))
    assert render(told, "groq").body == {"model": "m", "reasoning": {"effort": "low"}}


def test_thinking_that_was_never_asked_for_is_not_switched_off() -> None:
    told = Conversation("anthropic", "m", [], reasoning=Reasoning(is_enabled=False))
    assert "reasoning" not in render(told).body


def test_perplexity_gets_only_what_it_takes() -> None:
    told = parse_chat(
        messages=[
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "a"},
                    {"type": "image_url", "image_url": {"url": "https://x", "detail": "low"}},
                ],
            },
            {
                "role": "assistant",
                "content": [{"type": "text", "text": "b"}, {"type": "text", "text": "c"}],
            },
        ],
        tools=[{"type": "function", "function": {"name": "f"}}],
        tool_choice="required",
        temperature=1,
        reasoning_effort="low",
        response_format={"type": "json_schema", "json_schema": {"name": "n", "schema": SCHEMA}},
        stream=True,
    )
    told.tools.append(ServerTool("web_search"))
    told.tools.append(ServerTool("image_generation"))
    rendered = render(told, "perplexity")
    assert rendered.body == {
        "model": "m",
        "input": [
            {
                "type": "message",
                "role": "user",
                "content": [
                    {"type": "input_text", "text": "a"},
                    {"type": "input_image", "image_url": "https://x"},
                ],
            },
            {"type": "message", "role": "assistant", "content": "bc"},
        ],
        "stream": True,
        "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": SCHEMA}},
        "reasoning": {"effort": "low"},
        "tools": [
            {"type": "function", "name": "f", "parameters": NO_PARAMETERS, "strict": False},
            {"type": "web_search"},
        ],
    }
    assert rendered.dropped == ["tool_choice", "temperature", "image_generation"]
