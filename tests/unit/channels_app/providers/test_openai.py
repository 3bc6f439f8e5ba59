"""Which of OpenAI's two APIs is asked."""

import pytest

from channels_app.providers import adaptor_of
from tests.unit.channels_app.providers.asking import ask, body_of, make_channel

AZURE = "https://me.openai.azure.com"
RESELLER = "https://reseller.example/v1"


def spoken(
    client: str, model: str, kind: str = "openai", base: str = "", settings: str | None = None
) -> str:
    told = {} if settings is None else {"dialects": settings}
    channel = make_channel(kind, base_url=base, settings=told)
    return adaptor_of(channel.kind).dialect_for(channel, client, model)


@pytest.mark.parametrize(
    ("model", "claude", "chat"),
    [
        ("gpt-4o", "openai", "openai"),
        ("gpt-5.4", "responses", "openai"),
        ("gpt-6-astra", "responses", "openai"),
        ("o4-mini", "responses", "openai"),
        ("gpt-oss-120b", "openai", "openai"),
        ("gpt-5-search-api", "openai", "openai"),
        ("codex-mini-latest", "responses", "responses"),
        ("gpt-5.1-codex-max", "responses", "responses"),
        ("o1-pro-2025-03-19", "responses", "responses"),
        ("o3-deep-research", "responses", "responses"),
    ],
)
@pytest.mark.parametrize(
    ("kind", "base"),
    [
        ("openai", ""),
        ("openai", "https://eu.api.openai.com/v1"),
        ("azure", AZURE),
        ("azure-v1", AZURE),
    ],
)
def test_models_are_asked_where_they_answer(
    kind: str, base: str, model: str, claude: str, chat: str
) -> None:
    assert spoken("anthropic", model, kind, base) == claude
    assert spoken("gemini", model, kind, base) == claude
    assert spoken("openai", model, kind, base) == chat
    assert spoken("responses", model, kind, base) == "responses"
    assert spoken("completions", model, kind, base) == "completions"


@pytest.mark.parametrize(
    ("kind", "base", "settings", "told"),
    [
        ("openai", RESELLER, None, "openai"),
        ("openai", "https://api.openai.com.evil.example", None, "openai"),
        ("closeai", "", None, "openai"),
        ("openai", "", "openai", "openai"),
        ("openai", RESELLER, "openai, responses", "responses"),
        ("openai", RESELLER, "anthropic, responses", "anthropic"),
    ],
)
def test_operators_and_resellers_are_asked_what_they_speak(
    kind: str, base: str, settings: str | None, told: str
) -> None:
    assert spoken("anthropic", "gpt-5.4", kind, base, settings) == told


@pytest.mark.parametrize(
    ("kind", "base", "url"),
    [
        ("openai", "", "https://api.openai.com/v1/responses"),
        ("azure", AZURE, f"{AZURE}/openai/v1/responses"),
    ],
)
def test_chat_with_a_codex_model(kind: str, base: str, url: str) -> None:
    dialect, request = ask(make_channel(kind, base_url=base), "gpt-5-codex", max_tokens=1)
    assert (dialect, request.url) == ("responses", url)
    body = body_of(request)
    assert (body["store"], body["max_output_tokens"]) == (False, 16)
