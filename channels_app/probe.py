"""Sends a small real call through a channel, to see whether it works."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import msgspec

from channels_app.credentials import Credentials
from channels_app.dialects.conversation import Conversation, Text, Turn
from channels_app.dialects.dialect import Dialect, Target
from channels_app.dialects.registry import find_dialect
from channels_app.dialects.reply import BadAnswer
from channels_app.failures import Cause, UpstreamFailure, hide_channel
from channels_app.mapping import MappingCycle, resolve_model
from channels_app.media import embeddings, rerank
from channels_app.media.conversion import AS_IT_IS, Conversion
from channels_app.providers import adaptor_of
from channels_app.providers.base import Outgoing
from channels_app.providers.http import ENDPOINTS
from channels_app.providers.problems import gettext_noop as _
from channels_app.routing import ChannelConfig
from channels_app.upstream import Line, TooLarge, Upstream
from channels_app.validation import Names, NoUsage, Warning_, check_answer

PROBE_SECONDS = 60
CONNECT_SECONDS = 10
MOST_AT_ONCE = 8
"""Keys of one channel that are tried together."""
PROBE_TOKENS = 16
"""Some refuse fewer."""
MOST_ANSWER = 1024 * 1024
TOO_LATE = _("no answer in time")
NO_USAGE = _("the answer does not tell what it consumed")
NO_MODELS = _("the channel has no models")
CANT_READ = _("the answer can't be read")


EXPECTED = (
    BadAnswer,
    MappingCycle,
    NoUsage,
    TimeoutError,
    TooLarge,
    UpstreamFailure,
    msgspec.DecodeError,
)


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """`message` is the provider's own, cleaned, or one of the msgids above."""

    is_ok: bool
    model: str
    milliseconds: int
    message: str = ""
    cause: Cause | None = None
    warnings: tuple[Warning_, ...] = ()
    key_tag: str = ""
    by_key: tuple["ProbeResult", ...] = ()
    """Of each key, where there are several."""


async def probe_channel(channel: ChannelConfig, names: Names, model: str = "") -> ProbeResult:
    """Asks the model (else the channel's first) to answer "hi" in a few tokens, or for one
    embedding; never raises for a bad channel. `names`: how models must call themselves.
    """
    asked = model or _first_model(channel)
    started = time.monotonic()

    def failed(message: str, cause: Cause | None = None) -> ProbeResult:
        passed = int((time.monotonic() - started) * 1000)
        return ProbeResult(
            is_ok=False,
            model=asked,
            milliseconds=passed,
            message=message,
            cause=cause,
            key_tag=channel.key_tag,
        )

    if not asked:
        return failed(NO_MODELS)
    upstream = Upstream()
    try:
        async with asyncio.timeout(PROBE_SECONDS):
            warnings = await _ask(channel, asked, upstream, names)
    except EXPECTED as error:
        return failed(*_explain(error, channel))
    finally:
        await upstream.close()
    passed = int((time.monotonic() - started) * 1000)
    return ProbeResult(
        is_ok=True,
        model=asked,
        milliseconds=passed,
        warnings=tuple(warnings),
        key_tag=channel.key_tag,
    )


async def probe_keys(
    channels: Sequence[ChannelConfig], names: Names, model: str = ""
) -> ProbeResult:
    """One channel with each of its keys: it works when one of them does. Few at a time."""
    if len(channels) == 1:
        return await probe_channel(channels[0], names, model)
    gate = asyncio.Semaphore(MOST_AT_ONCE)

    async def probe(channel: ChannelConfig) -> ProbeResult:
        async with gate:
            return await probe_channel(channel, names, model)

    found = await asyncio.gather(*(probe(channel) for channel in channels))
    best = next((one for one in found if one.is_ok), found[0])
    others = [one for one in found if not one.is_ok]
    if best.is_ok or all(one.cause is Cause.CREDENTIAL for one in found):
        return replace(best, by_key=tuple(found))
    # Not the keys alone: the channel need not be disabled for what else went wrong.
    other = next(one for one in others if one.cause is not Cause.CREDENTIAL)
    return replace(other, by_key=tuple(found))


def _explain(error: Exception, channel: ChannelConfig) -> tuple[str, Cause | None]:
    match error:
        case UpstreamFailure():
            hide_channel(error, channel)
            return f"{error.label} {error.message}", error.cause
        case MappingCycle():
            return str(error), None
        case NoUsage():
            return NO_USAGE, Cause.OVERLOADED
        case TimeoutError():
            return TOO_LATE, Cause.TIMEOUT
        case _:
            return CANT_READ, Cause.OVERLOADED


def _first_model(channel: ChannelConfig) -> str:
    """A pattern is no name that a provider knows."""
    plain = [name for name in channel.models if "*" not in name]
    return next(iter(plain or channel.models), "")


def endpoint_of(channel: ChannelConfig, model: str) -> str:
    """What kind of call tests this model: by its name, else by what the provider does first."""
    name = model.lower()
    can = channel.kind.capabilities
    if "rerank" in name and "rerank" in can:
        return "rerank"
    if ("embed" in name or "bge-" in name) and "embeddings" in can:
        return "embeddings"
    if "chat" in can or "embeddings" not in can:
        return "chat"
    return "embeddings"


async def _ask(
    channel: ChannelConfig, model: str, upstream: Upstream, names: Names
) -> list[Warning_]:
    adaptor = adaptor_of(channel.kind)
    name = resolve_model(model, channel.mapping)
    plan = _plan(channel, name)
    outgoing, now = plan.outgoing, time.time()
    wanted = adaptor.token_request(channel, now)
    if wanted is not None:
        token = await Credentials().get(wanted, channel, upstream)
        outgoing = msgspec.structs.replace(outgoing, token=token)
    request = adaptor.build(outgoing, channel, now)
    request = msgspec.structs.replace(request, url=plan.conversion.readdress(request.url))
    line = Line(channel.proxy_url, channel.timeouts.connect or CONNECT_SECONDS)
    async with upstream.exchange(request, line) as answer:
        body = await answer.read_all(MOST_ANSWER)
        if answer.status != 200:
            raise adaptor.failure(answer.status, body, answer.header("retry-after"))
        if outgoing.is_stream and "json" not in (answer.header("content-type") or ""):
            return []
    if plan.dialect is None:
        _check_list(plan.conversion.tell(body, int(now)))
        return []
    reply = plan.dialect.read_answer(body)
    if reply.error:
        raise adaptor.failure(answer.status, reply.error, None)
    return check_answer(name, body, names) if plan.dialect.name == "openai" else []


def _plan(channel: ChannelConfig, name: str) -> "_Plan":
    endpoint = endpoint_of(channel, name)
    return _plan_chat(channel, name) if endpoint == "chat" else _plan_list(channel, endpoint, name)


def _plan_chat(channel: ChannelConfig, name: str) -> "_Plan":
    adaptor = adaptor_of(channel.kind)
    dialect = find_dialect(adaptor.dialect_for(channel, "openai", name))
    streams = adaptor.always_streams(dialect.name)
    turns = [Turn("user", [Text("hi")])]
    conversation = Conversation("openai", name, turns, streams, max_tokens=PROBE_TOKENS)
    target = Target(name, channel.kind.name, streams, settings=channel.settings)
    rendered = dialect.render_request(conversation, target)
    endpoint = ENDPOINTS.get(dialect.name, "chat")
    return _Plan(Outgoing(endpoint, dialect.name, name, streams, rendered.body), dialect)


def _plan_list(channel: ChannelConfig, endpoint: str, name: str) -> "_Plan":
    """One embedding, or two documents to rank."""
    kind = channel.kind.name
    asked: dict[str, Any] = {"model": name, "input": "hi"}
    if endpoint == "rerank":
        asked = {"model": name, "query": "hi", "documents": ["hi", "bye"]}
    fields = {key: msgspec.Raw(msgspec.json.encode(value)) for key, value in asked.items()}
    if endpoint == "rerank":
        conversion = rerank.conversion_for(kind, name)
    else:
        conversion = embeddings.conversion_for(kind, name, fields, None, speaks_gemini=False)
    body = conversion.ask(fields)
    sent = Outgoing(conversion.endpoint or endpoint, conversion.dialect, name, False, body)  # noqa: FBT003 -- a struct's field
    return _Plan(sent, None, conversion)


def _check_list(body: bytes) -> None:
    """Raises BadAnswer unless it holds vectors or scores."""
    match msgspec.json.decode(body):
        case {"data": [_, *_]} | {"results": [_, *_]}:
            return
        case _:
            raise BadAnswer


class _Plan(NamedTuple):
    """What is sent, and who reads what comes back: a dialect, or a conversion."""

    outgoing: Outgoing
    dialect: Dialect | None
    conversion: Conversion = AS_IT_IS
