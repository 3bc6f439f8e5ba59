"""What went wrong, as clients see it.

CallRefused(status, message, code, type, param)
  made by one function per fact below; the text is a msgid, translated when it is written
"""

from typing import Any

from django.utils import translation
from django.utils.translation import gettext_noop as _

from channels_app.failures import Cause, UpstreamFailure

GATEWAY = "chat_api_error"
REQUEST = "invalid_request_error"


class CallRefused(Exception):
    """An error answer: `text` is an English msgid with `values` for its placeholders.
    `is_too_long`: the prompt does not fit the model.
    """

    is_too_long = False

    def __init__(
        self,
        status: int,
        text: str,
        code: str,
        *,
        type: str = GATEWAY,  # noqa: A002 -- the name on the wire
        param: str | None = None,
        retry_after: int | None = None,
        **values: Any,
    ) -> None:
        super().__init__(status, code)
        self.status = status
        self.text = text
        self.code = code
        self.type = type
        self.param = param
        self.retry_after = retry_after
        self.values = values

    def message(self, language: str) -> str:
        with translation.override(language):
            return (
                translation.gettext(self.text) % self.values
                if self.values
                else translation.gettext(self.text)
            )


def bad_request(text: str, code: str, param: str | None = None, **values: Any) -> CallRefused:
    return CallRefused(400, text, code, type=REQUEST, param=param, **values)


def no_key() -> CallRefused:
    return CallRefused(401, _("No API key was given"), "no_api_key")


def unknown_key() -> CallRefused:
    return CallRefused(401, _("Invalid API key"), "invalid_api_key")


def token_exhausted() -> CallRefused:
    return CallRefused(401, _("The credit of this token is used up"), "token_exhausted")


def token_expired() -> CallRefused:
    return CallRefused(401, _("This token has expired"), "token_expired")


def token_disabled() -> CallRefused:
    return CallRefused(401, _("This token is not enabled"), "token_disabled")


def model_not_allowed() -> CallRefused:
    return CallRefused(
        401,
        _("This token does not support the requested model"),
        "model_not_allowed",
        param="model",
    )


def user_disabled() -> CallRefused:
    return CallRefused(403, _("The user has been banned"), "user_disabled")


def password_change_required() -> CallRefused:
    return CallRefused(
        403, _("The user must change the initial password first"), "password_change_required"
    )


def wrong_network(networks: str, address: str) -> CallRefused:
    return CallRefused(
        403,
        _("This token may only be used from %(networks)s, your address is %(address)s"),
        "ip_not_allowed",
        networks=networks,
        address=address,
    )


def may_not_pin() -> CallRefused:
    return CallRefused(
        403, _("Only administrators may choose a channel"), "channel_pin_not_allowed"
    )


def unknown_channel() -> CallRefused:
    return CallRefused(400, _("Invalid channel id"), "invalid_channel")


def channel_disabled() -> CallRefused:
    return CallRefused(400, _("The channel is disabled"), "channel_disabled")


def channel_not_in_group() -> CallRefused:
    return CallRefused(
        400, _("The chosen channel does not belong to this group"), "channel_not_in_group"
    )


def channel_without_model() -> CallRefused:
    return CallRefused(
        400, _("The chosen channel does not support the requested model"), "channel_without_model"
    )


def no_channel(group: str, model: str) -> CallRefused:
    return CallRefused(
        503,
        _("No channel is available for model %(model)s in group %(group)s"),
        "no_available_channel",
        group=group,
        model=model,
    )


def unpriced_model(model: str) -> CallRefused:
    return CallRefused(
        403,
        _("The model %(model)s has no price and can't be used"),
        "model_not_priced",
        model=model,
    )


def not_enough_user_credit() -> CallRefused:
    return CallRefused(403, _("The user's credit is not enough"), "insufficient_user_quota")


def not_enough_token_credit() -> CallRefused:
    return CallRefused(403, _("The token's credit is not enough"), "pre_consume_token_quota_failed")


def too_many_calls(limit: int) -> CallRefused:
    return CallRefused(
        429,
        _("This token may make %(limit)d calls at the same time"),
        "concurrency_limit_exceeded",
        type="rate_limit_error",
        retry_after=1,
        limit=limit,
    )


def too_many_requests(limit: int, retry_after: int) -> CallRefused:
    return CallRefused(
        429,
        _("This token may make %(limit)d calls per minute"),
        "rate_limit_exceeded",
        type="rate_limit_error",
        retry_after=retry_after,
        limit=limit,
    )


def not_selling(retry_after: int = 5) -> CallRefused:
    return CallRefused(
        503,
        _("The gateway can't account for calls right now, please try again later"),
        "accounting_unavailable",
        retry_after=retry_after,
    )


def too_busy() -> CallRefused:
    return CallRefused(
        503,
        _("The gateway has more to do than it can, please try again later"),
        "gateway_overloaded",
        retry_after=1,
    )


def body_too_large(limit: int) -> CallRefused:
    return CallRefused(
        413,
        _("The request body is larger than %(limit)d MB"),
        "body_too_large",
        type=REQUEST,
        limit=limit,
    )


def body_too_slow() -> CallRefused:
    return CallRefused(
        408, _("The request body did not arrive in time"), "body_timeout", type=REQUEST
    )


def unsupported_encoding() -> CallRefused:
    return CallRefused(
        415, _("This content encoding is not supported"), "unsupported_encoding", type=REQUEST
    )


def upstream_saturated(retry_after: int | None) -> CallRefused:
    return CallRefused(
        429,
        _("The upstream of this group is saturated, please try again later"),
        "upstream_rate_limited",
        type="upstream_error",
        retry_after=retry_after,
    )


def channels_resting(group: str, model: str, retry_after: int | None) -> CallRefused:
    return CallRefused(
        503,
        _("All channels for model %(model)s in group %(group)s have failed lately and rest"),
        "no_healthy_channel",
        retry_after=retry_after,
        group=group,
        model=model,
    )


def upstream_failed(status: int, message: str, code: str) -> CallRefused:
    return CallRefused(
        status,
        _("The provider failed: %(message)s"),
        code or "upstream_error",
        type="upstream_error",
        message=message,
    )


def provider_refused(status: int, failure: UpstreamFailure) -> CallRefused:
    """The provider's own words about the client's request."""
    refusal = CallRefused(
        status,
        "%(message)s",
        failure.code or REQUEST,
        type=failure.type or REQUEST,
        param=failure.param,
        message=failure.message,
    )
    refusal.is_too_long = failure.cause == Cause.TOO_LONG
    return refusal


def unknown_path(method: str, path: str) -> CallRefused:
    return CallRefused(
        404,
        _("Invalid URL (%(method)s %(path)s)"),
        "unknown_url",
        type=REQUEST,
        method=method,
        path=path,
    )


def wrong_method(method: str, path: str) -> CallRefused:
    return CallRefused(
        405,
        _("Method %(method)s is not allowed for %(path)s"),
        "method_not_allowed",
        type=REQUEST,
        method=method,
        path=path,
    )


def cannot_carry(names: str) -> CallRefused:
    """Strict conversion: what the channel's dialect has no place for."""
    return bad_request(
        _("The channel of this model can't take: %(names)s"),
        "unsupported_parameter",
        names.partition(",")[0],
        names=names,
    )


def wrong_type(name: str) -> CallRefused:
    return bad_request(_("%(name)s has the wrong type"), "invalid_type", name, name=name)


def unknown_response(response_id: str) -> CallRefused:
    return CallRefused(
        404,
        _("Response with id '%(id)s' not found"),
        "response_not_found",
        type=REQUEST,
        id=response_id,
    )


def no_state() -> CallRefused:
    return bad_request(
        _(
            "The channel of this model keeps no responses: send the whole conversation instead of "
            "previous_response_id"
        ),
        "previous_response_not_found",
        "previous_response_id",
    )


def media_refused(url: str, reason: str) -> CallRefused:
    return bad_request(
        _("%(url)s can't be fetched: %(reason)s"), "media_unavailable", url=url[:200], reason=reason
    )


def not_implemented() -> CallRefused:
    return CallRefused(501, _("API not implemented"), "api_not_implemented")


def unknown_model(model: str) -> CallRefused:
    return CallRefused(
        404,
        _("The model '%(model)s' does not exist"),
        "model_not_found",
        type=REQUEST,
        param="model",
        model=model,
    )


def internal_error() -> CallRefused:
    return CallRefused(500, _("Internal error"), "internal_error")
