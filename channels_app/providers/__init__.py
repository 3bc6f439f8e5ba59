"""The adaptors, by kind: those with nothing of their own share one."""

from channels_app.catalogue import Kind
from channels_app.providers.azure import AzureAdaptor, AzureV1Adaptor
from channels_app.providers.base import Adaptor
from channels_app.providers.bedrock import BedrockClaudeAdaptor, ConverseAdaptor
from channels_app.providers.families import (
    AnthropicAdaptor,
    BaiduAdaptor,
    GeminiAdaptor,
    TencentAdaptor,
    XaiAdaptor,
    XunfeiAdaptor,
    ZhipuAdaptor,
)
from channels_app.providers.http import HttpAdaptor
from channels_app.providers.openai import OpenaiAdaptor
from channels_app.providers.own_formats import (
    CohereAdaptor,
    CozeAdaptor,
    DeeplAdaptor,
    DifyAdaptor,
    LibraryAdaptor,
    OllamaAdaptor,
)
from channels_app.providers.vertex import VertexClaudeAdaptor, VertexGeminiAdaptor

USUAL = HttpAdaptor()
_OWN: dict[str, Adaptor] = {
    "aiproxy-library": LibraryAdaptor(),
    "anthropic": AnthropicAdaptor(),
    "azure": AzureAdaptor(),
    "azure-v1": AzureV1Adaptor(),
    "baidu": BaiduAdaptor(),
    "bedrock": BedrockClaudeAdaptor(),
    "bedrock-converse": ConverseAdaptor(),
    "cohere": CohereAdaptor(),
    "coze": CozeAdaptor(),
    "deepl": DeeplAdaptor(),
    "dify": DifyAdaptor(),
    "gemini": GeminiAdaptor(),
    "ollama": OllamaAdaptor(),
    "openai": OpenaiAdaptor(),
    "tencent": TencentAdaptor(),
    "vertex": VertexClaudeAdaptor(),
    "vertex-gemini": VertexGeminiAdaptor(),
    "xai": XaiAdaptor(),
    "xunfei": XunfeiAdaptor(),
    "zai": ZhipuAdaptor(),
    "zhipu": ZhipuAdaptor(),
}


def adaptor_of(kind: Kind) -> Adaptor:
    return _OWN.get(kind.name, USUAL)


__all__ = ["Adaptor", "adaptor_of"]
