"""How one attempt goes: what is sent to the channel, in which dialect, and what the client gets of
the answer.
"""

import time
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import msgspec

from channels_app.catalogue import KINDS
from channels_app.dialects.beginnings import Rest, begin_answer, takes_beginning
from channels_app.dialects.conversation import (
    Conversation,
    Text,
    Turn,
)
from channels_app.dialects.dialect import Target, WriteOptions, Writer
from channels_app.dialects.frames import Frame, Frames
from channels_app.dialects.openai_chat.foreign_tools import has_foreign_tools
from channels_app.dialects.openai_stream import StreamWatch
from channels_app.dialects.provenance import bears_foreign_signatures
from channels_app.dialects.registry import find_dialect
from channels_app.dialects.reply import Collector, Delta, Reply
from channels_app.dialects.tool_names import ToolNames, fit_tools
from channels_app.dialects.watch import DialectWatch, Watch
from channels_app.failures import Cause, UpstreamFailure
from channels_app.kind_models import default_models
from channels_app.mapping import MappingCycle, resolve_model
from channels_app.media.conversion import Conversion
from channels_app.model_names import Wish, apply_wish, read_name
from channels_app.passing import Headers, fill_in, pass_all, with_headers
from channels_app.providers import Adaptor, adaptor_of
from channels_app.providers.base import Outgoing
from channels_app.providers.http import ENDPOINTS
from channels_app.providers.splice import splice
from channels_app.routing import ChannelConfig
from channels_app.rules import overrides_for
from channels_app.upstream_request import UpstreamRequest
from relay import errors
from relay.additions import Additions
from relay.call import Call
from relay.gateway import Gateway
from relay.inlining import inline_media
from relay.media.outgoing import find_conversion, prepare_outgoing, readdress
from relay.needs import speaks
from relay.request import CONTENT, CallRequest
from relay.signatures import sign_calls

IDS = {"openai": "chatcmpl-", "completions": "cmpl-", "responses": "resp_", "anthropic": "msg_"}
FETCHES_NOTHING = frozenset({"bedrock", "vertex"})
"""Where a dialect's links to pictures are refused."""
HARMLESS = frozenset(
    {
        "store",
        "include",
        "metadata",
        "user",
        "safety_identifier",
        "prompt_cache_key",
        "prompt_cache_retention",
        "service_tier",
    }
)
"""What says nothing about the answer: left out also under strict conversion."""


class Plan(msgspec.Struct, eq=False):
    """One attempt at a channel. `is_plain`: client and channel speak the same, bytes pass.
    `conversion` belongs to what is no text; so do the `endpoint` that the client asked and the type
    of the answer.
    """

    adaptor: Adaptor
    outgoing: Outgoing
    request: UpstreamRequest
    client: str
    options: WriteOptions
    is_plain: bool = True
    dropped: tuple[str, ...] = ()
    names: ToolNames | None = None
    """What the provider calls the client's tools, where it is not the same."""
    additions: Additions | None = None
    is_array: bool = False
    collector: Collector | None = None
    conversion: Conversion | None = None
    endpoint: str = ""
    answer_type: bytes = b""
    rest: Rest | None = None
    """Of an answer that another channel began."""
    begun: Writer | None = None
    """What wrote the beginning."""

    def watch(self, *, hides_usage: bool) -> Watch:
        """What passes the provider's stream on to the client."""
        upstream = self.outgoing.dialect
        if self.is_plain and upstream in {"openai", "completions"}:
            return StreamWatch(hides_usage=hides_usage)
        dialect = find_dialect(upstream)
        return DialectWatch(
            self.frames(),
            dialect.reader(),
            None if self.is_plain else self.begun or self.writer(),
            self.writer(),
            self._change if self.names or self.additions or self.collector or self.rest else None,
            dialect.end_early,
        )

    def _change(self, deltas: Sequence[Delta]) -> Sequence[Delta]:
        """What the client gets of these deltas; what is kept is kept as the client gets it."""
        if self.rest is not None:
            deltas = self.rest.change(deltas)
        if self.names is not None:
            deltas = self.names.change(deltas)
        if self.additions is not None:
            deltas = self.additions.change(deltas)
        if self.collector is not None:
            for delta in deltas:
                self.collector.add(delta)
        return deltas

    def write_whole(self, reply: Reply) -> bytes:
        return find_dialect(self.client).write_answer(reply, self.options)

    def frames(self) -> Frames:
        return self.adaptor.frames(self.outgoing.dialect)

    def writer(self) -> Writer:
        """A fresh one, in the client's dialect."""
        if self.is_array:
            return gemini_array_writer(self.options)
        return find_dialect(self.client).writer(self.options)


def gemini_array_writer(options: WriteOptions) -> Writer:
    """Google's form of a stream without alt=sse: one array, written piece by piece."""
    from channels_app.dialects.gemini import ArrayWriter  # noqa: PLC0415 -- seldom wanted

    return ArrayWriter(options)


async def plan_attempt(channel: ChannelConfig, call: Call, gateway: Gateway) -> Plan:
    """Raises UpstreamFailure when this channel can't be asked, CallRefused for a request that
    can't be carried over.
    """
    adaptor = adaptor_of(channel.kind)
    try:
        model = resolve_model(call.request.model, channel.mapping)
    except MappingCycle as error:
        raise UpstreamFailure(Cause.OVERLOADED, str(error), code="model_mapping_cycle") from error
    call.begin_attempt(channel, model)
    if not call.request.has_output:
        plan = await _plan_other(adaptor, channel, call, model)
        return await _finish(plan, channel, call, gateway)
    if channel.passes_through:
        return await _finish(_pass_through(adaptor, channel, call, model), channel, call, gateway)
    client = call.request.words or call.request.dialect
    upstream = adaptor.dialect_for(channel, client, model)
    wish = read_wish(channel.kind.number, model)
    additions = Additions.wanted(call, upstream, gateway.signatures)
    is_plain = (
        upstream == call.request.dialect
        and adaptor.passes(channel, upstream)
        and wish.is_plain
        and not channel.system_prompt
        and additions is None
        and not call.request.is_array
        and not has_foreign_parts(call.request, channel.kind.name)
        and call.broken is None
    )
    if is_plain:
        plan = _pass_on(adaptor, channel, call, upstream, model)
    else:
        plan = await _translate(adaptor, channel, call, upstream, wish, gateway)
        plan.additions = additions
    plan.dropped = (*call.request.lost, *plan.dropped)
    return await _finish(plan, channel, call, gateway)


def has_foreign_parts(request: CallRequest, kind: str) -> bool:
    """What another provider signed in an earlier turn must be taken out, tools that are not of the
    provider's form put into it.
    """
    tools = request.fields.get("tools") if request.dialect == "openai" else None
    if tools is not None and has_foreign_tools(bytes(tools), kind):
        return True
    content = request.fields.get(CONTENT.get(request.endpoint, "input"))
    return content is not None and bears_foreign_signatures(bytes(content), request.dialect, kind)


@lru_cache(maxsize=4096)
def read_wish(kind: int, model: str) -> Wish:
    """What a model's name asks for, where the kind does not know it as a model."""
    return read_name(model, frozenset(default_models(KINDS[kind])))


async def _finish(plan: Plan, channel: ChannelConfig, call: Call, gateway: Gateway) -> Plan:
    """Fetches the access token where there must be one, and builds the request."""
    now = time.time()
    if channel.overrides and not channel.passes_through:
        names = (call.request.model, plan.outgoing.model)
        plan.outgoing = override(plan.outgoing, overrides_for(channel.overrides, *names))
    wanted = plan.adaptor.token_request(channel, now)
    if wanted is not None:
        token = await gateway.credentials.get(wanted, channel, gateway.upstream)
        plan.outgoing = msgspec.structs.replace(plan.outgoing, token=token)
    plan.request = plan.adaptor.build(plan.outgoing, channel, now)
    if plan.conversion is not None:
        plan.request = readdress(plan.request, plan.endpoint, plan.conversion)
    if channel.passes_through:
        plan.request = with_headers(plan.request, pass_all(call.client_headers))
    if channel.header_templates:
        more = headers_of(channel, call, plan.outgoing.model)
        plan.request = with_headers(plan.request, more)
    return plan


def headers_of(channel: ChannelConfig, call: Call, model: str) -> Headers:
    """An operator's headers with what this call puts into them."""
    return fill_in(channel.header_templates, call.client_headers, model, call.request_id)


def _pass_through(adaptor: Adaptor, channel: ChannelConfig, call: Call, model: str) -> Plan:
    """The body as it came, but for the name of the model and a limit that the credit sets."""
    request = call.request
    if not speaks(channel, request) or call.broken is not None:
        msg = "the channel passes on calls of its own dialect only"
        raise UpstreamFailure(Cause.OVERLOADED, msg, code="channel_without_dialect")
    upstream = request.dialect or "openai"
    plan = _pass_on(adaptor, channel, call, upstream, model)
    is_whole = request.body and len(request.body) == request.body_bytes
    if is_whole and model == request.model and limit_output(call) is None:
        content = ("application/json", request.body)
        plan.outgoing = msgspec.structs.replace(plan.outgoing, content=content)
    return plan


def _pass_on(
    adaptor: Adaptor, channel: ChannelConfig, call: Call, upstream: str, model: str
) -> Plan:
    request = call.request
    asks_usage = (
        request.is_stream
        and not request.wants_usage
        and channel.asks_usage
        and not channel.passes_through
        and upstream in {"openai", "completions"}
    )
    body = splice(
        request.fields,
        upstream,
        channel.kind.name,
        model,
        asks_usage=asks_usage,
        max_tokens=limit_output(call),
    )
    outgoing = Outgoing(request.endpoint, upstream, model, request.is_stream, body, request.headers)
    return Plan(adaptor, outgoing, EMPTY, request.dialect, _options(call, None))


async def _plan_other(adaptor: Adaptor, channel: ChannelConfig, call: Call, model: str) -> Plan:
    """What is answered with no text."""
    request = call.request
    conversion = find_conversion(channel, request, model)
    if conversion is None and channel.passes_through:
        return _pass_through(adaptor, channel, call, model)
    if conversion is None:
        return _pass_on(adaptor, channel, call, "openai", model)
    outgoing = await prepare_outgoing(request, model, conversion)
    options = _options(call, None)
    plan = Plan(adaptor, outgoing, EMPTY, request.dialect, options, conversion=conversion)
    plan.endpoint = request.endpoint
    return plan


EMPTY = UpstreamRequest("POST", "", (), b"")


async def _translate(
    adaptor: Adaptor,
    channel: ChannelConfig,
    call: Call,
    upstream: str,
    wish: Wish,
    gateway: Gateway,
) -> Plan:
    """By way of the hub."""
    dialect = find_dialect(upstream)
    if upstream != "responses" and call.conversation().extra.get("previous_response_id"):
        raise errors.no_state()
    conversation = apply_wish(call.conversation(), wish)
    if channel.system_prompt:
        first = Turn("system", [Text(channel.system_prompt)])
        conversation.turns = [first, *conversation.turns]
    conversation.is_stream = (
        call.request.is_stream or adaptor.always_streams(upstream)
    ) and not adaptor.never_streams(upstream)
    if not dialect.takes_media_urls or channel.kind.name in FETCHES_NOTHING:
        options = gateway.options
        conversation = await inline_media(
            conversation, options.out_proxy_url, options.max_body_bytes
        )
    if upstream == "gemini":
        sign_calls(conversation, gateway.signatures, call.caller.user_id)
    conversation, rest = begin_with(conversation, call, upstream, channel.kind.name, wish.model)
    target = _target(channel, call, wish.model, is_stream=conversation.is_stream)
    fitted, names = fit_tools(conversation, upstream, channel.kind.name)
    rendered = dialect.render_request(fitted, target)
    lost = [name for name in rendered.dropped if name not in HARMLESS]
    if lost and gateway.options.strict_conversion:
        raise errors.cannot_carry(", ".join(lost))
    outgoing = Outgoing(
        ENDPOINTS.get(upstream, "chat"),
        upstream,
        wish.model,
        conversation.is_stream,
        rendered.body,
        call.request.headers if upstream == call.request.dialect else (),
    )
    return Plan(
        adaptor,
        outgoing,
        EMPTY,
        call.request.dialect,
        _options(call, conversation, upstream),
        is_plain=False,
        dropped=tuple(rendered.dropped),
        names=names,
        is_array=call.request.is_array,
        rest=rest,
        begun=None if call.broken is None else call.broken.writer,
    )


def _target(channel: ChannelConfig, call: Call, model: str, *, is_stream: bool) -> Target:
    return Target(
        model,
        channel.kind.name,
        is_stream,
        channel.asks_usage,
        limit_output(call),
        held_output(call),
        settings=channel.settings,
    )


def begin_with(
    conversation: Conversation, call: Call, upstream: str, kind: str, model: str
) -> tuple[Conversation, Rest | None]:
    """The conversation with what another channel said of the answer, where the model takes that.
    Raises CallRefused where nothing can be streamed after it.
    """
    if call.broken is None:
        return conversation, None
    if not conversation.is_stream:
        raise errors.cannot_carry("the rest of an answer")
    is_begun = takes_beginning(conversation, upstream, kind, model)
    if is_begun:
        conversation = begin_answer(conversation, call.broken.said)
    return conversation, Rest(call.broken.said, is_begun=is_begun)


def override(outgoing: Outgoing, overrides: Mapping[str, Any]) -> Outgoing:
    """The operator's own fields in place of the client's; null takes one away."""
    body = {name: value for name, value in outgoing.body.items() if name not in overrides}
    body |= {name: value for name, value in overrides.items() if value is not None}
    return msgspec.structs.replace(outgoing, body=body)


def _options(call: Call, conversation: Conversation | None, signer: str = "") -> WriteOptions:
    request = call.request
    return WriteOptions(
        IDS.get(request.dialect, "") + call.request_id,
        request.model,
        int(call.started_at),
        request.wants_usage,
        conversation,
        signer,
    )


def limit_output(call: Call) -> int | None:
    """Most tokens per choice, where the credit pays for fewer than were asked for."""
    return held_output(call) if call.reservation.is_clamped else None


def held_output(call: Call) -> int | None:
    """The tokens per choice that are set aside; None where tokens cost nothing."""
    tokens = call.reservation.output_tokens
    return None if tokens is None else max(tokens // call.request.choices, 1)


def cut_frames(frames: Frames, body: bytes) -> Sequence[Frame]:
    """All frames of a stream that was read to its end."""
    return [*frames.feed(body), *frames.flush()]


__all__ = ["Plan", "cut_frames", "limit_output", "plan_attempt"]
