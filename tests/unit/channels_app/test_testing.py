"""Tests of channels: what a good answer looks like, when the next try is, how reasons are told."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels_app.catalogue import KINDS, find_kind
from channels_app.kind_settings import SETTINGS, field_of_problem, split_settings
from channels_app.probe import endpoint_of
from channels_app.reasons import make_reason, tell_reason
from channels_app.routing import ChannelConfig
from channels_app.switching import MOST_RETEST_SECONDS, next_try
from channels_app.validation import NoUsage, check_answer, expected_names, read_snapshots

NOW = datetime(2026, 11, 22, tzinfo=UTC)
KNOWN = expected_names({})
USAGE = {
    "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
    "completion_tokens_details": dict.fromkeys("abcd", 0),
}


def answer(**fields: Any) -> bytes:
    return msgspec.json.encode({"model": "gpt-4o-mini-2024-07-18", "usage": USAGE, **fields})


def test_the_real_model_gives_no_warning() -> None:
    assert check_answer("gpt-4o-mini", answer(), KNOWN) == []


def test_json_inside_a_json_string_is_read() -> None:
    assert check_answer("gpt-4o-mini", msgspec.json.encode(answer().decode()), KNOWN) == []


def test_another_model_and_thin_usage_are_told() -> None:
    body = answer(model="gpt-3.5-turbo-0125", usage={"prompt_tokens_details": {"cached_tokens": 1}})
    found = [text % values for text, values in check_answer("gpt-4o-mini", body, KNOWN)]
    assert found == [
        "It calls itself gpt-3.5-turbo-0125, not gpt-4o-mini-2024-07-18",
        "Its usage lacks prompt_tokens_details",
        "Its usage lacks completion_tokens_details",
    ]


@pytest.mark.parametrize("body", [b"{}", b"[]", b"nonsense", b'"nonsense"', answer(usage=None)])
def test_an_answer_without_usage_is_none(body: bytes) -> None:
    with pytest.raises(NoUsage):
        check_answer("gpt-4o-mini", body, KNOWN)


def test_nothing_is_expected_of_unknown_models() -> None:
    assert check_answer("claude-sonnet-4-5", b"nonsense", KNOWN) == []


def test_the_operators_names_win() -> None:
    own = expected_names({"gpt-4o-mini": "gpt-4o-mini-2030", "house": "house-1", "o1": ""})
    told = [text % values for text, values in check_answer("gpt-4o-mini", answer(), own)]
    assert told == ["It calls itself gpt-4o-mini-2024-07-18, not gpt-4o-mini-2030"]
    assert check_answer("house", answer(model="house-1"), own) == []
    assert check_answer("o1", b"nonsense", own) == []
    assert check_answer("gpt-4o", answer(model="gpt-4o-2024-08-06"), own) == []


def test_dated_names_are_their_own_snapshots() -> None:
    table = read_snapshots()
    assert len(table) > 30
    assert all(table.get(snapshot, snapshot) == snapshot for snapshot in table.values())


@given(st.integers(1, 10**6), st.integers(0, 100))
def test_tries_come_ever_later_but_not_never(delay: int, failures: int) -> None:
    first, later = next_try(NOW, delay, 0), next_try(NOW, delay, failures)
    assert first == NOW + timedelta(seconds=delay)
    assert later is not None
    assert first <= later <= NOW + timedelta(seconds=max(delay, MOST_RETEST_SECONDS))


def test_the_delay_doubles() -> None:
    seconds = [(next_try(NOW, 60, n) or NOW) - NOW for n in range(4)]
    assert [part.total_seconds() for part in seconds] == [60, 120, 240, 480]
    assert next_try(NOW, 0, 3) is None


def test_reasons_are_told_in_words() -> None:
    assert tell_reason(make_reason("balance", "0.00 USD")) == "The balance is used up: 0.00 USD"
    assert tell_reason(make_reason("copied")) == "A copy needs a key of its own"
    assert tell_reason("something: else") == "something: else"


@pytest.mark.parametrize(
    ("kind", "model", "endpoint"),
    [
        ("openai", "gpt-4o", "chat"),
        ("openai", "text-embedding-3-small", "embeddings"),
        ("siliconflow", "BAAI/bge-reranker-v2-m3", "rerank"),
        ("jina", "jina-clip", "embeddings"),
        ("anthropic", "claude-embed", "chat"),
    ],
)
def test_a_model_is_tested_at_its_endpoint(kind: str, model: str, endpoint: str) -> None:
    found = find_kind(kind)
    channel = ChannelConfig(1, "c", found, found.base_url, "k", (model,), ("default",))
    assert endpoint_of(channel, model) == endpoint


def test_settings_have_fields_where_the_kind_wants_them() -> None:
    values = {"region": "us-east-1", "dialects": "openai"}
    assert split_settings(find_kind("bedrock"), values) == (
        {"region": "us-east-1"},
        {"dialects": "openai"},
    )
    assert split_settings(None, values) == ({}, values)


def test_every_setting_of_the_catalogue_has_a_field() -> None:

    wanted = {name for kind in KINDS.values() for name in kind.settings}
    assert wanted == {setting.name for setting in SETTINGS}


@pytest.mark.parametrize(
    ("text", "values", "field"),
    [
        ("The channel lacks the setting %(name)s.", {"name": "account_id"}, "setting_account_id"),
        ("The setting location must look like us-east5, eu or global.", {}, "setting_location"),
        ("The region must look like us-east-1: …", {}, "setting_region"),
        ("The key must be an APIPassword or APPID|APISecret|APIKey.", {}, "key"),
    ],
)
def test_a_problem_stands_at_its_field(text: str, values: dict[str, str], field: str) -> None:
    assert field_of_problem(text, values) == field
