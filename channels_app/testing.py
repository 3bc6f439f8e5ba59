"""Tests of channels and refreshes of their balances, with what follows from them."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import structlog
from django.db.models import F, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext

from channels_app.balances import Balance, NoRecipe, ask_balance, tells_balance
from channels_app.catalogue import KINDS
from channels_app.failures import Cause, UpstreamFailure
from channels_app.keys import enable_keys
from channels_app.models import Channel, ChannelStatus
from channels_app.probe import ProbeResult, probe_keys
from channels_app.providers.problems import gettext_noop as _
from channels_app.reasons import BALANCE, CREDENTIAL, SLOW, code_of
from channels_app.routing import ChannelConfig
from channels_app.snapshot import describe_channel, describe_keys
from channels_app.switching import disable_automatically, enable_again, next_try, refuse_key
from channels_app.validation import Names, expected_names
from chatapi.lib.secrets import Undecipherable
from chatapi.options.snapshot import read_values
from chatapi.options.tables import read_names

MOST_MESSAGE = 500
MOST_RETESTS = 8
CLAIM = timedelta(minutes=3)
"""Longer than a retest: so long nobody else takes the same channel."""
UNREADABLE_KEY = _("the key can't be read: it was encrypted with another key ring")

log = structlog.get_logger("channels")


@dataclass(frozen=True, slots=True)
class BalanceResult:
    """`balance` is None when it could not be had; `message` says why."""

    balance: Balance | None
    message: str = ""


def run_tests(
    channels: Sequence[Channel], *, model: str = "", acts: bool = False
) -> list[ProbeResult]:
    """Tests them all at once and stores the results. `acts`: what fails by its credentials or is
    too slow is disabled, what was disabled automatically and passes is enabled.
    """
    found = asyncio.run(_probe_all(channels, read_expected(), model))
    threshold = read_threshold() if acts else 0
    for channel, result in zip(channels, found, strict=True):
        store_test(channel, result)
        if acts:
            act_on(channel, result, threshold)
    return found


def refresh_balances(channels: Sequence[Channel]) -> list[BalanceResult]:
    """Asks the providers of all at once and stores what they say; an empty account is taken out of
    service, one that was for that reason and is filled again comes back.
    """
    # What a channel is takes the database, which may not be asked from a coroutine.
    found = asyncio.run(_ask_all([_describe(channel) for channel in channels]))
    for channel, result in zip(channels, found, strict=True):
        store_balance(channel, result)
        if result.balance is None:
            continue
        if result.balance.amount <= 0:
            detail = f"{result.balance.amount:.2f} {result.balance.currency}"
            disable_automatically(channel, BALANCE, detail)
        elif code_of(channel.disabled_reason) == BALANCE:
            enable_again(channel)
    return found


def retest_due() -> int:
    """Tries automatically disabled channels whose delay is over; returns how many came back. Two
    that run at once take different ones.
    """
    now = timezone.now()
    # No time: the delay was set after the channel had been disabled.
    is_due = Q(next_test_at=None) | Q(next_test_at__lte=now)
    due = Channel.objects.filter(is_due, status=ChannelStatus.AUTO_DISABLED, retest_seconds__gt=0)
    claimed = [
        channel
        for channel in due.order_by("next_test_at")[:MOST_RETESTS]
        if Channel.objects.filter(pk=channel.pk, next_test_at=channel.next_test_at).update(
            next_test_at=now + CLAIM
        )
    ]
    if not claimed:
        return 0
    empty = {channel.pk for channel in claimed if code_of(channel.disabled_reason) == BALANCE}
    return _retest_funds([one for one in claimed if one.pk in empty]) + _retest_calls(
        [one for one in claimed if one.pk not in empty]
    )


def store_test(channel: Channel, result: ProbeResult) -> None:
    """Only what pages show: calls need not know, so nothing is published."""
    values: dict[str, Any] = {
        "tested_at": timezone.now(),
        "tested_model": result.model[:255],
        "test_ok": result.is_ok,
        "test_milliseconds": result.milliseconds,
        "test_message": result.message[:MOST_MESSAGE],
        "test_warnings": [list(warning) for warning in result.warnings],
    }
    _store(channel, values)
    log.info(
        "channel_tested",
        channel=channel.pk,
        ok=result.is_ok,
        model=result.model,
        ms=result.milliseconds,
        message=result.message,
    )


def store_balance(channel: Channel, result: BalanceResult) -> None:
    values: dict[str, Any] = {"balance_message": result.message[:MOST_MESSAGE]}
    if result.balance is not None:
        values |= {
            "balance": result.balance.amount,
            "balance_currency": result.balance.currency,
            "balance_updated_at": timezone.now(),
        }
    _store(channel, values)


def act_on(channel: Channel, result: ProbeResult, threshold: int) -> None:
    act_on_keys(channel, result)
    if result.cause is Cause.CREDENTIAL:
        disable_automatically(channel, CREDENTIAL, result.message.removeprefix("credential:"))
    elif result.is_ok and is_slow(result, threshold):
        disable_automatically(channel, SLOW, f"{result.milliseconds} ms")
    elif result.is_ok and code_of(channel.disabled_reason) != BALANCE:
        enable_again(channel)


def act_on_keys(channel: Channel, result: ProbeResult) -> None:
    """Of several keys those that are refused go, and those that work again come back."""
    if not result.by_key:
        return
    enable_keys(channel, [one.key_tag for one in result.by_key if one.is_ok])
    if not result.is_ok:
        # The channel itself is looked at: with all its keys.
        return
    for one in result.by_key:
        if one.cause is Cause.CREDENTIAL:
            refuse_key(channel, one.key_tag, CREDENTIAL, one.message.removeprefix("credential:"))


def is_slow(result: ProbeResult, threshold: int) -> bool:
    return threshold > 0 and result.milliseconds > threshold * 1000


def read_threshold() -> int:
    return int(read_values()["ChannelDisableThreshold"])


def read_expected() -> Names:
    return expected_names(read_names(read_values()["ExpectedModelNames"]))


def forget_results(channels: QuerySet[Channel]) -> int:
    """As if they had never been tried: no test, no balance, no failures; returns how many."""
    return channels.update(
        tested_at=None,
        tested_model="",
        test_ok=None,
        test_milliseconds=None,
        test_message="",
        test_warnings=[],
        balance=None,
        balance_updated_at=None,
        balance_message="",
        failures=0,
    )


def testable_channels() -> list[int]:
    """In service, or taken out of it automatically: what an operator disabled is left alone."""
    wanted = Channel.objects.exclude(status=ChannelStatus.DISABLED)
    return list(wanted.order_by("pk").values_list("pk", flat=True))


def channels_with_balance() -> list[int]:
    kinds = [kind.number for kind in KINDS.values() if tells_balance(kind)]
    wanted = Channel.objects.exclude(status=ChannelStatus.DISABLED).filter(kind__in=kinds)
    return list(wanted.order_by("pk").values_list("pk", flat=True))


def tell_test(channel: Channel) -> dict[str, Any]:
    """What the last test found, in the reader's language."""
    return {
        "ok": channel.test_ok,
        "model": channel.tested_model,
        "milliseconds": channel.test_milliseconds,
        "at": channel.tested_at,
        "message": gettext(channel.test_message) if channel.test_message else "",
        "warnings": tell_warnings(channel.test_warnings),
    }


def tell_warnings(warnings: Iterable[Sequence[Any]]) -> list[str]:
    return [gettext(text) % values for text, values in warnings]


def _retest_calls(channels: Sequence[Channel]) -> int:
    found = asyncio.run(_probe_all(channels, read_expected(), ""))
    threshold = read_threshold()
    back = 0
    for channel, result in zip(channels, found, strict=True):
        store_test(channel, result)
        act_on_keys(channel, result)
        if result.is_ok and not is_slow(result, threshold):
            back += enable_again(channel)
        else:
            _put_off(channel)
    return back


def _retest_funds(channels: Sequence[Channel]) -> int:
    """An empty account may still answer the last calls: only its balance tells."""
    found = refresh_balances(channels)
    back = 0
    for channel, result in zip(channels, found, strict=True):
        if result.balance is not None and result.balance.amount > 0:
            back += 1
        else:
            _put_off(channel)
    return back


def _put_off(channel: Channel) -> None:
    failures = channel.failures + 1
    Channel.objects.filter(pk=channel.pk, status=ChannelStatus.AUTO_DISABLED).update(
        failures=F("failures") + 1,
        next_test_at=next_try(timezone.now(), channel.retest_seconds, failures),
    )


def _store(channel: Channel, values: Mapping[str, Any]) -> None:
    Channel.objects.filter(pk=channel.pk).update(**values)
    for name, value in values.items():
        setattr(channel, name, value)


async def _probe_all(channels: Sequence[Channel], names: Names, model: str) -> list[ProbeResult]:
    return list(await asyncio.gather(*(_probe(channel, names, model) for channel in channels)))


async def _probe(channel: Channel, names: Names, model: str) -> ProbeResult:
    asked = model or channel.test_model
    try:
        configs = describe_keys(channel)
    except (Undecipherable, KeyError) as error:
        log.error("channel_unusable", channel=channel.pk, error=str(error))
        return ProbeResult(is_ok=False, model=asked, milliseconds=0, message=UNREADABLE_KEY)
    return await probe_keys(configs, names, asked)


async def _ask_all(configs: Sequence[ChannelConfig | None]) -> list[BalanceResult]:
    return list(await asyncio.gather(*(_ask(config) for config in configs)))


async def _ask(config: ChannelConfig | None) -> BalanceResult:
    if config is None:
        return BalanceResult(None, UNREADABLE_KEY)
    try:
        return BalanceResult(await ask_balance(config, timezone.localdate()))
    except NoRecipe:
        return BalanceResult(None, NO_RECIPE)
    except UpstreamFailure as failure:
        return BalanceResult(None, f"{failure.label} {failure.message}")


NO_RECIPE = _("this kind of provider does not tell balances")


def _describe(channel: Channel) -> ChannelConfig | None:
    try:
        return describe_channel(channel)
    except (Undecipherable, KeyError) as error:
        log.error("channel_unusable", channel=channel.pk, error=str(error))
        return None
