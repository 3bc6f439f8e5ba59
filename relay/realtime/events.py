"""Reads events of the Realtime API only as far as accounting needs them; what is no event of a
known shape reads as one without a type. Pure.

https://platform.openai.com/docs/api-reference/realtime-client-events
https://platform.openai.com/docs/api-reference/realtime-server-events
"""

from typing import Any

import msgspec

from channels_app.failures import clean_word

ABSENT = msgspec.Raw(b"")
CANCEL_RESPONSE = '{"type":"response.cancel"}'


class ClientEvent(msgspec.Struct):
    """One message of a client."""

    type: str = ""
    audio: msgspec.Raw = ABSENT
    session: msgspec.Raw = ABSENT
    item: msgspec.Raw = ABSENT
    response: msgspec.Raw = ABSENT


class ServerEvent(msgspec.Struct):
    """One message of a provider."""

    type: str = ""
    delta: msgspec.Raw = ABSENT
    response_id: msgspec.Raw = ABSENT
    response: msgspec.Raw = ABSENT
    session: msgspec.Raw = ABSENT
    usage: msgspec.Raw = ABSENT
    transcript: msgspec.Raw = ABSENT
    error: msgspec.Raw = ABSENT


class ResponseObject(msgspec.Struct):
    """`response` of response.created and response.done."""

    id: msgspec.Raw = ABSENT
    status: str = ""
    usage: msgspec.Raw = ABSENT


_decode_client = msgspec.json.Decoder(ClientEvent).decode
_decode_server = msgspec.json.Decoder(ServerEvent).decode
_decode_response = msgspec.json.Decoder(ResponseObject).decode
_decode_fields = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_encode = msgspec.json.Encoder().encode
UNREADABLE = (msgspec.DecodeError, UnicodeError, RecursionError)


def read_client_event(message: str | bytes) -> ClientEvent:
    try:
        return _decode_client(message)
    except UNREADABLE:
        return ClientEvent()


def read_server_event(message: str | bytes) -> ServerEvent:
    try:
        return _decode_server(message)
    except UNREADABLE:
        return ServerEvent()


def read_response(raw: msgspec.Raw) -> ResponseObject:
    try:
        return _decode_response(raw)
    except UNREADABLE:
        return ResponseObject()


def read_value(raw: msgspec.Raw) -> Any:
    """Any JSON value, or None."""
    try:
        return msgspec.json.decode(raw)
    except UNREADABLE:
        return None


def read_text(raw: msgspec.Raw) -> str:
    value = read_value(raw)
    return value if isinstance(value, str) else ""


def base64_bytes(raw: msgspec.Raw) -> int:
    """How many bytes a JSON string of base64 stands for."""
    return max(len(memoryview(raw)) - 2, 0) * 3 // 4


class OtherModel(ValueError):
    """The client wants another model than that of the session."""


def change_model(
    message: str | bytes, session: msgspec.Raw, model: str, upstream: str
) -> str | bytes:
    """The session.update with the provider's name of the model in place of the client's; raises
    OtherModel. Messages without a model come back as they are.
    """
    fields = read_value(session)
    if not isinstance(fields, dict) or "model" not in fields:
        return message
    if fields["model"] not in (model, upstream):
        raise OtherModel
    # Written anew also where the name stays: of two equal keys the provider might read the other.
    event = _decode_fields(message)
    return _encode({**event, "session": {**fields, "model": upstream}}).decode()


def clean_error(message: str | bytes, words: str) -> str:
    """An event with other words in its error, and without what hides a secret in a short field."""
    event = _decode_fields(message)
    error = read_value(event["error"])
    error["message"] = words
    for name in ("type", "code", "param"):
        if isinstance(error.get(name), str) and not clean_word(error[name]):
            error[name] = None
    return _encode({**event, "error": error}).decode()


def clean_failure(message: str | bytes, words: str) -> str:
    """A failed response.done with other words."""
    event = _decode_fields(message)
    response = read_value(event["response"])
    response["status_details"]["error"]["message"] = words
    return _encode({**event, "response": response}).decode()


def error_words(raw: msgspec.Raw) -> str | None:
    """What an `error` object says; None where there is nothing to read."""
    error = read_value(raw)
    if not isinstance(error, dict):
        return None
    message = error.get("message")
    return message if isinstance(message, str) else None


def failure_words(raw: msgspec.Raw) -> str | None:
    """What a failed `response` says of its failure."""
    match read_value(raw):
        case {"status_details": {"error": {"message": str(message)}}}:
            return message
        case _:
            return None
