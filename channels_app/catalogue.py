"""The kinds of channels as one table: who the providers are, what they speak, at which address."""

import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from types import MappingProxyType
from urllib.parse import urlsplit

_VERSION = re.compile(r"/v\d+[a-z0-9]*(?=/|$)")
_CLOUDFLARE_GATEWAY = "https://gateway.ai.cloudflare.com/"

_OPENAI_PATHS = {
    "chat": "/v1/chat/completions",
    "completions": "/v1/completions",
    "edits": "/v1/edits",
    "embeddings": "/v1/embeddings",
    "moderations": "/v1/moderations",
    "images": "/v1/images/generations",
    "image_edits": "/v1/images/edits",
    "image_variations": "/v1/images/variations",
    "speech": "/v1/audio/speech",
    "transcriptions": "/v1/audio/transcriptions",
    "translations": "/v1/audio/translations",
    "responses": "/v1/responses",
    "realtime": "/v1/realtime",
    "rerank": "/v1/rerank",
    "models": "/v1/models",
}
_CLAUDE_PATHS = {"messages": "/v1/messages", "count_tokens": "/v1/messages/count_tokens"}
_OTHER_PATHS = {"generate": "/v1beta/models/{model}:{action}", "midjourney": "/mj"}
PATHS: Mapping[str, str] = MappingProxyType(_OPENAI_PATHS | _CLAUDE_PATHS | _OTHER_PATHS)
"""Endpoint -> its usual path. Names in braces, here and in the table, the adaptor fills in."""


class UnknownKind(LookupError):
    """No kind has this number, name or alias."""


class MissingBaseUrl(ValueError):
    """The kind has no address of its own, and none was given."""


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


def _paths(openai: str = "", claude: str = "", **others: str) -> Mapping[str, str]:
    """The paths of a kind whose OpenAI or Claude API is mounted elsewhere than at /v1."""
    moved = {name: openai + _tail(path) for name, path in _OPENAI_PATHS.items() if openai}
    moved |= {name: claude + _tail(path) for name, path in _CLAUDE_PATHS.items() if claude}
    return MappingProxyType(moved | others)


def _tail(path: str) -> str:
    return _VERSION.sub("", path, count=1) if _VERSION.match(path) else path


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of channel.

    `dialects` are those it speaks itself, so that bytes can pass through; the hub translates the
    others. `capabilities` are the endpoints it answers, translated or not; `settings` the names
    of what it asks for besides address and key.
    """

    number: int
    name: str
    label: str
    base_url: str = ""
    dialects: frozenset[str] = _set("openai")
    auth: str = "bearer"
    capabilities: frozenset[str] = _set("chat")
    key_format: str = ""
    paths: Mapping[str, str] = field(default_factory=_paths, hash=False)
    balance: str = ""
    note: str = ""
    settings: frozenset[str] = frozenset()

    @property
    def is_usable(self) -> bool:
        """Whether the provider still answers anything."""
        return bool(self.capabilities)

    def auth_for(self, dialect: str) -> str:
        """One scheme for all dialects, but Gemini's OpenAI-shaped endpoints want a bearer."""
        return "bearer" if self.auth == "x-goog-api-key" and dialect == "openai" else self.auth


def find_kind(text: str) -> Kind:
    """The kind of this number, name, label or alias; upper and lower case are the same."""
    wanted = text.strip().casefold()
    if wanted.isdecimal() and int(wanted) in KINDS:
        return KINDS[int(wanted)]
    names = _kinds_by_name()
    if wanted in names:
        return names[wanted]
    near = difflib.get_close_matches(wanted, names, n=3)
    hint = f"; did you mean {', '.join(near)}?" if near else ""
    raise UnknownKind(f"there is no kind of channel named {text!r}{hint}")


def endpoint_url(kind: Kind, base_url: str, endpoint: str) -> str:
    """The address of an endpoint (a key of PATHS) under a channel's base URL.

    Whichever base URL the provider's documentation gives for one dialect serves all of them: what
    base and path have in common is not doubled. A version the operator wrote wins over ours.
    """
    base = (base_url.strip() or kind.base_url).rstrip("/")
    if not base:
        raise MissingBaseUrl(f"a channel of kind {kind.name} needs a base URL")
    if kind.name == "custom":
        return base_url.strip()
    path = kind.paths.get(endpoint) or PATHS[endpoint]
    if base.startswith(_CLOUDFLARE_GATEWAY) and endpoint in _OPENAI_PATHS:
        return base + _tail(path).removeprefix("/openai/deployments")
    mount = urlsplit(base).path
    root = max((root for root in _roots(kind) if mount.endswith(root)), key=len, default="")
    mount = mount.removesuffix(root)
    if _VERSION.fullmatch(mount, mount.rfind("/")):
        path = _without_version(path, PATHS[endpoint])
    return base.removesuffix(root) + path


def _roots(kind: Kind) -> Iterator[str]:
    """Where the kind's APIs are mounted, with and without /v1: what people paste as a base URL."""
    if "chat" not in kind.paths:
        yield "/v1"
    for endpoint, path in kind.paths.items():
        root = path.removesuffix(_tail(PATHS[endpoint]))
        yield from {root, root.removesuffix("/v1")} - {"", path}


def _without_version(path: str, usual: str) -> str:
    """What is left to append when the base already ends in a version."""
    if _tail(path) != path or not path.endswith(_tail(usual)):
        return _tail(path)
    return _tail(usual)


@cache
def _kinds_by_name() -> Mapping[str, Kind]:
    names = {kind.label.casefold(): kind for kind in _ROWS}
    own = {kind.name: kind for kind in _ROWS}
    for name, aliases in _ALIASES.items():
        names |= dict.fromkeys(aliases.split(), own[name])
    return names | own


def _(text: str) -> str:
    """Marks a text that the console translates; the table itself does without Django."""
    return text


_NONE: frozenset[str] = frozenset()
_RESPONSES = _set("openai responses")
_CLAUDE = _set("openai anthropic")
_NOT_GEMINI = _set("openai responses anthropic")
_BASIC = _set("chat embeddings")
_TEXT = _set("chat completions embeddings")
_COMMON = _set("chat completions embeddings moderations images audio")
_FULL = _COMMON | _set("responses realtime")
_PUBLISHERS = "/v1/projects/{project}/locations/{location}/publishers"
_VERTEX = "https://{location}-aiplatform.googleapis.com"
_BEDROCK = "https://bedrock-runtime.{region}.amazonaws.com"
_GOOGLE_KEY = _("service-account JSON, or refresh_token|client_id|client_secret")
_GOOGLE_OR_API_KEY = _(
    "service-account JSON, or refresh_token|client_id|client_secret, or an API key"
)
_AWS_KEY = _("AccessKey|SecretKey|Region, or a Bedrock API key")
_AWS_SETTINGS = _set("region cross")
_PICTURES = _set("original_image_url")
_GOOGLE_SETTINGS = _set("project location token_uri")
_AZURE_PATHS = _paths(
    openai="/openai/deployments/{model}",
    responses="/openai/v1/responses",
    realtime="/openai/realtime",
    models="/openai/models",
)

# 0-43 keep the numbers of the existing product, also where the provider's API has changed since.
_ROWS: tuple[Kind, ...] = (
    Kind(0, "unknown", "Unknown, OpenAI-shaped", capabilities=_COMMON),
    Kind(1, "openai", "OpenAI", "https://api.openai.com", _RESPONSES,
         capabilities=_FULL, key_format="sk-…", balance="openai", settings=_set("dialects"),
         note=_("For another provider's address choose OpenAI-compatible.")),
    Kind(2, "midjourney", "Midjourney Proxy / API2D", "https://oa.api2d.net",
         capabilities=_COMMON | {"midjourney"}, key_format=_("API key, or mj-api-secret"),
         settings=_PICTURES),
    Kind(3, "azure", "Azure OpenAI", "", _RESPONSES, "api-key", _FULL, paths=_AZURE_PATHS,
         note=_("Model names are deployment names."), settings=_set("api_version")),
    Kind(4, "closeai", "CloseAI", "https://api.closeai-proxy.xyz", _RESPONSES,
         capabilities=_FULL, balance="closeai"),
    Kind(5, "openai-sb", "OpenAI-SB", "https://api.openai-sb.com", _RESPONSES,
         capabilities=_FULL, balance="openai-sb"),
    Kind(6, "openaimax", "OpenAIMax", "https://api.openaimax.com", _RESPONSES, capabilities=_FULL),
    Kind(7, "ohmygpt", "OhMyGPT", "https://api.ohmygpt.com", _RESPONSES, capabilities=_FULL),
    Kind(8, "custom", "Custom", capabilities=_COMMON, balance="openai",
         note=_("The base URL is the complete address; nothing is appended.")),
    Kind(9, "ails", "AILS", "https://api.caipacity.com", _RESPONSES, capabilities=_FULL),
    Kind(10, "aiproxy", "AI Proxy", "https://api.aiproxy.io", _RESPONSES,
         capabilities=_FULL, balance="aiproxy"),
    Kind(11, "palm", "Google PaLM 2", "", _NONE, "x-goog-api-key", _NONE,
         note=_("Google has switched PaLM off; make a Gemini channel instead.")),
    Kind(12, "api2gpt", "API2GPT", "https://api.api2gpt.com", _RESPONSES,
         capabilities=_FULL, balance="api2gpt"),
    Kind(13, "aigc2d", "AIGC2D", "https://api.aigc2d.com", _RESPONSES,
         capabilities=_FULL, balance="aigc2d"),
    Kind(14, "anthropic", "Anthropic Claude", "https://api.anthropic.com", _set("anthropic"),
         "x-api-key", key_format="sk-ant-…"),
    Kind(15, "baidu", "Baidu Qianfan", "https://qianfan.baidubce.com",
         capabilities=_set("chat embeddings images rerank"), key_format="bce-v3/ALTAK-…/…",
         paths=_paths("/v2"),
         note=_("The v2 API needs a new API key; an old APIKey|SecretKey pair is refused.")),
    Kind(16, "zhipu", "Zhipu GLM", "https://open.bigmodel.cn", _CLAUDE,
         capabilities=_set("chat embeddings images audio rerank"), key_format="id.secret",
         paths=_paths("/api/paas/v4", "/api/anthropic/v1")),
    Kind(17, "ali", "Alibaba Model Studio (Qwen)", "https://dashscope.aliyuncs.com", _NOT_GEMINI,
         capabilities=_TEXT | {"responses", "rerank"}, key_format="sk-…",
         paths=_paths("/compatible-mode/v1", "/apps/anthropic/v1",
                      responses="/api/v2/apps/protocols/compatible-mode/v1/responses",
                      rerank="/compatible-api/v1/reranks")),
    Kind(18, "xunfei", "iFlytek Spark", "https://spark-api-open.xf-yun.com", auth="xunfei",
         key_format=_("APIPassword, or APPID|APISecret|APIKey"),
         note=_("An old key triple works: the bearer is APIKey:APISecret.")),
    Kind(19, "ai360", "360 Zhinao", "https://api.360.cn", _CLAUDE, capabilities=_BASIC),
    Kind(20, "openrouter", "OpenRouter", "https://openrouter.ai/api", _NOT_GEMINI,
         capabilities=_TEXT | {"responses"}, key_format="sk-or-…", balance="openrouter"),
    Kind(21, "aiproxy-library", "AI Proxy Library", "https://api.aiproxy.io", _NONE,
         paths=_paths(chat="/api/library/ask"), settings=_set("library_id")),
    Kind(22, "fastgpt", "FastGPT", "https://cloud.fastgpt.cn/api", key_format="APIKey-AppId"),
    Kind(23, "tencent", "Tencent Hunyuan", "https://api.hunyuan.cloud.tencent.com", _CLAUDE,
         capabilities=_BASIC, key_format="sk-…", paths=_paths(claude="/anthropic/v1"),
         note=_("An old AppId|SecretId|SecretKey does not work here; make an API key.")),
    Kind(24, "gemini", "Google Gemini", "https://generativelanguage.googleapis.com",
         _set("openai gemini"), "x-goog-api-key", _BASIC | {"images"},
         key_format="AIza…", paths=_paths("/v1beta/openai")),
    Kind(25, "chatbot", "ChatBot", capabilities=_COMMON),
    Kind(26, "lobechat", "LobeChat", capabilities=_COMMON),
    Kind(27, "moonshot", "Moonshot (Kimi)", "https://api.moonshot.cn", _CLAUDE, key_format="sk-…",
         paths=_paths(claude="/anthropic/v1"), balance="moonshot"),
    Kind(28, "stability", "Stability AI", "https://api.stability.ai", _NONE,
         capabilities=_set("images"), key_format="sk-…",
         paths=_paths(images="/v2beta/stable-image/generate/{model}")),
    Kind(29, "groq", "Groq", "https://api.groq.com/openai", _RESPONSES,
         capabilities=_set("chat audio responses"), key_format="gsk_…"),
    Kind(30, "baichuan", "Baichuan", "https://api.baichuan-ai.com", capabilities=_BASIC),
    Kind(31, "minimax", "MiniMax", "https://api.minimaxi.com", _CLAUDE,
         paths=_paths(claude="/anthropic/v1"),
         note=_("Outside China the base URL is https://api.minimax.io.")),
    Kind(32, "mistral", "Mistral AI", "https://api.mistral.ai",
         capabilities=_set("chat embeddings moderations audio")),
    Kind(33, "ollama", "Ollama", "http://localhost:11434", _NOT_GEMINI,
         capabilities=_TEXT | {"responses"}, key_format=_("none needed on your own machine"),
         note=_("Needs Ollama 0.14 or later for Claude Messages and Responses."),
         settings=_set("dialects")),
    Kind(34, "lingyiwanwu", "01.AI", "https://api.lingyiwanwu.com"),
    Kind(35, "bedrock", "AWS Bedrock: Claude", _BEDROCK, _set("anthropic"), "sigv4",
         key_format=_AWS_KEY, paths=_paths(messages="/model/{model}/{action}"),
         settings=_AWS_SETTINGS),
    Kind(36, "coze", "Coze", "https://api.coze.com", _NONE, key_format="pat_…",
         paths=_paths(chat="/v3/chat"), settings=_set("user_id"),
         note=_("The model is the bot id. In China the base URL is https://api.coze.cn.")),
    Kind(37, "cohere", "Cohere", "https://api.cohere.ai", _NONE,
         capabilities=_BASIC | {"rerank"},
         paths=_paths("/compatibility/v1", chat="/v2/chat", rerank="/v2/rerank")),
    Kind(38, "deepseek", "DeepSeek", "https://api.deepseek.com", _CLAUDE,
         capabilities=_set("chat completions"), key_format="sk-…", balance="deepseek",
         paths=_paths(claude="/anthropic/v1", completions="/beta/completions")),
    Kind(39, "together", "together.ai", "https://api.together.xyz",
         capabilities=_TEXT | {"images", "audio", "rerank"}),
    Kind(40, "deepl", "DeepL", "https://api-free.deepl.com", _NONE, "deepl",
         key_format=_("DeepL authentication key"), paths=_paths(chat="/v2/translate"),
         note=_("Keys that end in :fx are of the free plan, which has an address of its own.")),
    Kind(41, "doubao", "Volcengine Ark (Doubao)", "https://ark.cn-beijing.volces.com", _NOT_GEMINI,
         capabilities=_set("chat embeddings images responses"),
         paths=_paths("/api/v3", "/api/compatible/v1")),
    Kind(42, "vertex", "Google Vertex AI: Claude", _VERTEX, _set("anthropic"), "google-oauth",
         key_format=_GOOGLE_KEY, settings=_GOOGLE_SETTINGS,
         paths=_paths(messages=_PUBLISHERS + "/anthropic/models/{model}:{action}")),
    Kind(43, "xai", "xAI", "https://api.x.ai", _RESPONSES, key_format="xai-…",
         capabilities=_set("chat completions images responses realtime")),
    Kind(44, "openai-compatible", "OpenAI-compatible", capabilities=_COMMON | {"rerank"}),
    Kind(45, "azure-v1", "Azure OpenAI v1", "", _RESPONSES, "api-key", _FULL,
         paths=_paths("/openai/v1")),
    Kind(46, "vertex-gemini", "Google Vertex AI: Gemini", _VERTEX, _set("gemini"), "google-oauth",
         _BASIC, _GOOGLE_OR_API_KEY, settings=_GOOGLE_SETTINGS,
         paths=_paths(generate=_PUBLISHERS + "/google/models/{model}:{action}")),
    Kind(47, "bedrock-converse", "AWS Bedrock: Converse", _BEDROCK, _NONE, "sigv4",
         key_format=_AWS_KEY, paths=_paths(chat="/model/{model}/{action}"),
         settings=_AWS_SETTINGS),
    Kind(48, "siliconflow", "SiliconFlow", "https://api.siliconflow.cn", _CLAUDE,
         capabilities=_BASIC | {"images", "audio", "rerank"}, balance="siliconflow"),
    Kind(49, "perplexity", "Perplexity", "https://api.perplexity.ai", _set("responses"),
         capabilities=_BASIC | {"responses"}, key_format="pplx-…",
         note=_("Sonar Chat Completions ended in September 2026; calls go to the Agent API.")),
    Kind(50, "jina", "Jina AI", "https://api.jina.ai", capabilities=_set("embeddings rerank")),
    Kind(51, "voyage", "Voyage AI", "https://api.voyageai.com",
         capabilities=_set("embeddings rerank"),
         note=_("Rerank calls its limit top_k, not top_n.")),
    Kind(52, "fireworks", "Fireworks AI", "https://api.fireworks.ai/inference", _NOT_GEMINI,
         capabilities=_TEXT | {"responses", "rerank"}),
    Kind(53, "cerebras", "Cerebras", "https://api.cerebras.ai",
         capabilities=_set("chat completions")),
    Kind(54, "nvidia", "NVIDIA NIM", "https://integrate.api.nvidia.com", capabilities=_TEXT),
    Kind(55, "github", "GitHub Models", "https://models.github.ai", capabilities=_BASIC,
         key_format=_("token with models:read"), paths=_paths("/inference")),
    Kind(56, "dify", "Dify", "https://api.dify.ai", _NONE, key_format="app-…",
         paths=_paths(chat="/v1/chat-messages"), settings=_set("user_id")),
    Kind(57, "cloudflare", "Cloudflare Workers AI",
         "https://api.cloudflare.com/client/v4/accounts/{account_id}/ai", _RESPONSES,
         capabilities=_BASIC | {"responses"}, settings=_set("account_id")),
    Kind(58, "lmstudio", "LM Studio", "http://localhost:1234", _NOT_GEMINI,
         capabilities=_TEXT | {"responses"}),
    Kind(59, "vllm", "vLLM", "http://localhost:8000", _NOT_GEMINI,
         capabilities=_TEXT | {"audio", "responses", "rerank"}),
    Kind(60, "xinference", "Xinference", "http://localhost:9997",
         capabilities=_TEXT | {"images", "audio", "rerank"}),
    Kind(61, "zai", "Z.ai", "https://api.z.ai", _CLAUDE, key_format="id.secret",
         paths=_paths("/api/paas/v4", "/api/anthropic/v1")),
    Kind(62, "huggingface", "Hugging Face router", "https://router.huggingface.co", _RESPONSES,
         capabilities=_set("chat responses"), key_format="hf_…"),
    Kind(63, "sambanova", "SambaNova", "https://api.sambanova.ai", _CLAUDE,
         capabilities=_TEXT | {"audio"}),
    Kind(64, "hyperbolic", "Hyperbolic", "https://api.hyperbolic.xyz",
         capabilities=_set("chat completions")),
    Kind(65, "novita", "Novita AI", "https://api.novita.ai", _CLAUDE,
         capabilities=_TEXT, key_format="sk_…",
         paths=_paths("/openai/v1", "/anthropic/v1")),
    Kind(66, "oneapi", "Another One API", capabilities=_COMMON, balance="openai"),
    Kind(67, "newapi", "Another New API or Chat API", "", _set("openai responses anthropic gemini"),
         capabilities=_FULL | {"rerank", "midjourney"}, balance="openai", settings=_PICTURES),
)  # fmt: skip

KINDS: dict[int, Kind] = {kind.number: kind for kind in _ROWS}

_ALIASES = {
    "ai360": "360",
    "ali": "alibaba aliyun dashscope qwen tongyi",
    "anthropic": "claude",
    "baidu": "ernie qianfan",
    "bedrock": "aws aws-claude",
    "doubao": "ark volcengine",
    "gemini": "google",
    "github": "github-models",
    "huggingface": "hf",
    "lingyiwanwu": "01ai 01.ai yi",
    "midjourney": "api2d midjourney-proxy mj",
    "minimax": "abab",
    "moonshot": "kimi",
    "newapi": "chatapi new-api",
    "nvidia": "nim",
    "oneapi": "one-api",
    "openai-compatible": "compatible",
    "tencent": "hunyuan",
    "together": "togetherai",
    "vertex": "gcp gcp-claude",
    "xai": "grok",
    "xunfei": "iflytek spark",
    "zai": "z.ai",
    "zhipu": "bigmodel chatglm glm",
}
