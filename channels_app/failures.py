"""What went wrong at a provider, classified once.

UpstreamFailure
  .cause   CLIENT        the request itself is wrong: no other channel would take it
           CREDENTIAL    key refused or funds used up: this channel is useless until someone acts
           RATE_LIMITED  too fast for this channel: cool down, try another
           OVERLOADED    the provider has trouble, or answers nonsense
           NETWORK       no connection, or it broke
           TIMEOUT       connect, first byte, idle or total time ran out
           REFUSED       the content was refused by a policy
           TOO_LONG      the context does not fit the model
           MISSING       what the request refers to is not in this account: it may be in another
"""

import enum
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import msgspec

from channels_app.routing import ChannelConfig

MOST_MESSAGE = 500
BODY_LIMIT = 64 * 1024


class Cause(enum.StrEnum):
    CLIENT = "client"
    CREDENTIAL = "credential"
    RATE_LIMITED = "rate_limited"
    OVERLOADED = "overloaded"
    NETWORK = "network"
    TIMEOUT = "timeout"
    REFUSED = "refused"
    TOO_LONG = "too_long"
    MISSING = "missing"


FINAL = frozenset({Cause.CLIENT, Cause.REFUSED, Cause.TOO_LONG})
"""Causes that lie in the request: another channel would say the same."""

CREDENTIAL_WORDS = frozenset(
    {
        "invalid_api_key",
        "account_deactivated",
        "insufficient_quota",
        "authentication_error",
        "permission_error",
        "permission_denied",
        "forbidden",
        "billing_not_active",
        "billing_hard_limit_reached",
        "billing_error",
        "unauthenticated",
        "exceeded_current_quota_error",
        "insufficient_balance",
        "arrearage",
        "accessdeniedexception",
        "unrecognizedclientexception",
        "expiredtokenexception",
    }
)
RATE_LIMITED_WORDS = frozenset(
    {"rate_limit_exceeded", "rate_limit_error", "resource_exhausted", "throttlingexception"}
)
TIMEOUT_WORDS = frozenset({"timeout_error", "deadline_exceeded", "modeltimeoutexception"})
TOO_LONG_WORDS = frozenset(
    {
        "context_length_exceeded",
        "exceed_context_size_error",
        "string_above_max_length",
        "request_too_large",
    }
)
TOO_LONG_BEGINNING = re.compile(
    r"This model's maximum (?:context|prompt) length is \d"
    r"|The (?:decoder )?prompt \(length \d+\) is longer than "
    r"|The input \(\d+ tokens\) is longer than "
)
"""vLLM, SGLang and many behind them say it in words alone; no prompt can stand there."""
REFUSED_WORDS = frozenset(
    {
        "content_policy_violation",
        "content_filter",
        "contentfilter",
        "content_moderation",
        "data_inspection_failed",
        "datainspectionfailed",
        "moderation_blocked",
        "responsibleaipolicyviolation",
    }
)


@dataclass(slots=True, eq=False)
class UpstreamFailure(Exception):
    """One failed attempt. `message` is fit for clients: no keys, hosts or organisation ids are left
    in it.
    """

    cause: Cause
    message: str
    status: int = 0
    type: str = ""
    code: str = ""
    param: str | None = None
    retry_after: float | None = None

    @property
    def may_retry(self) -> bool:
        return self.cause not in FINAL

    @property
    def label(self) -> str:
        """Short name for logs and metrics."""
        return f"{self.cause}:{self.status}" if self.status else str(self.cause)


def from_answer(status: int, body: bytes, retry_after: str | None = None) -> UpstreamFailure:
    """The failure of an answer with an error status, or of a 200 that carries an error."""
    message, kind, code, param = read_error(body)
    cause = classify(status, kind, code, param)
    if cause in {Cause.CLIENT, Cause.OVERLOADED} and TOO_LONG_BEGINNING.match(message):
        cause = Cause.TOO_LONG
    return UpstreamFailure(
        cause=cause,
        message=clean_message(message) or f"the provider answered with status {status}",
        status=status,
        type=clean_word(kind),
        code=clean_word(code),
        param=clean_word(param or "") or None,
        retry_after=parse_retry_after(retry_after),
    )


def classify(status: int, kind: str, code: str, param: str | None = None) -> Cause:  # noqa: PLR0911 -- a table in the form of code
    """Type and code decide before the status: the text may echo what a user wrote and does not
    decide.
    """
    words = {kind.lower(), code.lower()}
    if words & TOO_LONG_WORDS:
        return Cause.TOO_LONG
    if words & REFUSED_WORDS:
        return Cause.REFUSED
    if words & CREDENTIAL_WORDS or status in {401, 402, 403}:
        return Cause.CREDENTIAL
    if status == 429 or words & RATE_LIMITED_WORDS:
        return Cause.RATE_LIMITED
    if status in {408, 504} or words & TIMEOUT_WORDS:
        return Cause.TIMEOUT
    if status == 413:
        return Cause.TOO_LONG
    if status == 404 and is_missing(kind, code, param):
        return Cause.MISSING
    # 404 and 405 say that this account or address doesn't have the model: another channel may.
    if 400 <= status < 500 and status not in {404, 405, 409, 421, 425}:
        return Cause.CLIENT
    return Cause.OVERLOADED


def is_missing(kind: str, code: str, param: str | None) -> bool:
    """OpenAI's 404 for an item, a file or a container: it names the field. For an unknown address
    it names none, for a model `model`; Anthropic and Google do not tell the one from the other.
    """
    is_request = kind == "invalid_request_error" and code != "model_not_found"
    return is_request and param not in {None, "model"}


def read_error(body: bytes) -> tuple[str, str, str, str | None]:
    """(message, type, code, param) of the shapes that providers use; the text itself if it is none
    of them.
    """
    try:
        data = msgspec.json.decode(body[:BODY_LIMIT])
    except (msgspec.DecodeError, RecursionError):
        return body[:MOST_MESSAGE].decode("utf-8", "replace"), "", "", None
    if isinstance(data, list) and data:
        data = data[0]
    if not isinstance(data, dict):
        return "", "", "", None
    error = data.get("error")
    if isinstance(error, dict):
        message = error.get("message") or error.get("msg") or ""
        param = error.get("param")
        return (
            str(message),
            str(error.get("type") or error.get("status") or ""),
            _reason_of(error) or str(error.get("code") or ""),
            param if isinstance(param, str) else None,
        )
    names = ("message", "Message", "msg", "err", "error_msg", "detail", "errors")
    found = [error, *(data.get(name) for name in names)]
    message = next((text for value in found if (text := _first_text(value))), "")
    kind = data.get("type") or data.get("__type") or data.get("name") or ""
    return message, str(kind).rpartition("#")[2], str(data.get("code") or ""), None


def _reason_of(error: dict[str, Any]) -> str:
    """Google's ErrorInfo, which says more than the status: https://google.aip.dev/193"""
    details = error.get("details")
    for detail in details if isinstance(details, list) else ():
        match detail:
            case {"reason": str(reason)} if reason:
                return reason
            case _:
                pass
    return ""


def _first_text(value: Any) -> str:
    """A text, or the first one of a list of faults."""
    match value:
        case str(text) | [str(text), *_]:
            return text
        case [{"message": str(text)} | {"msg": str(text)}, *_]:
            return text
        case _:
            return ""


# Letters of other scripts are letters to `\b`, so that a key inside Chinese text would have no
# boundary: what stands around a secret is told by ASCII alone.
_START, _END = r"(?<![A-Za-z0-9])", r"(?![A-Za-z0-9])"
_HOST_ENDS = (
    "com|net|org|edu|gov|info|biz|name|dev|app|cloud|xyz|site|online|tech|internal|local|"
    "localhost|lan|corp|home|svc|cluster|[a-z]{2}"
)
SECRET_MARKS = tuple(
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (_START + r"[A-Za-z][A-Za-z0-9+.-]*://[^\s\"'<>)\]\u3000-\u9fff\uff00-\uffef]+", "***"),
        (
            _START + r"(?:sk|pk|rk|gsk|xai|key|org|proj|asst|hf|r8|nvapi|pplx|ghp|AIza|ya29)"
            r"[-_.][A-Za-z0-9_\-.*]{4,}",
            "***",
        ),
        (_START + r"AIza[0-9A-Za-z_\-]{10,}", "***"),
        (_START + r"(?:AKIA|ASIA)[0-9A-Z]{10,}", "***"),
        (_START + r"eyJ[A-Za-z0-9_\-]{6,}(?:\.[A-Za-z0-9_\-]*)*", "***"),
        (_START + r"arn:[a-z0-9-]*:[^\s\"'<>)\u3000-\u9fff\uff00-\uffef]+", "***"),
        (
            (
                r"(?i)(bearer|api[-_ ]?key|token|secret)(\s*[:=]\s*|\s+)"
                r"[\"']?[A-Za-z0-9_\-.*]{8,}[\"']?"
            ),
            r"\1 ***",
        ),
        (r"\[[0-9a-fA-F:.]*:[0-9a-fA-F:.]*\](?::\d+)?", "***"),
        (r"(?<![0-9a-fA-F:])(?:[0-9a-fA-F]{0,4}:){3,}[0-9a-fA-F.]*", "***"),
        (r"(?<![0-9a-fA-F:])[0-9a-fA-F]{1,4}::[0-9a-fA-F:.]*", "***"),
        (r"(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?::\d+)?", "***"),
        (
            r"(?i)"
            + _START
            + r"(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+(?:"
            + _HOST_ENDS
            + r")"
            + _END
            + r"(?::\d+)?(?:/[^\s\"'<>)\]\u3000-\u9fff\uff00-\uffef]*)?",
            "***",
        ),
    )
)
WORD = re.compile(r"^[A-Za-z0-9_.\-\[\] ]{1,64}$")


def clean_word(text: str) -> str:
    """A type, code or parameter name as it came, or nothing when it is none or holds a secret."""
    return text if WORD.match(text) and clean_message(text) == text else ""


def clean_message(text: str) -> str:
    """The provider's words without keys, addresses, organisation ids, control characters; at most
    500 characters.
    """
    text = "".join(char if char.isprintable() else " " for char in text[: MOST_MESSAGE * 4])
    for pattern, replacement in SECRET_MARKS:
        text = pattern.sub(replacement, text)
    return " ".join(text.split())[:MOST_MESSAGE]


def without_trace(failure: UpstreamFailure) -> UpstreamFailure:
    """The same failure, to be kept while other channels are tried. Its traceback and causes hold
    all that the attempt read; and who keeps it in a frame which the traceback names has closed a
    circle, that is freed when the collector comes by, after many megabytes more.
    """
    failure.__cause__ = failure.__context__ = None
    return failure.with_traceback(None)


def hide_channel(failure: UpstreamFailure, channel: ChannelConfig) -> UpstreamFailure:
    """The same failure without the channel's own key and hosts, whatever they look like."""
    secrets = [channel.key, *re.split(r"[|.:,\s]", channel.key)]
    secrets += [one.key for one in channel.keys]
    for url in (channel.base_url, channel.proxy_url):
        parts = urlsplit(url)
        secrets += [parts.netloc, parts.hostname or "", parts.password or ""]
    found = sorted({text for text in secrets if len(text) >= 8 or text == channel.key}, key=len)
    for text in filter(None, reversed(found)):
        failure.message = failure.message.replace(text, "***")
        failure.type = "" if text in failure.type else failure.type
        failure.code = "" if text in failure.code else failure.code
        failure.param = None if failure.param and text in failure.param else failure.param
    return failure


def parse_retry_after(value: str | None) -> float | None:
    """Seconds from 1 to 300; None for a date or anything unreadable."""
    if value is None or not value.strip().isascii() or not value.strip().isdecimal():
        return None
    return float(min(max(int(value.strip()[:9]), 1), 300))
