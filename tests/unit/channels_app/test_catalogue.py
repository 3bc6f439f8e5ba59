"""The table of channel kinds: complete, free of contradictions, and joining addresses rightly."""

from collections import Counter

import pytest

from channels_app import catalogue, kind_models
from channels_app.catalogue import (
    KINDS,
    PATHS,
    MissingBaseUrl,
    UnknownKind,
    endpoint_url,
    find_kind,
)
from channels_app.kind_models import default_models, owner_of

DIALECTS = {"openai", "responses", "anthropic", "gemini"}
CAPABILITIES = {
    *("chat", "completions", "embeddings", "moderations", "images"),
    *("audio", "responses", "realtime", "rerank", "midjourney"),
}
AUTHS = {
    *("bearer", "x-api-key", "x-goog-api-key", "api-key"),
    *("sigv4", "google-oauth", "deepl", "xunfei"),
}
OLD_NUMBERS = {
    1: "openai",
    2: "midjourney",
    3: "azure",
    8: "custom",
    14: "anthropic",
    15: "baidu",
    16: "zhipu",
    17: "ali",
    18: "xunfei",
    23: "tencent",
    24: "gemini",
    31: "minimax",
    33: "ollama",
    35: "bedrock",
    37: "cohere",
    38: "deepseek",
    41: "doubao",
    42: "vertex",
    43: "xai",
}


def test_numbers_run_without_gap_and_names_are_unique() -> None:
    assert [kind.number for kind in KINDS.values()] == list(range(68))
    assert len(catalogue._ROWS) == len(KINDS)
    names = Counter(kind.name for kind in KINDS.values())
    labels = Counter(kind.label for kind in KINDS.values())
    assert not [name for name, count in (names + labels).items() if count > 1]


def test_numbers_of_the_existing_product_keep_their_meaning() -> None:
    assert {number: KINDS[number].name for number in OLD_NUMBERS} == OLD_NUMBERS


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.name)
def test_row_is_free_of_contradictions(kind: catalogue.Kind) -> None:
    assert kind.dialects <= DIALECTS
    assert kind.capabilities <= CAPABILITIES
    assert kind.auth in AUTHS
    assert set(kind.paths) <= set(PATHS)
    assert all(path.startswith("/") and path != PATHS[key] for key, path in kind.paths.items())
    assert ("responses" in kind.dialects) == ("responses" in kind.capabilities)
    assert kind.base_url == "" or kind.base_url.startswith(("https://", "http://localhost:"))
    assert not kind.base_url.endswith("/")
    assert hash(kind)


def test_kind_is_found_by_number_name_label_and_alias() -> None:
    assert find_kind("29") is find_kind(" Groq ") is KINDS[29]
    assert find_kind("claude") is find_kind("ANTHROPIC CLAUDE") is find_kind("14")
    assert find_kind("360") is KINDS[19]
    assert all(find_kind(kind.name) is kind for kind in KINDS.values())


def test_unknown_kind_names_its_neighbours() -> None:
    with pytest.raises(UnknownKind, match="did you mean deepseek"):
        find_kind("deepsek")
    with pytest.raises(UnknownKind):
        find_kind("4711")


CHAT = "/v1/chat/completions"


@pytest.mark.parametrize(
    ("kind", "base_url", "endpoint", "url"),
    [
        ("openai", "", "chat", "https://api.openai.com" + CHAT),
        ("openai", "https://proxy.example/", "chat", "https://proxy.example" + CHAT),
        ("openai", "https://proxy.example/v1", "chat", "https://proxy.example" + CHAT),
        (
            "openai",
            "https://proxy.example/v1/",
            "images",
            "https://proxy.example/v1/images/generations",
        ),
        ("openai", "http://v1", "chat", "http://v1" + CHAT),
        (
            "openrouter",
            "https://openrouter.ai/api/v1",
            "messages",
            "https://openrouter.ai/api/v1/messages",
        ),
        ("custom", "https://proxy.example/any/", "chat", "https://proxy.example/any/"),
        (
            "openai-compatible",
            "https://h.example/api/v4",
            "chat",
            "https://h.example/api/v4/chat/completions",
        ),
        ("zhipu", "", "chat", "https://open.bigmodel.cn/api/paas/v4/chat/completions"),
        (
            "zhipu",
            "https://open.bigmodel.cn/api/coding/paas/v4",
            "chat",
            "https://open.bigmodel.cn/api/coding/paas/v4/chat/completions",
        ),
        (
            "zhipu",
            "https://open.bigmodel.cn/api/paas/v4",
            "messages",
            "https://open.bigmodel.cn/api/anthropic/v1/messages",
        ),
        (
            "deepseek",
            "https://api.deepseek.com/anthropic",
            "chat",
            "https://api.deepseek.com" + CHAT,
        ),
        (
            "deepseek",
            "https://api.deepseek.com/v1",
            "messages",
            "https://api.deepseek.com/anthropic/v1/messages",
        ),
        (
            "ali",
            "https://dashscope.aliyuncs.com/compatible-mode/v1",
            "rerank",
            "https://dashscope.aliyuncs.com/compatible-api/v1/reranks",
        ),
        ("doubao", "", "embeddings", "https://ark.cn-beijing.volces.com/api/v3/embeddings"),
        ("baidu", "", "chat", "https://qianfan.baidubce.com/v2/chat/completions"),
        ("cohere", "https://api.cohere.com/v2", "chat", "https://api.cohere.com/v2/chat"),
        (
            "cohere",
            "https://api.cohere.com/v2",
            "embeddings",
            "https://api.cohere.com/compatibility/v1/embeddings",
        ),
        (
            "gemini",
            "",
            "chat",
            "https://generativelanguage.googleapis.com/v1beta/openai/chat/completions",
        ),
        (
            "gemini",
            "https://generativelanguage.googleapis.com/v1beta/",
            "generate",
            "https://generativelanguage.googleapis.com/v1beta/models/{model}:{action}",
        ),
        ("dify", "https://api.dify.ai/v1", "chat", "https://api.dify.ai/v1/chat-messages"),
        (
            "azure",
            "https://x.openai.azure.com/",
            "chat",
            "https://x.openai.azure.com/openai/deployments/{model}/chat/completions",
        ),
        (
            "azure-v1",
            "https://x.openai.azure.com/openai/v1/",
            "chat",
            "https://x.openai.azure.com/openai/v1/chat/completions",
        ),
        ("midjourney", "https://mj.example", "midjourney", "https://mj.example/mj"),
        (
            "openai",
            "https://gateway.ai.cloudflare.com/v1/a/g/openai",
            "chat",
            "https://gateway.ai.cloudflare.com/v1/a/g/openai/chat/completions",
        ),
        (
            "azure",
            "https://gateway.ai.cloudflare.com/v1/a/g/azure-openai/r",
            "chat",
            "https://gateway.ai.cloudflare.com/v1/a/g/azure-openai/r/{model}/chat/completions",
        ),
    ],
)
def test_base_and_path_are_joined(kind: str, base_url: str, endpoint: str, url: str) -> None:
    assert endpoint_url(find_kind(kind), base_url, endpoint) == url


@pytest.mark.parametrize("name", ["azure", "custom", "openai-compatible"])
def test_kind_without_an_address_wants_a_base_url(name: str) -> None:
    with pytest.raises(MissingBaseUrl):
        endpoint_url(find_kind(name), " ", "chat")


def test_gemini_wants_a_bearer_where_it_speaks_openai() -> None:
    gemini = find_kind("gemini")

    assert "openai" in gemini.dialects
    assert (gemini.auth_for("gemini"), gemini.auth_for("openai")) == ("x-goog-api-key", "bearer")
    assert "openai" not in find_kind("anthropic").dialects


def test_models_are_offered_and_owned() -> None:
    assert "gpt-4o" in default_models(find_kind("openai"))
    assert default_models(find_kind("azure")) == default_models(find_kind("openai"))
    assert default_models(find_kind("vertex")) == default_models(find_kind("anthropic"))
    assert default_models(find_kind("vllm")) == ()
    assert "gpt-4-32k" not in default_models(find_kind("openai")), "known, but gone"
    assert owner_of("gpt-4-32k") == "openai"
    assert owner_of("qwen3.8-max") == "ali"
    assert owner_of("no-such-model") is None


def test_models_belong_to_kinds_and_stand_there_once() -> None:
    rows = Counter((kind, model) for kind, model, _ in kind_models._read_models())

    assert {kind for kind, _ in rows} <= {kind.name for kind in KINDS.values()}
    assert set(rows.values()) == {1}
