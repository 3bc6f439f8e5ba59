"""What all ways of telling somebody have in common.

A transport is data and one function: which fields say where to, whether the options hold what it
needs, and `send`, which touches no database, so that it may run in a thread.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_noop as _

from chatapi.lib.net import UrlNotAllowed
from chatapi.lib.posting import Answer, NoAnswer, PostRefused, check_stranger_url, post
from notifications.config import Config

MOST_DETAIL = 200
MOST_SECONDS_ASKED = 6 * 3600
"""A server that asks for more time gets this much."""
Target = Mapping[str, str]

NO_ANSWER = _("The address did not answer in time.")
REFUSED = _("This address may not be called:")
STATUS = _("The address answered with status")
REDIRECT = _("The address answered with a redirect, which is not followed.")
NO_SENSE = _("The answer can't be read.")


@dataclass(frozen=True, slots=True)
class Message:
    """What is told. `key` is the same for each attempt, so that a receiver can tell repeats."""

    key: str
    event: str
    subject: str
    text: str
    html: str
    link: str
    data: Mapping[str, Any]
    created_at: str
    """ISO 8601."""


class TransportError(Exception):
    """It was not told. `message` is a text of the catalogue, `detail` what the other side said;
    `permanent`: trying again is of no use. `retry_seconds` is what the other side asked for.
    """

    def __init__(
        self, message: str, detail: str = "", *, permanent: bool = False, retry_seconds: int = 0
    ) -> None:
        super().__init__(f"{message} {detail}".strip())
        self.message = message
        self.detail = detail
        self.permanent = permanent
        self.retry_seconds = retry_seconds


@dataclass(frozen=True, slots=True)
class Field:
    """One thing that has to be known to reach somebody."""

    name: str
    label: Any
    help: Any = ""
    is_secret: bool = False
    is_url: bool = False
    placeholder: str = ""


class Transport:
    """One way. `label` and `help` are for pages."""

    name = ""
    label: Any = ""
    help: Any = ""
    fields: tuple[Field, ...] = ()
    is_shared = False
    """One server, the operator's, for all: when it is down, nobody is told that way."""

    takes_digests = True
    """Several notices may go as one message."""

    def is_ready(self, config: Config) -> bool:  # noqa: ARG002 -- for those that need options
        """Whether the options hold what this needs besides the target."""
        return True

    def check(self, values: Target) -> dict[str, str]:
        """The target as it is stored; raises ValidationError with the fields' names."""
        errors: dict[str, str] = {}
        target = {field.name: values.get(field.name, "").strip() for field in self.fields}
        for field in self.fields:
            try:
                target[field.name] = self.check_field(field, target[field.name])
            except (ValidationError, UrlNotAllowed) as error:
                told = error.messages[0] if isinstance(error, ValidationError) else str(error)
                errors[field.name] = told
        if errors:
            raise ValidationError(errors)
        return target

    def check_field(self, field: Field, text: str) -> str:
        """Raises ValidationError or UrlNotAllowed."""
        from django.utils.translation import gettext  # noqa: PLC0415 -- `_` marks texts here

        if not text:
            raise ValidationError(gettext("This field is required."))
        if len(text) > 500 or any(ord(char) < 32 or ord(char) == 127 for char in text):
            raise ValidationError(
                gettext("This is too long, or has characters in it that don't belong here.")
            )
        return check_stranger_url(text) if field.is_url else text

    def hint(self, target: Target) -> str:
        """Which one it is, without what is secret: paths of addresses often are."""
        field = next(field for field in self.fields if not field.is_secret)
        text = target.get(field.name, "")
        if not field.is_url or not text:
            return text
        parts = urlsplit(text)
        has_more = parts.path.strip("/") or parts.query
        return f"{parts.scheme}://{parts.netloc}" + ("/…" if has_more else "")

    def secrets(self, target: Target) -> tuple[str, ...]:
        return tuple(target.get(field.name, "") for field in self.fields if field.is_secret)

    def send(self, target: Target, message: Message, config: Config, *, is_trusted: bool) -> None:
        """Blocks ten seconds or so; raises TransportError. `is_trusted`: an operator's target."""
        # Each transport's own module says how.
        raise NotImplementedError


def post_json(url: str, body: bytes, headers: Mapping[str, str], *, is_trusted: bool) -> Answer:
    """The answer, whatever its status, but no redirect; raises TransportError."""
    try:
        answer = post(
            url, body, {"content-type": "application/json", **headers}, is_trusted=is_trusted
        )
    except PostRefused as refused:
        raise TransportError(REFUSED, str(refused), permanent=True) from refused
    except NoAnswer as error:
        raise TransportError(NO_ANSWER) from error
    if 300 <= answer.status < 400:
        raise TransportError(REDIRECT, permanent=True)
    return answer


def check_status(answer: Answer) -> None:
    """Raises TransportError unless the status is one of success."""
    if 200 <= answer.status < 300:
        return
    is_passing = answer.status >= 500 or answer.status in {408, 425, 429}
    raise TransportError(
        STATUS,
        str(answer.status),
        permanent=not is_passing,
        retry_seconds=asked_seconds(answer.retry_after),
    )


def asked_seconds(text: object) -> int:
    """Of a Retry-After in seconds; 0 for anything else."""
    shown = str(text)
    if not (shown.isascii() and shown.isdecimal() and len(shown) < 10):
        return 0
    return min(int(shown), MOST_SECONDS_ASKED)
