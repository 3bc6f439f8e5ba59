"""Addresses, headers and bodies where a kind has more than one way."""

from typing import Any

import pytest

from channels_app.providers import adaptor_of
from tests.unit.channels_app.providers.asking import ask, body_of, make_channel, pass_on

AZURE = "https://x.openai.azure.com"
MESSAGES = [{"role": "user", "content": "hi"}]
CLAUDE: dict[str, Any] = {"model": "m", "max_tokens": 5, "messages": MESSAGES}
BETA = "anthropic-beta"


@pytest.mark.parametrize(
    ("endpoint", "url"),
    [
        ("chat", "/openai/deployments/gpt-35-turbo/chat/completions?api-version=2024-10-21"),
        ("embeddings", "/openai/deployments/gpt-35-turbo/embeddings?api-version=2024-10-21"),
        ("images", "/openai/deployments/gpt-35-turbo/images/generations?api-version=2024-10-21"),
        ("speech", "/openai/deployments/gpt-35-turbo/audio/speech?api-version=2024-10-21"),
        ("responses", "/openai/v1/responses"),
    ],
)
def test_azure_names_the_deployment_in_the_path(endpoint: str, url: str) -> None:
    request = pass_on(make_channel("azure", "k", AZURE), endpoint, "openai", "gpt-3.5-turbo", {})
    assert request.url == AZURE + url
    assert dict(request.headers)["api-key"] == "k"


def test_azure_takes_files_with_its_own_header() -> None:
    """The existing product sent these with a bearer."""
    channel = make_channel("azure", "k", AZURE)
    content = ("multipart/form-data; boundary=b", b"--b--")
    request = pass_on(channel, "transcriptions", "openai", "whisper", {}, content=content)
    told = dict(request.headers)
    assert request.url.startswith(f"{AZURE}/openai/deployments/whisper/audio/transcriptions?")
    assert (told["api-key"], told["content-type"]) == ("k", content[0])
    assert "authorization" not in told
    assert request.body == content[1]


def test_azure_keeps_dots_where_deployments_have_them() -> None:
    channel = make_channel("azure", "k", AZURE, {"api_version": "2025-04-01-preview"})
    for name in ("gpt-4.1", "gpt-5.1-mini", "my.own"):
        _, request = ask(channel, name)
        assert f"/deployments/{name}/" in request.url
        assert request.url.endswith("?api-version=2025-04-01-preview")


@pytest.mark.parametrize(
    ("model", "cross", "path"),
    [
        ("claude-opus-4-1", "us", "us.anthropic.claude-opus-4-1-20250805-v1%3A0"),
        ("claude-sonnet-5", "global.", "global.anthropic.claude-sonnet-5"),
        ("eu.anthropic.claude-sonnet-5", "us", "eu.anthropic.claude-sonnet-5"),
        ("anthropic.claude-sonnet-5", "us", "anthropic.claude-sonnet-5"),
        (
            "arn:aws:bedrock:us-east-1:1:inference-profile/abc",
            "us",
            "arn%3Aaws%3Abedrock%3Aus-east-1%3A1%3Ainference-profile%2Fabc",
        ),
    ],
)
def test_bedrock_names_models(model: str, cross: str, path: str) -> None:
    for kind, action in (("bedrock", "invoke"), ("bedrock-converse", "converse")):
        channel = make_channel(kind, "A|S|us-east-1", settings={"cross": cross})
        _, request = ask(channel, model)
        expected = f"https://bedrock-runtime.us-east-1.amazonaws.com/model/{path}/{action}"
        assert request.url == expected


def test_bedrock_gets_betas_in_the_body_and_only_those_it_knows() -> None:
    channel = make_channel("bedrock", "ABSKkey", settings={"region": "us-east-1"})
    betas = "claude-code-20250219, context-1m-2025-08-07,advanced-tool-use-2025-11-20"
    body = {**CLAUDE, "stream": True, "anthropic_version": "2023-06-01", "future": {"x": 1}}
    request = pass_on(
        channel, "messages", "anthropic", "claude-sonnet-5", body, headers=((BETA, betas),)
    )
    assert body_of(request) == {
        "max_tokens": 5,
        "messages": MESSAGES,
        "future": {"x": 1},
        "anthropic_version": "bedrock-2023-05-31",
        "anthropic_beta": ["context-1m-2025-08-07", "tool-search-tool-2025-10-19"],
    }
    assert BETA not in dict(request.headers)
    assert request.url.endswith("/model/anthropic.claude-sonnet-5/invoke-with-response-stream")


def test_anthropic_gets_betas_as_they_came() -> None:
    channel = make_channel("anthropic", "k")
    request = pass_on(
        channel, "messages", "anthropic", "m", CLAUDE, headers=((BETA, "claude-code-20250219"),)
    )
    told = dict(request.headers)
    assert (told[BETA], told["x-api-key"]) == ("claude-code-20250219", "k")
    assert "authorization" not in told


@pytest.mark.parametrize(
    ("location", "host"),
    [
        ("", "https://us-east5-aiplatform.googleapis.com"),
        ("europe-west1", "https://europe-west1-aiplatform.googleapis.com"),
        ("global", "https://aiplatform.googleapis.com"),
        ("eu", "https://aiplatform.eu.rep.googleapis.com"),
    ],
)
def test_vertex_has_a_host_for_each_location(location: str, host: str) -> None:
    channel = make_channel("vertex", "r|i|s", settings={"project": "p", "location": location})
    headers = ((BETA, "web-search-2025-03-05,claude-code-20250219"),)
    request = pass_on(
        channel, "messages", "anthropic", "claude-opus-4-7", CLAUDE, headers=headers, token="t"
    )
    path = f"/v1/projects/p/locations/{location or 'us-east5'}/publishers/anthropic/models/"
    assert request.url == f"{host}{path}claude-opus-4-7:rawPredict"
    told = dict(request.headers)
    assert (told["authorization"], told[BETA]) == ("Bearer t", "web-search-2025-03-05")
    assert not told.keys() & {"x-api-key", "anthropic-version"}


def test_vertex_in_express_mode_names_no_project() -> None:
    _, request = ask(make_channel("vertex-gemini", "AQ.k"), "gemini-3.5-flash", is_stream=True)
    base = "https://aiplatform.googleapis.com/v1/publishers/google/models"
    assert request.url == f"{base}/gemini-3.5-flash:streamGenerateContent?alt=sse"
    assert dict(request.headers)["x-goog-api-key"] == "AQ.k"
    named = make_channel("vertex-gemini", "AQ.k", settings={"project": "p"})
    _, request = ask(named, "gemini-3.5-flash")
    assert "/v1/projects/p/locations/global/publishers/" in request.url


def test_vertex_behind_an_operators_proxy() -> None:
    channel = make_channel("vertex", "r|i|s", "https://proxy.example/google", {"project": "p"})
    _, request = ask(channel, "claude-opus-4-7", token="t")
    assert request.url.startswith("https://proxy.example/google/v1/projects/p/locations/us-east5/")


def test_gemini_speaks_openai_under_another_address() -> None:
    channel = make_channel("gemini", "k")
    base = "https://generativelanguage.googleapis.com/v1beta"
    embeddings = pass_on(channel, "embeddings", "openai", "gemini-embedding-001", {})
    assert embeddings.url == f"{base}/openai/embeddings"
    assert dict(embeddings.headers)["authorization"] == "Bearer k"
    native = pass_on(channel, "generate", "gemini", "gemini-3.5-flash", {"contents": []})
    assert native.url == f"{base}/models/gemini-3.5-flash:generateContent"
    assert dict(native.headers)["x-goog-api-key"] == "k"
    assert "authorization" not in dict(native.headers)


@pytest.mark.parametrize(
    ("kind", "endpoint", "url"),
    [
        ("cohere", "embeddings", "https://api.cohere.ai/compatibility/v1/embeddings"),
        ("cohere", "rerank", "https://api.cohere.ai/v2/rerank"),
        ("perplexity", "embeddings", "https://api.perplexity.ai/v1/embeddings"),
        ("stability", "images", "https://api.stability.ai/v2beta/stable-image/generate/core"),
    ],
)
def test_what_is_no_text_has_addresses_too(kind: str, endpoint: str, url: str) -> None:
    assert pass_on(make_channel(kind), endpoint, "openai", "core", {}).url == url


@pytest.mark.parametrize(
    ("base", "url"),
    [
        ("", "http://localhost:11434/api/chat"),
        ("http://h:1/", "http://h:1/api/chat"),
        ("http://h:1/v1", "http://h:1/api/chat"),
        ("https://ollama.com/api", "https://ollama.com/api/chat"),
    ],
)
def test_ollamas_own_api(base: str, url: str) -> None:
    channel = make_channel("ollama", "", base, {"dialects": "ollama"})
    dialect, request = ask(channel)
    assert (dialect, request.url) == ("ollama", url)
    assert "authorization" not in dict(request.headers)


def test_ollama_speaks_what_its_settings_say() -> None:
    channel = make_channel("ollama", settings={"dialects": "ollama, openai"})
    adaptor = adaptor_of(channel.kind)
    assert adaptor.dialect_for(channel, "openai", "m") == "openai"
    assert adaptor.dialect_for(channel, "anthropic", "m") == "ollama"


def test_deepls_address_follows_from_the_key() -> None:
    for key, base, host in (
        ("k:fx", "", "https://api-free.deepl.com"),
        ("k", "", "https://api.deepl.com"),
        ("k", "https://proxy.example", "https://proxy.example"),
    ):
        _, request = ask(make_channel("deepl", key, base), "deepl-de")
        assert request.url == f"{host}/v2/translate"


@pytest.mark.parametrize(
    ("model", "path"),
    [("generalv3.5", "/v1/"), ("x1", "/v2/"), ("spark-x", "/v2/")],
)
def test_xunfeis_thinkers_have_another_version(model: str, path: str) -> None:
    _, request = ask(make_channel("xunfei", "password"), model)
    assert request.url == f"https://spark-api-open.xf-yun.com{path}chat/completions"
    assert dict(request.headers)["authorization"] == "Bearer password"
