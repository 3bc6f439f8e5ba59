"""Understands a client's request just as far as routing, pricing and holding need it."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from django.utils.translation import gettext_noop as _

from billing.pricing import Unit
from channels_app.dialects.conversation import BadConversation, Conversation
from channels_app.dialects.registry import find_dialect
from relay.errors import CallRefused, bad_request
from relay.fields import DUPLICATE, Fields, read_fields
from relay.media.ask import MediaAsk
from relay.misaddressed import as_chat, is_misaddressed

MOST_MODEL_LENGTH = 255
MOST_MESSAGES = 10_000
MOST_CHOICES = 128
MOST_TOKENS = 1_073_741_823


class _Message(msgspec.Struct):
    role: str
    content: msgspec.Raw = msgspec.Raw(b"null")


class _GeminiConfig(msgspec.Struct):
    """Both ways to write a name are taken, as by Google; google-genai mixes them."""

    maxOutputTokens: int | None = None  # noqa: N815 -- the name on the wire
    candidateCount: int | None = None  # noqa: N815 -- the name on the wire
    max_output_tokens: int | None = None
    candidate_count: int | None = None


_decode_str = msgspec.json.Decoder(str).decode
_decode_bool = msgspec.json.Decoder(bool | None).decode
_decode_int = msgspec.json.Decoder(int | None).decode
_decode_number = msgspec.json.Decoder(float | int | None).decode
_decode_messages = msgspec.json.Decoder(list[_Message]).decode
_decode_items = msgspec.json.Decoder(list[msgspec.Raw]).decode
_decode_stream_options = msgspec.json.Decoder(dict[str, msgspec.Raw] | None).decode
_decode_config = msgspec.json.Decoder(_GeminiConfig | None).decode

Headers = tuple[tuple[str, str], ...]

DIALECTS = {
    "chat": "openai",
    "completions": "completions",
    "edits": "edits",
    "responses": "responses",
    "messages": "anthropic",
    "generate": "gemini",
}
"""Endpoints that answer with text, and what is spoken there."""
CONTENT = {
    "chat": "messages",
    "messages": "messages",
    "generate": "contents",
    "completions": "prompt",
    "edits": "instruction",
}
"""The field without which an endpoint has nothing to do; `input` for all others."""
STREAMED = DIALECTS.keys() - {"edits"}
SAMPLING = ("temperature", "top_p", "presence_penalty", "frequency_penalty")


class CallRequest(msgspec.Struct, frozen=True):
    """What the gateway understood. `fields` are the raw values as the client wrote them, `headers`
    those of the client's headers that a provider of the same dialect gets, `media` what a call that
    is no text asks for.
    """

    endpoint: str
    fields: Mapping[str, msgspec.Raw]
    model: str
    is_stream: bool
    wants_usage: bool
    max_tokens: int | None
    choices: int
    body_bytes: int
    headers: Headers = ()
    is_array: bool = False
    media: MediaAsk | None = None
    body: bytes = b""
    """As it came, where it is JSON."""
    words: str = ""
    """The dialect that it came in, where that is not the endpoint's, and what got `lost`."""
    lost: tuple[str, ...] = ()

    @property
    def has_output(self) -> bool:
        """Whether it is answered with text of a chat."""
        return self.endpoint in DIALECTS

    @property
    def unit(self) -> Unit:
        """What it is measured in where the provider reports no tokens."""
        return "token" if self.media is None else self.media.unit

    @property
    def dialect(self) -> str:
        return DIALECTS.get(self.endpoint, "")

    def conversation(self) -> Conversation:
        """The request in the hub's form; raises CallRefused(400)."""
        try:
            return find_dialect(self.dialect).parse_request(self.fields, self.model, self.is_stream)
        except BadConversation as error:
            raise refuse_conversation(error) from error


def refuse_conversation(error: BadConversation) -> CallRefused:
    return bad_request(
        _("%(name)s %(problem)s"),
        "invalid_value",
        error.field,
        name=error.field,
        problem=error.problem,
    )


class PathParts(msgspec.Struct, frozen=True):
    """What stands in the address: the model, and whether the answer is streamed."""

    model: str = ""
    is_stream: bool = False
    is_array: bool = False


NO_PARTS = PathParts()


def parse_request(
    endpoint: str, body: bytes, path: PathParts = NO_PARTS, headers: Headers = ()
) -> CallRequest:
    """Raises CallRefused(400) that names the field."""
    return understand(endpoint, read_fields(body), len(body), path, headers, body)


def understand(
    endpoint: str,
    fields: Fields,
    body_bytes: int,
    path: PathParts,
    headers: Headers = (),
    body: bytes = b"",
) -> CallRequest:
    """As parse_request, of fields that are read already."""
    model = read_model(fields, endpoint, path.model)
    words = ""
    lost: tuple[str, ...] = ()
    if endpoint == "chat" and is_misaddressed(fields):
        words, body = "responses", b""
        fields, lost = translate(fields, model)
    check_content(endpoint, fields)
    if endpoint == "generate":
        max_tokens, choices = _read_gemini_config(fields)
        is_stream = path.is_stream
    else:
        max_tokens, choices = _read_limits(fields, endpoint), _read_choices(fields)
        is_stream = endpoint in STREAMED and bool(_read(fields, "stream", _decode_bool))
        for name in SAMPLING:
            if name in fields:
                _read(fields, name, _decode_number)
    return CallRequest(
        endpoint=endpoint,
        fields=fields,
        model=model,
        is_stream=is_stream,
        wants_usage=_read_wants_usage(fields) if endpoint in {"chat", "completions"} else True,
        max_tokens=max_tokens,
        choices=choices,
        body_bytes=body_bytes,
        headers=headers,
        is_array=path.is_array,
        body=body,
        words=words,
        lost=lost,
    )


def translate(fields: Fields, model: str) -> tuple[Fields, tuple[str, ...]]:
    try:
        return as_chat(fields, model)
    except BadConversation as error:
        raise refuse_conversation(error) from error


def check_content(endpoint: str, fields: Fields) -> None:
    name = CONTENT.get(endpoint, "input")
    value = fields.get(name)
    if endpoint == "responses" and value is None and "prompt" in fields:
        # A stored prompt brings its own input.
        return
    if name == "messages":
        _check_messages(value)
        return
    if value is None or bytes(value) in {b"null", b'""', b"[]"}:
        raise bad_request(_("field %(name)s is required"), "missing_field", name, name=name)
    allowed = b"[{" if endpoint == "generate" else b'"['
    if bytes(value)[:1] not in allowed:
        raise bad_request(_("%(name)s has the wrong type"), "invalid_type", name, name=name)
    if endpoint in {"generate", "responses"} and bytes(value)[:1] == b"[":
        check_count(_read(fields, name, _decode_items), name)


def check_count(items: list[Any], name: str) -> None:
    if not 0 < len(items) <= MOST_MESSAGES:
        raise bad_request(
            _("%(name)s must have 1 to %(most)d items"),
            "invalid_value",
            name,
            name=name,
            most=MOST_MESSAGES,
        )


def _check_messages(raw: msgspec.Raw | None) -> None:
    if raw is None or bytes(raw) == b"null":
        raise bad_request(
            _("field %(name)s is required"), "missing_field", "messages", name="messages"
        )
    try:
        messages = _decode_messages(raw)
    except (msgspec.DecodeError, RecursionError) as error:
        raise bad_request(
            _("%(name)s has the wrong type"), "invalid_type", "messages", name="messages"
        ) from error
    check_count(messages, "messages")
    for index, message in enumerate(messages):
        if bytes(message.content)[:1] not in b'"[n':
            name = f"messages[{index}].content"
            raise bad_request(_("%(name)s has the wrong type"), "invalid_type", name, name=name)


def read_model(fields: Fields, endpoint: str, path_model: str = "") -> str:
    if path_model and "model" not in fields:
        model = path_model
    elif endpoint == "moderations" and "model" not in fields:
        model = "text-moderation-stable"
    else:
        model = _read(fields, "model", _decode_str) or ""
    if not model:
        raise bad_request(_("model is required"), "missing_model", "model")
    if len(model) > MOST_MODEL_LENGTH or not model.isprintable() or model != model.strip():
        raise bad_request(_("model is not a valid name"), "invalid_model", "model")
    return model


def _read_limits(fields: Fields, endpoint: str) -> int | None:
    """Most output tokens that the client wants."""
    if endpoint == "messages" and "max_tokens" not in fields:
        raise bad_request(
            _("field %(name)s is required"), "missing_field", "max_tokens", name="max_tokens"
        )
    if endpoint == "responses":
        return _read_tokens(fields, "max_output_tokens")
    # Of both the larger: which of them a provider of Chat goes by is its own affair.
    names = ("max_tokens", "max_completion_tokens") if endpoint == "chat" else ("max_tokens",)
    return _largest(*[_read_tokens(fields, name) for name in names if name in fields])


def _largest(*limits: int | None) -> int | None:
    return max((limit for limit in limits if limit is not None), default=None)


def _read_gemini_config(fields: Fields) -> tuple[int | None, int]:
    """(maxOutputTokens, candidateCount)."""
    if "generationConfig" in fields and "generation_config" in fields:
        name = "generationConfig"
        raise bad_request(DUPLICATE, "duplicate_key", name, name=name)
    config = _read(fields, "generationConfig", _decode_config)
    config = config or _read(fields, "generation_config", _decode_config)
    if config is None:
        return None, 1
    limits = (config.maxOutputTokens, config.max_output_tokens)
    choices = (config.candidateCount, config.candidate_count)
    for name, values, most in (
        ("maxOutputTokens", limits, MOST_TOKENS),
        ("candidateCount", choices, MOST_CHOICES),
    ):
        if not all(value is None or 1 <= value <= most for value in values):
            raise bad_request(_("%(name)s is invalid"), "invalid_value", name, name=name)
    return _largest(*limits), _largest(*choices) or 1


def _read_tokens(fields: Fields, name: str) -> int | None:
    value: int | None = _read(fields, name, _decode_int)
    if value is not None and not 1 <= value <= MOST_TOKENS:
        raise bad_request(_("%(name)s is invalid"), "invalid_value", name, name=name)
    return value


def _read_choices(fields: Fields) -> int:
    value = _read(fields, "n", _decode_int)
    best_of = _read(fields, "best_of", _decode_int)
    for name, count in (("n", value), ("best_of", best_of)):
        if count is not None and not 1 <= count <= MOST_CHOICES:
            raise bad_request(_("%(name)s is invalid"), "invalid_value", name, name=name)
    return max(value or 1, best_of or 1)


def _read_wants_usage(fields: Fields) -> bool:
    if "stream_options" not in fields:
        return False
    options = _read(fields, "stream_options", _decode_stream_options)
    return options is not None and bytes(options.get("include_usage", b"")) == b"true"


def _read(fields: Fields, name: str, decode: Callable[[Any], Any]) -> Any:
    raw = fields.get(name)
    if raw is None:
        return None
    try:
        return decode(raw)
    except msgspec.DecodeError as error:
        raise bad_request(
            _("%(name)s has the wrong type"), "invalid_type", name, name=name
        ) from error
