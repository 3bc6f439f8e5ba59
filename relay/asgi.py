"""What clients may call: the path table of the hot road. Everything else belongs to the pages."""

from collections.abc import Awaitable, Callable
from functools import partial

import structlog
from django.utils.translation import gettext_noop as _

from relay import errors
from relay.endpoints import (
    balance,
    count_tokens,
    embeddings,
    images,
    models,
    rerank,
    responses,
    speech,
    transcriptions,
)
from relay.errors import CallRefused
from relay.gateway import Gateway
from relay.http import ClientExchange, ClientLeft, Receive, Scope, Send
from relay.media.intake import relay_media
from relay.meters import count_refusal
from relay.midjourney import routes as midjourney
from relay.pipeline import relay
from relay.request import PathParts

log = structlog.get_logger("relay")

Handler = Callable[[ClientExchange, Gateway], Awaitable[None]]

MEDIA: dict[str, tuple[str, Handler]] = {
    path: ("POST", partial(relay_media, endpoint=endpoint, parse=parse))
    for path, endpoint, parse in (
        ("/v1/images/generations", "images", images.parse),
        ("/v1/images/edits", "image_edits", images.parse),
        ("/v1/images/variations", "image_variations", images.parse),
        ("/v1/audio/speech", "speech", speech.parse),
        ("/v1/audio/transcriptions", "transcriptions", transcriptions.parse),
        ("/v1/audio/translations", "translations", transcriptions.parse),
        ("/v1/rerank", "rerank", rerank.parse),
        ("/v2/rerank", "rerank", rerank.parse),
        ("/rerank", "rerank", rerank.parse),
    )
}
TABLE: dict[str, tuple[str, Handler]] = {
    "/v1/chat/completions": ("POST", partial(relay, endpoint="chat")),
    "/v1/responses": ("POST", partial(relay, endpoint="responses")),
    "/v1/messages": ("POST", partial(relay, endpoint="messages")),
    "/v1/messages/count_tokens": ("POST", count_tokens.count_for_claude),
    "/v1/completions": ("POST", partial(relay, endpoint="completions")),
    "/v1/edits": ("POST", partial(relay, endpoint="edits")),
    "/v1/embeddings": ("POST", partial(relay, endpoint="embeddings")),
    "/v1/moderations": ("POST", partial(relay, endpoint="moderations")),
    **MEDIA,
    "/v1/models": ("GET", models.list_models),
    "/dashboard/billing/subscription": ("GET", balance.subscription),
    "/dashboard/billing/usage": ("GET", balance.usage),
    "/v1/dashboard/billing/subscription": ("GET", balance.subscription),
    "/v1/dashboard/billing/usage": ("GET", balance.usage),
}
MODEL_PREFIX = "/v1/models/"
ENGINE_PREFIX, ENGINE_SUFFIX = "/v1/engines/", "/embeddings"
NOT_RELAYED = (
    "/v1/files",
    "/v1/fine_tuning",
    "/v1/fine-tunes",
    "/v1/assistants",
    "/v1/threads",
    "/v1/batches",
)
PREFIXES = ("/v1/", "/v1beta/", "/v1alpha/", "/dashboard/billing/", *midjourney.PREFIXES)
GEMINI_MODELS = ("/v1beta/models", "/v1alpha/models", "/v1/models")
GEMINI_ACTIONS: dict[str, Callable[[PathParts], Handler]] = {
    "generateContent": lambda path: partial(relay, endpoint="generate", path=path),
    "streamGenerateContent": lambda path: partial(relay, endpoint="generate", path=path),
    "countTokens": lambda path: partial(count_tokens.count_for_gemini, path=path),
    "embedContent": lambda path: _embed(path, "embedContent"),
    "batchEmbedContents": lambda path: _embed(path, "batchEmbedContents"),
}

PREFLIGHT = (
    (b"access-control-allow-methods", b"GET, POST, PUT, DELETE, OPTIONS"),
    (b"access-control-allow-headers", b"*, Authorization"),
    (b"access-control-max-age", b"86400"),
)


def is_call(path: str) -> bool:
    """Whether a path belongs to this road."""
    if path.startswith(PREFIXES) or path in TABLE:
        return True
    # Misspelled in case or slashes: still a call, and so a 404 in its dialect.
    return path.lstrip("/").lower().startswith(("v1/", "v1beta/")) or path.rstrip("/") == "/v1"


async def answer(scope: Scope, receive: Receive, send: Send, gateway: Gateway) -> None:
    """One request; every error ends as an answer in the client's dialect."""
    exchange = ClientExchange(scope, receive, send)
    try:
        await _dispatch(exchange, gateway)
    except CallRefused as refusal:
        count_refusal(refusal.status, refusal.code)
        if not exchange.is_started:
            await exchange.refuse(refusal)
        elif not exchange.has_content:
            await exchange.refuse_in_stream(refusal)
    except ClientLeft:
        return
    except Exception:
        log.exception("call_failed", request_id=exchange.request_id)
        count_refusal(500, "internal_error")
        if exchange.is_started:
            # Nothing sensible can follow what was sent: breaking the connection tells the client.
            raise
        await exchange.refuse(errors.internal_error())


async def _dispatch(exchange: ClientExchange, gateway: Gateway) -> None:
    method, path = exchange.scope["method"], exchange.scope["path"]
    if b"host" not in exchange.headers and exchange.scope["http_version"] == "1.1":
        raise errors.bad_request(_("The Host header is missing"), "missing_host")
    exchange.dialect = dialect_of(path)
    if method == "OPTIONS":
        await exchange.answer(204, b"", PREFLIGHT)
        return
    found = TABLE.get(path) or _find_gemini(path, exchange) or _find_by_prefix(path, method)
    found = found or midjourney.find_route(path)
    if found is None:
        if path.startswith(NOT_RELAYED):
            raise errors.not_implemented()
        raise errors.unknown_path(method, path[:200])
    allowed, handler = found
    if method != allowed and not (method == "HEAD" and allowed == "GET"):
        raise errors.wrong_method(method, path[:200])
    await handler(exchange, gateway)


def dialect_of(path: str) -> str:
    """What a client speaks at this address: errors are written in it."""
    if path.startswith("/v1/messages"):
        return "anthropic"
    return "gemini" if path.startswith(("/v1beta/", "/v1alpha/")) else "openai"


def _find_gemini(path: str, exchange: ClientExchange) -> tuple[str, Handler] | None:
    """/v1beta/models, /v1beta/models/{model}, /v1beta/models/{model}:{action}."""
    root = next((root for root in GEMINI_MODELS if path.startswith(root)), None)
    if root is None:
        return None
    name, colon, action = path.removeprefix(root).removeprefix("/").rpartition(":")
    if colon and name and action in GEMINI_ACTIONS:
        exchange.dialect = "gemini"
        is_stream = action == "streamGenerateContent"
        is_array = is_stream and exchange.query("alt") != "sse"
        return "POST", GEMINI_ACTIONS[action](PathParts(name, is_stream, is_array))
    if root == "/v1/models":
        return None
    if path == root:
        return "GET", models.list_models
    return "GET", partial(models.retrieve_model, model=path[len(root) + 1 :])


def _find_response(path: str, method: str) -> tuple[str, Handler] | None:
    response_id, _, action = path.removeprefix(responses.ROOT).partition("/")
    name = responses.ACTIONS.get((method, action))
    if name is None or not response_id:
        return None
    handler = partial(responses.answer_stored, response_id=response_id, action=name)
    return method, handler


def _find_by_prefix(path: str, method: str) -> tuple[str, Handler] | None:
    if path.startswith(MODEL_PREFIX) and len(path) > len(MODEL_PREFIX):
        return "GET", partial(models.retrieve_model, model=path[len(MODEL_PREFIX) :])
    if path.startswith(responses.ROOT):
        return _find_response(path, method)
    if path.startswith(ENGINE_PREFIX) and path.endswith(ENGINE_SUFFIX):
        model = path[len(ENGINE_PREFIX) : -len(ENGINE_SUFFIX)]
        if model and "/" not in model:
            return "POST", partial(relay, endpoint="embeddings", path=PathParts(model))
    return None


def _embed(path: PathParts, action: str) -> Handler:
    parse = partial(embeddings.parse, model=path.model, action=action)
    return partial(relay_media, endpoint="embeddings", parse=parse)
