"""What another site says about somebody, in the one form that the rest understands."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from urllib.parse import urlencode

from django.utils.translation import gettext as _

from chatapi.lib.posting import Letter, NoAnswer, PostRefused, send

MOST_BYTES = 1_000_000
FORM = {"content-type": "application/x-www-form-urlencoded"}
BAD_REQUEST = 400


class ForeignRefusal(Exception):
    """The other site said no, or something that can't be believed; `text` is for the reader."""

    def __init__(self, text: str = "", *, detail: str = "") -> None:
        super().__init__(detail or text)
        self.text = text or _("Signing in there did not work. Please try again.")


@dataclass(frozen=True, slots=True)
class Identity:
    """`uid` never changes and is never given to somebody else; `email` is proven there, or ''."""

    uid: str
    name: str = ""
    display_name: str = ""
    email: str = ""


def hash_uid(*parts: str) -> str:
    """For ids in which upper and lower case differ: not all databases tell them apart."""
    return sha256("\0".join(parts).encode()).hexdigest()


def hash_account(slug: str, uid: str) -> str:
    """What gifts count an account elsewhere by."""
    return hash_uid("foreign", slug, uid)


def ask(
    url: str, headers: Mapping[str, str] | None = None, form: Mapping[str, str] | None = None
) -> Mapping[str, Any] | list[Any]:
    """JSON of an answer; with a form it is posted. The address may be what the other site says in
    its discovery: bounded in size and time, and never a cloud's metadata. Raises ForeignRefusal.
    """
    letter = Letter(url, headers=headers or {}, method="GET", most_bytes=MOST_BYTES)
    if form is not None:
        body = urlencode(form).encode()
        letter = Letter(url, body, {**FORM, **(headers or {})}, most_bytes=MOST_BYTES)
    try:
        answer = send(letter, is_trusted=True)
        if answer.status >= BAD_REQUEST:
            raise ForeignRefusal(detail=f"{url}: status {answer.status}")
        found = json.loads(answer.body)
    except (PostRefused, NoAnswer, ValueError, RecursionError) as error:
        text = _("The other site is out of reach. Please try again in a minute.")
        raise ForeignRefusal(text, detail=f"{url}: {error!r}") from error
    if not isinstance(found, dict | list):
        raise ForeignRefusal(detail=f"{url}: neither an object nor a list")
    return found


def ask_object(
    url: str, headers: Mapping[str, str] | None = None, form: Mapping[str, str] | None = None
) -> Mapping[str, Any]:
    found = ask(url, headers, form)
    if not isinstance(found, dict):
        raise ForeignRefusal(detail=f"{url}: no object")
    return found


def text_of(values: Mapping[str, Any], name: str, most: int = 200) -> str:
    """A text of an answer, whatever stands there; '' for anything else."""
    value = values.get(name)
    return value[:most] if isinstance(value, str) else ""
