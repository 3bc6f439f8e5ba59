"""Azure OpenAI: deployments with an API version, and the newer API that is like OpenAI's.

https://learn.microsoft.com/azure/ai-foundry/openai/reference
"""

import re
from collections.abc import Mapping

import msgspec

from channels_app.failures import BODY_LIMIT, REFUSED_WORDS, Cause, UpstreamFailure
from channels_app.providers.http import Want
from channels_app.providers.openai import OpenaiAdaptor
from channels_app.providers.problems import ChannelProblem
from channels_app.providers.problems import gettext_noop as _
from channels_app.routing import ChannelConfig

API_VERSION = "2024-10-21"
"""The last that is generally available: what came later has no such versions any more.

https://learn.microsoft.com/azure/ai-foundry/openai/api-version-lifecycle
"""
_VERSION = re.compile(r"20\d\d-\d\d-\d\d(-preview)?")


class _Inner(msgspec.Struct):
    code: str | None = None


class _Error(msgspec.Struct):
    innererror: _Inner | None = None
    inner_error: _Inner | None = None


class _Answer(msgspec.Struct):
    error: _Error | None = None


_decode = msgspec.json.Decoder(_Answer).decode


class AzureV1Adaptor(OpenaiAdaptor):
    """Addresses are OpenAI's; errors say in their depth what a policy refused."""

    def failure(self, status: int, body: bytes, retry_after: str | None) -> UpstreamFailure:
        failure = super().failure(status, body, retry_after)
        if inner_code(body).lower() in REFUSED_WORDS:
            failure.cause = Cause.REFUSED
        return failure


class AzureAdaptor(AzureV1Adaptor):
    """A deployment's name stands in the path, for all but what only the newer API has."""

    def address(self, channel: ChannelConfig, want: Want) -> str:
        version = read_version(channel.settings)
        url = super().address(channel, want._replace(model=deployment_name(want.model)))
        is_deployed = "{model}" in channel.kind.paths.get(want.endpoint, "")
        return f"{url}?api-version={version}" if is_deployed else url


def deployment_name(model: str) -> str:
    """Azure's first models were named without dots, as deployments could have none."""
    return model.replace(".", "") if model.startswith("gpt-3.5") else model


def read_version(settings: Mapping[str, str]) -> str:
    """Raises ChannelProblem."""
    version = settings.get("api_version", "").strip() or API_VERSION
    if not _VERSION.fullmatch(version):
        raise ChannelProblem(
            _("The setting api_version must be a date; for the v1 API choose the kind azure-v1.")
        )
    return version


def inner_code(body: bytes) -> str:
    """https://learn.microsoft.com/azure/ai-foundry/openai/concepts/content-filter"""
    try:
        error = _decode(body[:BODY_LIMIT]).error
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return ""
    inner = error and (error.innererror or error.inner_error)
    return (inner and inner.code) or ""
