"""A Conversation becomes a Converse request."""

import re
from typing import Any

import msgspec

from channels_app.dialects.conversation import Conversation, OutputFormat, Tool, ToolCall
from channels_app.dialects.converse.blocks import Block, BlockWriter
from channels_app.dialects.converse.families import (
    FORCES_TOOLS,
    TOP_K,
    family_of,
    forbidden_samplers,
    thinking_fields,
)
from channels_app.dialects.dialect import Rendered, Target
from channels_app.dialects.fitting import functions_of, limit_of, unique, unmet_wishes

MET = frozenset(
    {
        "tools",
        "tool_choice",
        "max_tokens",
        "temperature",
        "top_p",
        "top_k",
        "stop",
        "reasoning_effort",
        "response_format",
        "service_tier",
        "metadata",
    }
)
TIERS = {
    "priority": "priority",
    "flex": "flex",
    "reserved": "reserved",
    "default": "default",
    "standard_only": "default",
}
"""https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ServiceTier.html"""
ANY_OBJECT = {"type": "object", "properties": {}}
_LABEL = re.compile(r"[a-zA-Z0-9\s:_@$#=/+,.-]{1,256}")
MOST_LABELS = 16


def render_request(conversation: Conversation, target: Target) -> Rendered:
    family = family_of(target.model)
    dropped: list[str] = []
    writer = BlockWriter(family, dropped, conversation.dialect)
    body: dict[str, Any] = {"messages": _messages(conversation, writer)}
    system = [
        block
        for turn in conversation.turns
        if turn.role in {"system", "developer"}
        for block in writer.write(turn.parts, turn.role)
    ]
    if system:
        body["system"] = system
    _put_tools(body, conversation, writer, family, dropped)
    _put_limits(body, conversation, target, dropped)
    _put_forms(body, conversation, dropped)
    return Rendered(body, unique(dropped + unmet_wishes(conversation, MET)))


def _messages(conversation: Conversation, writer: BlockWriter) -> list[dict[str, Any]]:
    """Roles must alternate: neighbours of the same role become one message."""
    messages: list[dict[str, Any]] = []
    for turn in conversation.turns:
        if turn.role not in {"user", "assistant"}:
            continue
        content = writer.write(turn.parts, turn.role)
        if messages and messages[-1]["role"] == turn.role:
            messages[-1]["content"] += content
        elif content:
            messages.append({"role": turn.role, "content": content})
    return messages


def _put_tools(
    body: dict[str, Any],
    conversation: Conversation,
    writer: BlockWriter,
    family: str,
    dropped: list[str],
) -> None:
    """Calls in earlier turns demand tools, also where the client wants no more calls."""
    functions = functions_of(conversation, dropped)
    called = _called_names(conversation)
    choice = conversation.tool_choice
    if choice is not None and choice.mode == "none":
        if not called:
            return
        dropped += ["tool_choice"] * bool(functions)
    tools: list[Block] = []
    for tool in functions:
        tools.append(_tool(tool))
        # Nova caches no tools.
        tools += writer.cache_point(tool.cache) if family != "nova" else []
    if not tools:
        tools = [_tool(Tool(name)) for name in called]
    if not tools:
        return
    body["toolConfig"] = {"tools": tools}
    if choice is None or not functions:
        return
    forced: Block | None = None
    if choice.mode == "required" or (choice.mode == "allowed" and choice.must_call):
        forced = {"any": {}}
    elif choice.mode == "tool" and choice.names:
        forced = {"tool": {"name": choice.names[0]}}
    if forced is not None and family in FORCES_TOOLS:
        body["toolConfig"]["toolChoice"] = forced
    elif forced is not None:
        dropped.append("tool_choice")


def _called_names(conversation: Conversation) -> list[str]:
    return unique(
        part.name
        for turn in conversation.turns
        for part in turn.parts
        if isinstance(part, ToolCall)
    )


def _tool(tool: Tool) -> Block:
    """https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ToolSpecification.html"""
    spec: Block = {"name": tool.name}
    if tool.description:
        spec["description"] = tool.description
    spec["inputSchema"] = {"json": tool.parameters or ANY_OBJECT}
    if tool.strict:
        spec["strict"] = True
    return {"toolSpec": spec}


def _put_limits(
    body: dict[str, Any], conversation: Conversation, target: Target, dropped: list[str]
) -> None:
    """inferenceConfig, and the model's own fields beside it."""
    limit = limit_of(conversation, target)
    fields = thinking_fields(conversation, target.model, limit, dropped, held=target.held_tokens)
    budget = fields.get("thinking", {}).get("budget_tokens", 0)
    if budget and limit is None:
        wanted = budget + target.default_max_tokens
        limit = wanted if target.held_tokens is None else min(wanted, target.held_tokens)
    config: dict[str, Any] = {} if limit is None else {"maxTokens": max(limit, 1)}
    has_temperature = conversation.temperature is not None
    refused = forbidden_samplers(target.model, fields, has_temperature=has_temperature)
    for name, told in (("temperature", "temperature"), ("top_p", "topP")):
        value = getattr(conversation, name)
        if value is not None and name in refused:
            # 1 is what these models have anyway.
            dropped += [name] * (value != 1)
        elif value is not None:
            config[told] = min(max(value, 0), 1)
    if conversation.stop:
        config["stopSequences"] = conversation.stop
        if family_of(target.model) == "claude":
            body["additionalModelResponseFieldPaths"] = ["/stop_sequence"]
    if conversation.top_k is not None:
        fields = fields | _top_k(conversation.top_k, target.model, refused, dropped)
    if config:
        body["inferenceConfig"] = config
    if fields:
        body["additionalModelRequestFields"] = fields


def _top_k(top_k: int, model: str, refused: frozenset[str], dropped: list[str]) -> dict[str, Any]:
    family = family_of(model)
    if family == "nova":
        # https://docs.aws.amazon.com/nova/latest/userguide/using-converse-api.html
        return {"inferenceConfig": {"topK": top_k}}
    if family not in TOP_K or "top_k" in refused:
        dropped.append("top_k")
        return {}
    return {TOP_K[family]: top_k}


def _put_forms(body: dict[str, Any], conversation: Conversation, dropped: list[str]) -> None:
    output = conversation.output
    if output is not None and output.kind == "schema" and output.schema is not None:
        body["outputConfig"] = {"textFormat": _output(output, output.schema)}
    elif output is not None and output.kind != "text":
        dropped.append("response_format")
    if conversation.service_tier in TIERS:
        body["serviceTier"] = {"type": TIERS[conversation.service_tier]}
    elif conversation.service_tier not in {None, "auto"}:
        dropped.append("service_tier")
    labels = {
        name: value
        for name, value in conversation.metadata.items()
        if isinstance(value, str) and _LABEL.fullmatch(name) and _LABEL.fullmatch(value)
    }
    if len(labels) < len(conversation.metadata) or len(labels) > MOST_LABELS:
        dropped.append("metadata")
    elif labels:
        body["requestMetadata"] = labels


def _output(output: OutputFormat, schema: dict[str, Any]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_JsonSchemaDefinition.html:
    the schema is told as text.
    """
    told = {"schema": msgspec.json.encode(schema).decode(), "name": output.name or "answer"}
    if output.description:
        told["description"] = output.description
    return {"type": "json_schema", "structure": {"jsonSchema": told}}
