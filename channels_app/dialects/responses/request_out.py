"""A Conversation becomes a Responses request."""

from typing import Any

from channels_app.dialects.conversation import Conversation, OutputFormat, Reasoning, Text
from channels_app.dialects.dialect import Rendered, Target
from channels_app.dialects.efforts import effort_of
from channels_app.dialects.end_users import short_user
from channels_app.dialects.openai_models import (
    OPENAI_KINDS,
    drop_sampling,
    efforts_of,
    nearest_effort,
    thinks,
)
from channels_app.dialects.responses.items_out import is_instructions, render_input
from channels_app.dialects.responses.own import LOGPROBS, NAME
from channels_app.dialects.responses.perplexity import fit_perplexity
from channels_app.dialects.responses.tools_out import put_tools

ENCRYPTED = "reasoning.encrypted_content"
SHARES_TIERS = frozenset({NAME, "openai"})
"""Whose service tiers are called the same."""
LEAST_OUTPUT = 16
"""OpenAI refuses to be asked for less, which other dialects' clients do."""
INCLUDES_NOTHING = frozenset({"groq", "perplexity"})
"""Who refuses `store` and `include` (https://console.groq.com/docs/responses-api)."""


def render_request(conversation: Conversation, target: Target) -> Rendered:
    is_own = conversation.dialect == NAME
    dropped: list[str] = []
    body: dict[str, Any] = {"model": target.model}
    if instructions := instructions_of(conversation):
        body["instructions"] = instructions
    if (said := render_input(conversation, dropped)) != []:
        body["input"] = said
    if conversation.is_stream:
        body["stream"] = True
    put_tools(body, conversation, dropped)
    _put_numbers(body, conversation, target)
    _put_forms(body, conversation, target, dropped)
    if is_own:
        _put_extra(body, conversation.extra)
    else:
        dropped += _lost_fields(conversation)
        drop_sampling(body, target, body.get("reasoning", {}).get("effort"), dropped)
        _put_wishes(body, conversation, target, dropped)
    if target.kind == "perplexity":
        body = fit_perplexity(body, dropped)
    return Rendered(body, list(dict.fromkeys(dropped)))


def _put_wishes(
    body: dict[str, Any], conversation: Conversation, target: Target, dropped: list[str]
) -> None:
    """What others need not ask for, or ask for in other words."""
    if target.kind in INCLUDES_NOTHING:
        dropped += ["logprobs"] if conversation.logprobs else []
        return
    body["store"] = False
    is_known = target.kind in OPENAI_KINDS
    has_thoughts = conversation.reasoning is not None and (not is_known or efforts_of(target.model))
    included = [ENCRYPTED] if has_thoughts else []
    if conversation.logprobs:
        if is_known and thinks(target.model, body.get("reasoning", {}).get("effort")):
            dropped.append("logprobs")
        else:
            included.append(LOGPROBS)
    if included:
        body["include"] = included


def instructions_of(conversation: Conversation) -> str:
    """The client's `instructions`, with what the gateway may have put there."""
    return "\n\n".join(
        part.text
        for turn in conversation.turns
        if is_instructions(turn, conversation)
        for part in turn.parts
        if isinstance(part, Text)
    )


def _put_numbers(body: dict[str, Any], conversation: Conversation, target: Target) -> None:
    wanted = conversation.max_tokens
    if wanted is not None and conversation.dialect != NAME:
        wanted = max(wanted, LEAST_OUTPUT)
    limits = [n for n in (wanted, target.max_tokens) if n is not None]
    if limits:
        body["max_output_tokens"] = min(limits)
    for name in ("temperature", "top_p", "top_logprobs"):
        value = getattr(conversation, name)
        if value is not None:
            body[name] = value


def _put_forms(
    body: dict[str, Any], conversation: Conversation, target: Target, dropped: list[str]
) -> None:
    is_own = conversation.dialect == NAME
    if conversation.reasoning is not None:
        reasoning = render_reasoning(conversation.reasoning)
        if not is_own:
            reasoning = _fit_reasoning(reasoning, target, dropped)
        if reasoning or is_own:
            body["reasoning"] = reasoning
    if text := render_text(conversation):
        body["text"] = text
    if conversation.user is not None:
        body["user"] = conversation.user if is_own else short_user(conversation.user)
    if conversation.service_tier is not None:
        if conversation.dialect in SHARES_TIERS:
            body["service_tier"] = conversation.service_tier
        else:
            dropped.append("service_tier")
    if conversation.metadata:
        body["metadata"] = conversation.metadata


def render_text(conversation: Conversation) -> dict[str, Any]:
    text: dict[str, Any] = {}
    if conversation.output is not None:
        text["format"] = _output(conversation.output)
    if conversation.verbosity is not None:
        text["verbosity"] = conversation.verbosity
    return text


def _output(output: OutputFormat) -> dict[str, Any]:
    if output.kind != "schema":
        return {"type": "text" if output.kind == "text" else "json_object"}
    form: dict[str, Any] = {"type": "json_schema", "name": output.name or "answer"}
    if output.description:
        form["description"] = output.description
    if output.schema is not None:
        form["schema"] = output.schema
    if output.strict is not None:
        form["strict"] = output.strict
    return form


def render_reasoning(reasoning: Reasoning) -> dict[str, Any]:
    """Most models can't be told not to think: only a client that says so in these words is taken at
    its word.
    """
    told: dict[str, Any] = {}
    effort = effort_of(reasoning)
    if effort is not None and (effort != "none" or reasoning.effort is not None):
        told["effort"] = effort
    if summary := reasoning.summary or ("auto" if reasoning.shows and effort != "none" else None):
        told["summary"] = summary
    return told


def _fit_reasoning(told: dict[str, Any], target: Target, dropped: list[str]) -> dict[str, Any]:
    """For clients of other dialects, who don't know what the model takes."""
    known = efforts_of(target.model)
    if known and "effort" in told:
        return told | {"effort": nearest_effort(told["effort"], known)}
    if known or target.kind not in OPENAI_KINDS:
        return told
    dropped += ["reasoning"] if told.get("effort", "none") != "none" else []
    return {}


def _put_extra(body: dict[str, Any], extra: dict[str, Any]) -> None:
    for name, value in extra.items():
        field, dot, inner = name.partition(".")
        if dot and field in {"reasoning", "text"}:
            body.setdefault(field, {}).setdefault(inner, value)
        else:
            body.setdefault(name, value)


def _lost_fields(conversation: Conversation) -> list[str]:
    asked = {
        "stop": conversation.stop,
        "seed": conversation.seed is not None,
        "presence_penalty": conversation.presence_penalty,
        "frequency_penalty": conversation.frequency_penalty,
        "top_k": conversation.top_k is not None,
        "n": (conversation.choices or 1) > 1,
        "modalities": set(conversation.modalities) - {"text"},
    }
    return [name for name, is_asked in asked.items() if is_asked] + list(conversation.extra)
