"""Providers with a format that nobody else speaks."""

from collections.abc import Mapping

from channels_app.dialects.frames import Frames
from channels_app.failures import Cause
from channels_app.providers.framing import LineFrames
from channels_app.providers.http import HttpAdaptor, Want
from channels_app.providers.problems import ChannelProblem
from channels_app.routing import ChannelConfig

OLLAMA = "ollama"
OLLAMA_CHAT = "/api/chat"
DEEPL_FREE, DEEPL_PAID = "https://api-free.deepl.com", "https://api.deepl.com"


class CohereAdaptor(HttpAdaptor):
    """The compatibility API refuses stream_options and loses citations: only what is no text goes
    there.
    """

    own_dialect = "cohere"


class CozeAdaptor(HttpAdaptor):
    """Without a stream Coze only says that it has begun."""

    own_dialect = "coze"
    # https://www.coze.com/docs/developer_guides/coze_error_codes; most have status 200.
    causes: Mapping[str, Cause] = {
        **dict.fromkeys(("4100", "4101", "700012006"), Cause.CREDENTIAL),
        **dict.fromkeys(("4011", "4027", "4028"), Cause.CREDENTIAL),
        "4013": Cause.RATE_LIMITED,
    }

    def always_streams(self, dialect: str) -> bool:  # noqa: ARG002 -- Adaptor
        return True


class DifyAdaptor(HttpAdaptor):
    """Agents refuse whole answers, and what is in between cuts those that take long."""

    own_dialect = "dify"
    causes: Mapping[str, Cause] = {
        # Status 400, but of the app that the key stands for.
        **dict.fromkeys(
            ("provider_not_initialize", "provider_quota_exceeded"),
            Cause.CREDENTIAL,
        ),
        **dict.fromkeys(
            ("app_unavailable", "model_currently_not_support", "completion_request_error"),
            Cause.OVERLOADED,
        ),
    }

    def always_streams(self, dialect: str) -> bool:  # noqa: ARG002 -- Adaptor
        return True


class DeeplAdaptor(HttpAdaptor):
    """https://developers.deepl.com/docs/getting-started/auth: free keys end in :fx, and have an
    address of their own.
    """

    own_dialect = "deepl"
    # https://developers.deepl.com/docs/best-practices/error-handling
    causes: Mapping[str, Cause] = {"456": Cause.CREDENTIAL, "529": Cause.RATE_LIMITED}

    def never_streams(self, dialect: str) -> bool:  # noqa: ARG002 -- Adaptor
        return True

    def address(self, channel: ChannelConfig, want: Want) -> str:
        url = super().address(channel, want)
        is_free = channel.key.endswith(":fx")
        return url if is_free else url.replace(f"{DEEPL_FREE}/", f"{DEEPL_PAID}/")

    def authorize(self, channel: ChannelConfig, dialect: str) -> dict[str, str]:  # noqa: ARG002 -- HttpAdaptor
        return {"authorization": f"DeepL-Auth-Key {channel.key}"}


class LibraryAdaptor(HttpAdaptor):
    own_dialect = "aiproxy_library"

    def authorize(self, channel: ChannelConfig, dialect: str) -> dict[str, str]:
        if not channel.settings.get("library_id"):
            raise ChannelProblem.missing("library_id")
        return super().authorize(channel, dialect)


class OllamaAdaptor(HttpAdaptor):
    """Speaks others' dialects by itself; {"dialects": "ollama"} in the settings asks for its
    own.
    """

    def dialect_for(self, channel: ChannelConfig, client: str, model: str) -> str:
        spoken = channel.dialects
        if OLLAMA in spoken and client not in spoken:
            return OLLAMA
        return super().dialect_for(channel, client, model)

    def address(self, channel: ChannelConfig, want: Want) -> str:
        url = super().address(channel, want)
        if want.dialect != OLLAMA:
            return url
        return url.removesuffix("/v1/chat/completions").removesuffix("/api") + OLLAMA_CHAT

    def accept(self, want: Want) -> str:
        is_lines = want.dialect == OLLAMA and want.is_stream
        return "application/x-ndjson" if is_lines else super().accept(want)

    def frames(self, dialect: str) -> Frames:
        return LineFrames() if dialect == OLLAMA else super().frames(dialect)
