"""What the hot path knows of the options: one frozen value, swapped whole."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import quote

import structlog
from django.conf import settings

from chatapi.lib.secrets import Undecipherable
from chatapi.options.registry import OPTIONS
from chatapi.options.secret_options import place_of

log = structlog.get_logger("options")


@dataclass(frozen=True, slots=True)
class Options:
    """The options that calls need, typed; defaults are those of the registry."""

    units_per_usd: int
    refuse_unpriced: bool
    unpriced_ratio: Decimal
    unpriced_call_usd: Decimal
    may_bill_by_call: bool
    may_bill_by_quantity: bool
    lease_cap_units: int
    hold_output_tokens: int
    credit_wait_seconds: int
    drain_seconds: int
    charge_cut_answers: bool
    retry_times: int
    may_disable_channels: bool
    disable_keywords: str
    disable_statuses: str
    disable_strikes: int
    prefers_last_channel: bool
    retries_empty: bool
    continues_cut_streams: bool
    overload_seconds: float
    keep_alive_seconds: int
    strict_conversion: bool
    response_store_hours: int
    keeps_texts: bool
    out_proxy_url: str
    max_body_bytes: int
    max_answer_bytes: int
    connect_seconds: int
    first_byte_seconds: int
    idle_seconds: int
    total_seconds: int
    token_concurrency: int
    token_requests_per_minute: int
    display_in_currency: bool
    display_token_stat: bool


def read_values() -> dict[str, Any]:
    """All stored options, with the registry's defaults for the rest; one query."""
    from constance import utils  # noqa: PLC0415 -- needs the app registry

    values: dict[str, Any] = utils.get_values()
    return values


def read_options() -> Options:
    return build_options(read_values())


def default_options() -> Options:
    return build_options({name: entry[0] for name, entry in OPTIONS.items()})


def build_options(values: dict[str, Any]) -> Options:
    return Options(
        units_per_usd=values["QuotaPerUnit"],
        refuse_unpriced=values["UnpricedModelPolicy"] == "refuse",
        unpriced_ratio=Decimal(values["UnpricedModelRatio"]),
        unpriced_call_usd=Decimal(values["UnpricedCallUsd"]),
        may_bill_by_call=values["BillingByRequestEnabled"],
        may_bill_by_quantity=values["ModelRatioEnabled"],
        lease_cap_units=values["LeaseCapUnits"],
        hold_output_tokens=values["HoldOutputTokens"],
        credit_wait_seconds=values["CreditWaitSeconds"],
        drain_seconds=values["DrainSeconds"],
        charge_cut_answers=values["ChargeCutAnswers"],
        retry_times=values["RetryTimes"],
        may_disable_channels=values["AutomaticDisableChannelEnabled"],
        disable_keywords=values["AutomaticDisableKeywords"],
        disable_statuses=values["AutomaticDisableStatusCodes"],
        disable_strikes=values["DisableStrikes"],
        prefers_last_channel=values["ChannelAffinityEnabled"],
        retries_empty=values["BlankReplyRetryEnabled"],
        continues_cut_streams=values["ContinueCutStreams"],
        overload_seconds=values["OverloadMilliseconds"] / 1000,
        keep_alive_seconds=values["KeepAliveSeconds"],
        strict_conversion=values["StrictConversion"],
        response_store_hours=values["ResponseStoreHours"],
        keeps_texts=values["LogContentEnabled"],
        out_proxy_url=_out_proxy_url(values["OutProxyUrl"], values["OutProxyLogin"]),
        max_body_bytes=values["MaxBodyMegabytes"] * 1024 * 1024,
        max_answer_bytes=values["MaxAnswerMegabytes"] * 1024 * 1024,
        connect_seconds=values["ConnectSeconds"],
        first_byte_seconds=values["FirstByteSeconds"],
        idle_seconds=values["IdleSeconds"],
        total_seconds=values["TotalSeconds"],
        token_concurrency=values["TokenConcurrency"],
        token_requests_per_minute=values["TokenRequestsPerMinute"],
        display_in_currency=values["DisplayInCurrencyEnabled"],
        display_token_stat=values["DisplayTokenStatEnabled"],
    )


def _out_proxy_url(address: str, sealed_login: str) -> str:
    """With name and password in it, where there are some."""
    if not (address and sealed_login):
        return address
    try:
        login = settings.KEY_RING.unseal(sealed_login, place_of("OutProxyLogin"))
    except Undecipherable:
        log.warning("option_unreadable", option="OutProxyLogin")
        return address
    name, _, password = login.partition(":")
    scheme, _, place = address.partition("://")
    return f"{scheme}://{quote(name, safe='')}:{quote(password, safe='')}@{place}"
