"""Forms with files: read however their bytes are cut, written again, within bounds."""

import asyncio
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager, suppress
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from python_multipart.multipart import parse_options_header

from relay.errors import CallRefused
from relay.http import ClientExchange, ClientLeft
from relay.media.forms import MOST_TEXT, Form, FormReader, read_form
from relay.media.reading import fields_of

TYPE = (b"content-type", b"multipart/form-data; boundary=BOUND")


def encode(*parts: tuple[str, bytes]) -> bytes:
    """(what follows `form-data;`, content) pairs as a body."""
    body = b"".join(
        b"--BOUND\r\nContent-Disposition: form-data; %b\r\n\r\n%b\r\n" % (names.encode(), content)
        for names, content in parts
    )
    return body + b"--BOUND--\r\n"


@contextmanager
def reading(body: bytes, *cuts: int, boundary: bytes = b"BOUND") -> Iterator[Form]:
    reader = FormReader(boundary)
    edges = [0, *sorted(cut % (len(body) + 1) for cut in cuts), len(body)]
    with reader.form:
        for start, end in pairwise(edges):
            reader.feed(body[start:end])
        yield reader.finish()


contents = st.binary(max_size=300).map(lambda data: data.replace(b"BOUND", b""))
texts = st.text(max_size=50).map(lambda text: text.replace("BOUND", ""))


@given(texts, contents, st.lists(st.integers(0, 2000), max_size=8))
def test_form_is_the_same_however_it_is_cut_and_after_writing_it(
    text: str, content: bytes, cuts: list[int]
) -> None:
    body = encode(
        ('name="model"', b"ours"),
        ('name="prompt"', text.encode()),
        ('name="image[]"; filename="ä.png"', content),
    )
    with reading(body, *cuts) as form:
        kind, written = form.encode({"model": "theirs"})
        boundary = parse_options_header(kind)[1][b"boundary"]
        with reading(written, boundary=boundary) as again:
            assert form.texts() == {"model": "ours", "prompt": text}
            assert again.texts() == {"model": "theirs", "prompt": text}
            for one in (form, again):
                (file,) = one.files("image")
                told = (file.file_name, file.read(), file.size)
                assert told == ("ä.png", content, len(content))


def test_file_named_as_a_field_is_no_field() -> None:
    parts = ('name="model"; filename="m"', b"other"), ('name="prompt"', b"a")
    with reading(encode(*parts)) as form:
        assert form.texts() == {"prompt": "a"}
    both = ('name="model"; filename="m"', b"x"), ('name="model"', b"y")
    with reading(encode(*both)) as form, pytest.raises(CallRefused) as refused:
        fields_of(form)
    assert refused.value.code == "duplicate_key"


def test_two_names_of_one_part_become_the_one_that_we_read() -> None:
    with reading(encode(('name="model"; name="prompt"', b"a"))) as form:
        (part,) = form.parts
        _, body = form.encode({})
    assert body.count(b"name=") == 1
    assert f'name="{part.name}"'.encode() in body


def test_numbers_and_flags_of_a_form_are_typed() -> None:
    with reading(encode(('name="n"', b"2"), ('name="stream"', b"true"))) as form:
        fields = fields_of(form)
    assert {name: bytes(raw) for name, raw in fields.items()} == {"n": b"2", "stream": b"true"}


@given(st.binary(max_size=200))
def test_whatever_comes_is_a_form_or_refused(body: bytes) -> None:
    with suppress(CallRefused), reading(body) as form:
        assert form.size <= len(body)


def test_long_text_is_refused() -> None:
    body = encode(('name="prompt"', b"x" * (MOST_TEXT + 1)))
    with pytest.raises(CallRefused) as refused, reading(body):
        pass
    assert (refused.value.code, refused.value.param) == ("string_too_long", "prompt")


def test_large_file_waits_on_the_disk() -> None:
    with reading(encode(('name="file"; filename="a"', b"x" * (2 << 20)))) as form:
        (file,) = form.files("file")
        assert file.content._rolled  # type: ignore[attr-defined]


# --- From the wire ---


def exchange(*bodies: bytes, length: int | None = None, leaves: bool = False) -> ClientExchange:
    messages: list[MutableMapping[str, Any]] = [
        {"type": "http.request", "body": body, "more_body": leaves or at < len(bodies)}
        for at, body in enumerate(bodies, 1)
    ]
    messages.append({"type": "http.disconnect"})

    async def receive() -> MutableMapping[str, Any]:
        return messages.pop(0)

    async def send(message: MutableMapping[str, Any]) -> None:
        raise AssertionError(message)

    headers = [TYPE]
    if length is not None:
        headers.append((b"content-length", str(length).encode()))
    return ClientExchange({"headers": headers}, receive, send)


def test_form_is_read_as_it_arrives() -> None:
    body = encode(('name="model"', b"m"))
    with asyncio.run(read_form(exchange(body[:20], body[20:]), 1000)) as form:
        assert (form.texts(), form.size) == ({"model": "m"}, len(body))


@pytest.mark.parametrize("length", [None, 5000])
def test_form_beyond_the_limit_is_refused(length: int | None) -> None:
    body = encode(('name="file"; filename="a"', b"x" * 2000))
    with pytest.raises(CallRefused) as refused:
        asyncio.run(read_form(exchange(body[:900], body[900:], length=length), 1000))
    assert refused.value.status == 413


def test_client_that_leaves_in_the_middle_ends_the_reading() -> None:
    with pytest.raises(ClientLeft):
        asyncio.run(read_form(exchange(b"--BOUND\r\n", leaves=True), 1000))
