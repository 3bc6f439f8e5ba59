"""Every kind in the catalogue: where a chat goes, with which key, in which dialect."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest

from channels_app.catalogue import KINDS
from channels_app.failures import UpstreamFailure
from channels_app.providers import adaptor_of
from tests.unit.channels_app.providers.asking import ask, body_of, make_channel

OWN = "https://h.example"
BEARER = ("authorization", "Bearer key")
API_KEY = ("api-key", "key")
SIGNED = ("authorization", "AWS4-HMAC-SHA256 Credential=A/20261118/us-east-1/bedrock/aws4_request")
TOKEN = ("authorization", "Bearer token")
CHAT = "/v1/chat/completions"
PUBLISHERS = "/v1/projects/p/locations"


@dataclass(frozen=True)
class Case:
    """`url` of a kind without an address of its own is under OWN."""

    url: str
    auth: tuple[str, str] = BEARER
    dialect: str = "openai"
    key: str = "key"
    settings: Mapping[str, str] = field(default_factory=dict)
    model: str = "model-1"
    token: str = ""


def native(url: str, dialect: str, **settings: str) -> Case:
    return Case(url, dialect=dialect, settings=settings)


CASES = {
    0: Case(OWN + CHAT),
    1: Case("https://api.openai.com" + CHAT),
    2: Case("https://oa.api2d.net" + CHAT),
    3: Case(
        OWN + "/openai/deployments/model-1/chat/completions?api-version=2024-10-21", auth=API_KEY
    ),
    4: Case("https://api.closeai-proxy.xyz" + CHAT),
    5: Case("https://api.openai-sb.com" + CHAT),
    6: Case("https://api.openaimax.com" + CHAT),
    7: Case("https://api.ohmygpt.com" + CHAT),
    8: Case(OWN),
    9: Case("https://api.caipacity.com" + CHAT),
    10: Case("https://api.aiproxy.io" + CHAT),
    12: Case("https://api.api2gpt.com" + CHAT),
    13: Case("https://api.aigc2d.com" + CHAT),
    14: Case("https://api.anthropic.com/v1/messages", ("x-api-key", "key"), "anthropic"),
    15: Case("https://qianfan.baidubce.com/v2/chat/completions"),
    16: Case("https://open.bigmodel.cn/api/paas/v4/chat/completions"),
    17: Case("https://dashscope.aliyuncs.com/compatible-mode/v1/chat/completions"),
    18: Case(
        "https://spark-api-open.xf-yun.com" + CHAT,
        ("authorization", "Bearer apikey:secret"),
        key="appid|secret|apikey",
    ),
    19: Case("https://api.360.cn" + CHAT),
    20: Case("https://openrouter.ai/api" + CHAT),
    21: native("https://api.aiproxy.io/api/library/ask", "aiproxy_library", library_id="l"),
    22: Case("https://cloud.fastgpt.cn/api" + CHAT),
    23: Case("https://api.hunyuan.cloud.tencent.com" + CHAT),
    24: Case("https://generativelanguage.googleapis.com/v1beta/openai/chat/completions"),
    25: Case(OWN + CHAT),
    26: Case(OWN + CHAT),
    27: Case("https://api.moonshot.cn" + CHAT),
    29: Case("https://api.groq.com/openai" + CHAT),
    30: Case("https://api.baichuan-ai.com" + CHAT),
    31: Case("https://api.minimaxi.com" + CHAT),
    32: Case("https://api.mistral.ai" + CHAT),
    33: Case("http://localhost:11434" + CHAT),
    34: Case("https://api.lingyiwanwu.com" + CHAT),
    35: Case(
        "https://bedrock-runtime.us-east-1.amazonaws.com/model/"
        "anthropic.claude-sonnet-4-5-20250929-v1%3A0/invoke",
        SIGNED,
        "anthropic",
        key="A|S|us-east-1",
        model="claude-sonnet-4-5",
    ),
    36: native("https://api.coze.com/v3/chat", "coze"),
    37: native("https://api.cohere.ai/v2/chat", "cohere"),
    38: Case("https://api.deepseek.com" + CHAT),
    39: Case("https://api.together.xyz" + CHAT),
    40: Case(
        "https://api.deepl.com/v2/translate", ("authorization", "DeepL-Auth-Key key"), "deepl"
    ),
    41: Case("https://ark.cn-beijing.volces.com/api/v3/chat/completions"),
    42: Case(
        "https://us-east5-aiplatform.googleapis.com"
        f"{PUBLISHERS}/us-east5/publishers/anthropic/models/claude-opus-4-1@20250805:rawPredict",
        TOKEN,
        "anthropic",
        "refresh|id|secret",
        {"project": "p"},
        "claude-opus-4-1-20250805",
        "token",
    ),
    43: Case("https://api.x.ai" + CHAT),
    44: Case(OWN + CHAT),
    45: Case(OWN + "/openai/v1/chat/completions", auth=API_KEY),
    46: Case(
        "https://aiplatform.googleapis.com"
        f"{PUBLISHERS}/global/publishers/google/models/gemini-3.5-flash:generateContent",
        TOKEN,
        "gemini",
        "refresh|id|secret",
        {"project": "p"},
        "gemini-3.5-flash",
        "token",
    ),
    47: Case(
        "https://bedrock-runtime.eu-west-1.amazonaws.com/model/amazon.nova-pro-v1%3A0/converse",
        BEARER,
        "converse",
        settings={"region": "eu-west-1"},
        model="amazon.nova-pro-v1:0",
    ),
    48: Case("https://api.siliconflow.cn" + CHAT),
    49: native("https://api.perplexity.ai/v1/responses", "responses"),
    52: Case("https://api.fireworks.ai/inference" + CHAT),
    53: Case("https://api.cerebras.ai" + CHAT),
    54: Case("https://integrate.api.nvidia.com" + CHAT),
    55: Case("https://models.github.ai/inference/chat/completions"),
    56: native("https://api.dify.ai/v1/chat-messages", "dify"),
    57: native(
        "https://api.cloudflare.com/client/v4/accounts/abc/ai" + CHAT, "openai", account_id="abc"
    ),
    58: Case("http://localhost:1234" + CHAT),
    59: Case("http://localhost:8000" + CHAT),
    60: Case("http://localhost:9997" + CHAT),
    61: Case("https://api.z.ai/api/paas/v4/chat/completions"),
    62: Case("https://router.huggingface.co" + CHAT),
    63: Case("https://api.sambanova.ai" + CHAT),
    64: Case("https://api.hyperbolic.xyz" + CHAT),
    65: Case("https://api.novita.ai/openai" + CHAT),
    66: Case(OWN + CHAT),
    67: Case(OWN + CHAT),
}
WITHOUT_CHAT = {11, 28, 50, 51}


def test_every_kind_is_here() -> None:
    assert CASES.keys() | WITHOUT_CHAT == KINDS.keys()


@pytest.mark.parametrize("is_stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("number", sorted(CASES.keys() - WITHOUT_CHAT))
def test_chat_goes_to_the_right_place_with_the_right_key(number: int, *, is_stream: bool) -> None:
    case, kind = CASES[number], KINDS[number]
    base_url = "" if kind.base_url else OWN
    channel = make_channel(kind.name, case.key, base_url, case.settings)
    dialect, request = ask(channel, case.model, is_stream=is_stream, token=case.token)
    told = dict(request.headers)
    streamed_url = {
        "/invoke": "/invoke-with-response-stream",
        "/converse": "/converse-stream",
        ":rawPredict": ":streamRawPredict",
        ":generateContent": ":streamGenerateContent?alt=sse",
    }
    url = case.url
    for end, streamed in streamed_url.items():
        url = url.removesuffix(end) + streamed if is_stream and url.endswith(end) else url
    assert (dialect, request.method, request.url) == (case.dialect, "POST", url)
    assert told[case.auth[0]].startswith(case.auth[1])
    assert told["content-type"] == "application/json"
    assert len(told) == len(request.headers), "no header twice"
    body = body_of(request)
    assert "How are you?" in json.dumps(body)
    has_model_in_path = dialect in {"converse", "gemini"} or number in {35, 42}
    assert ("model" in body) == (not has_model_in_path and dialect not in {"coze", "dify", "deepl"})


@pytest.mark.parametrize("number", sorted(WITHOUT_CHAT))
def test_kind_without_text_says_so(number: int) -> None:
    channel = make_channel(KINDS[number].name, base_url=OWN)
    with pytest.raises(UpstreamFailure, match="no such calls"):
        adaptor_of(channel.kind).dialect_for(channel, "openai", "m")
