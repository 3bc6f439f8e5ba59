"""A Conversation becomes a Claude Messages request, for Anthropic and those who copied it."""

from typing import Any

from channels_app.dialects.claude.blocks_in import NAME
from channels_app.dialects.claude.blocks_out import shorten
from channels_app.dialects.claude.models import Traits, traits_of
from channels_app.dialects.claude.schema import fit_schema
from channels_app.dialects.claude.thinking_out import put_limits, put_sampling, put_thinking
from channels_app.dialects.claude.tools_out import put_tools
from channels_app.dialects.claude.turns_out import render_turns, write_shortly
from channels_app.dialects.conversation import Conversation, OutputFormat
from channels_app.dialects.dialect import Rendered, Target
from channels_app.dialects.end_users import nameless_user

TIERS = {"auto": "auto", "default": "standard_only"}
"""OpenAI's service tiers, as Anthropic calls them."""
UNKNOWN_NUMBERS = (
    "seed",
    "presence_penalty",
    "frequency_penalty",
    "logprobs",
    "top_logprobs",
    "verbosity",
)


def render_request(conversation: Conversation, target: Target) -> Rendered:
    is_own = conversation.dialect == NAME
    traits = traits_of(target.model)
    dropped: list[str] = []
    body: dict[str, Any] = {"model": target.model}
    put_limits(body, conversation, target)
    system, messages = render_turns(conversation, target, traits, dropped)
    if system:
        body["system"] = shorten(system)
    body["messages"] = messages
    if conversation.is_stream:
        body["stream"] = True
    put_tools(body, conversation, traits, dropped)
    put_thinking(body, conversation, target, traits, dropped)
    put_sampling(body, conversation, traits, dropped)
    _put_forms(body, conversation, traits, dropped, is_own=is_own)
    body["messages"] = write_shortly(messages)
    _name_unknown(conversation, dropped)
    if is_own:
        config = conversation.extra.get("output_config", {}) | body.get("output_config", {})
        body = conversation.extra | body | ({"output_config": config} if config else {})
    else:
        dropped += conversation.extra
    return Rendered(body, list(dict.fromkeys(dropped)))


def _put_forms(
    body: dict[str, Any],
    conversation: Conversation,
    traits: Traits,
    dropped: list[str],
    *,
    is_own: bool,
) -> None:
    stops = [stop for stop in conversation.stop if stop.strip()]
    if stops:
        body["stop_sequences"] = stops
    if len(stops) < len(conversation.stop):
        # Anthropic refuses those of nothing but white space.
        dropped.append("stop")
    metadata = dict(conversation.metadata) if is_own else {}
    if conversation.user is not None:
        user = conversation.user
        metadata["user_id"] = user if is_own else nameless_user(user)
    if metadata:
        body["metadata"] = metadata
    if conversation.metadata and not is_own:
        dropped.append("metadata")
    if conversation.output is not None:
        _put_output(body, conversation.output, traits, dropped, is_own=is_own)
    tier = conversation.service_tier
    if tier is not None:
        told = tier if is_own else TIERS.get(tier)
        if told is None:
            dropped.append("service_tier")
        else:
            body["service_tier"] = told


def _put_output(
    body: dict[str, Any],
    output: OutputFormat,
    traits: Traits,
    dropped: list[str],
    *,
    is_own: bool,
) -> None:
    """https://platform.claude.com/docs/en/build-with-claude/structured-outputs"""
    if output.kind == "text":
        return
    if output.schema is None or not traits.takes_schema:
        dropped.append("response_format")
        return
    schema = output.schema if is_own else fit_schema(output.schema)
    told = {"type": "json_schema", "schema": schema}
    body.setdefault("output_config", {})["format"] = told


def _name_unknown(conversation: Conversation, dropped: list[str]) -> None:
    """What was asked for and has no place; defaults ask for nothing."""
    if (conversation.choices or 1) > 1:
        dropped.append("n")
    for name in UNKNOWN_NUMBERS:
        value = getattr(conversation, name)
        if value or (name == "seed" and value is not None):
            dropped.append(name)
    if any(modality != "text" for modality in conversation.modalities):
        dropped.append("modalities")
