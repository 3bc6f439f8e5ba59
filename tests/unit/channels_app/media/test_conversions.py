"""Providers with a form of their own: asked in it, and read from it, whatever they answer."""

import json
from collections.abc import Mapping
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels_app.catalogue import find_kind
from channels_app.dialects.conversation import BadConversation
from channels_app.dialects.reply import BadAnswer
from channels_app.media import embeddings, images, rerank
from channels_app.media.answers import read_media_answer
from channels_app.media.capabilities import may_serve
from channels_app.media.conversion import Conversion
from channels_app.routing import ChannelConfig


def fields(**values: Any) -> dict[str, msgspec.Raw]:
    return {name: msgspec.Raw(json.dumps(value).encode()) for name, value in values.items()}


def plain(body: Mapping[str, Any]) -> Any:
    return json.loads(msgspec.json.encode(body))


def channel(kind: str, **settings: str) -> ChannelConfig:
    return ChannelConfig(1, "c", find_kind(kind), "", "k", ("m",), ("g",), settings=settings)


# --- Who serves what ---


@pytest.mark.parametrize(
    ("kind", "endpoint", "serves"),
    [
        ("openai", "image_variations", True),
        ("deepseek", "images", False),
        ("anthropic", "embeddings", False),
        ("anthropic", "chat", True),
        ("cohere", "rerank", True),
        ("openai", "rerank", False),
        ("groq", "translations", True),
        ("mistral", "moderations", True),
        ("jina", "moderations", False),
    ],
)
def test_kind_serves_what_it_is_able_to(kind: str, endpoint: str, *, serves: bool) -> None:
    assert may_serve(channel(kind), endpoint) == serves


def test_operator_says_otherwise() -> None:
    assert may_serve(channel("deepseek", capabilities="chat,images"), "images")
    assert not may_serve(channel("openai", capabilities="chat"), "images")
    assert may_serve(channel("openai", capabilities="chat"), "messages")


# --- Images ---


@pytest.mark.parametrize(
    ("size", "ratio"),
    [
        ("1024x1024", "1:1"),
        ("1792x1024", "16:9"),
        ("1024x1792", "9:16"),
        ("1536x1024", "3:2"),
        ("auto", ""),
        ("0x5", ""),
        ("", ""),
    ],
)
def test_nearest_ratio_of_a_size(size: str, ratio: str) -> None:
    assert images.nearest_ratio(size) == ratio


def test_stability_refuses_and_siliconflow_renames() -> None:
    stability = images.conversion_for("stability", "images", "core")
    refused = stability.tell(b'{"image":"x","finish_reason":"CONTENT_FILTERED"}', 1)
    assert json.loads(refused)["error"]["code"] == "content_filter"
    assert read_media_answer(refused, "images", "application/json").error == refused
    flow = images.conversion_for("siliconflow", "images", "m")
    asked = plain(flow.ask({**fields(prompt="a", size="1x1", n=2), "model": "m"}))
    assert asked == {"prompt": "a", "image_size": "1x1", "batch_size": 2, "model": "m"}
    told = json.loads(flow.tell(b'{"images":[{"url":"u"}],"seed":5}', 9))
    assert told == {"created": 9, "data": [{"url": "u"}], "seed": 5}


def test_addresses_change_only_their_ending() -> None:
    sd3 = images.conversion_for("stability", "images", "sd3.5-large")
    base = "https://api.stability.ai/v2beta/stable-image/generate/"
    assert sd3.readdress(base + "sd3.5-large") == base + "sd3"
    core = images.conversion_for("stability", "images", "core")
    assert core.readdress(base + "core") == base + "core"
    ali = rerank.conversion_for("ali", "gte-rerank-v2")
    assert ali.readdress("https://proxy/x/compatible-api/v1/reranks") == (
        "https://proxy/x/api/v1/services/rerank/text-rerank/text-rerank"
    )


# --- Embeddings ---


@pytest.mark.parametrize("bad", [[1, 2], [[1]], 5, None])
def test_vertex_takes_texts_only(bad: Any) -> None:
    with pytest.raises(BadConversation, match="input"):
        embeddings.ask_vertex(fields(input=bad))


def test_gemini_request_with_pictures_is_told_from_plain_text() -> None:
    parts = [{"text": "a"}, {"inlineData": {"data": "x"}}, {"text": "b"}]
    asked = embeddings.read_gemini(fields(content={"parts": parts}), embeddings.EMBED)
    assert (asked.texts, asked.is_plain) == (("a\nb",), False)


# --- Any answer ---

answers = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "data", "results", "output", "predictions", "embeddings", "embedding",
                    "values", "usage", "meta", "billed_units", "tokens", "search_units", "text",
                    "duration", "image", "images", "error", "statistics", "token_count", "index",
                    "prompt_tokens", "usageMetadata", "promptTokenCount", "document",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)  # fmt: skip
CONVERSIONS: tuple[tuple[str, Conversion], ...] = (
    ("rerank", rerank.conversion_for("voyage", "m")),
    ("rerank", rerank.conversion_for("ali", "m")),
    ("rerank", rerank.conversion_for("fireworks", "m")),
    ("images", images.conversion_for("stability", "images", "core")),
    ("images", images.conversion_for("siliconflow", "images", "m")),
    *(
        (
            "embeddings",
            embeddings.conversion_for(kind, "m", {}, ({}, action), speaks_gemini=False),
        )
        for kind in ("openai", "vertex-gemini")
        for action in (embeddings.EMBED, embeddings.BATCH)
    ),
    ("transcriptions", Conversion()),
    ("speech", Conversion()),
)


@given(answers, st.sampled_from(CONVERSIONS))
def test_whatever_a_provider_answers_is_read_or_refused(
    answer: Any, case: tuple[str, Conversion]
) -> None:
    endpoint, conversion = case
    try:
        told = conversion.tell(msgspec.json.encode(answer), 1)
        found = read_media_answer(told, endpoint, "application/json")
    except BadAnswer:
        return
    assert found is not None


@given(st.binary(max_size=60), st.sampled_from(CONVERSIONS))
def test_whatever_bytes_it_answers_too(body: bytes, case: tuple[str, Conversion]) -> None:
    endpoint, conversion = case
    try:
        found = read_media_answer(conversion.tell(body, 1), endpoint, "application/json")
    except BadAnswer:
        return
    assert found is not None
