"""The channels of one call: in which order they are tried, which are passed over, and why."""

import time
from collections.abc import Iterator

from billing.price_book import fold_gizmo
from channels_app.conditions import Reason
from channels_app.decisions import Decision
from channels_app.limits import Over
from channels_app.media.capabilities import channels_of, may_serve
from channels_app.routing import ChannelConfig, Tier, pick_among
from relay import errors
from relay.admission import Admitted
from relay.affinity import Marker, Served, mark
from relay.errors import CallRefused
from relay.gateway import Gateway
from relay.needs import is_fit
from relay.request import CallRequest

BYTES_PER_TOKEN = 4
UNFIT = frozenset({"unfit", "too_long", "tier"})
"""Reasons that lie in the request: waiting changes nothing."""
KEYS = "keys_resting"
TIER = "tier"
"""Beside the first of its channels: a whole priority was passed over."""
FULL_SECONDS = 5
"""After so long a channel at its limit may have room."""


class Keys:
    """The keys of one channel that a call may use: none twice."""

    def __init__(self, gateway: Gateway, model: str, sticky: int | None, first: str = "") -> None:
        self._gateway, self._model, self._sticky = gateway, model, sticky
        self._first = first
        self._used: set[str] = set()

    def choose(self, channel: ChannelConfig) -> ChannelConfig | None:
        """The channel with the next of its keys."""
        if not channel.keys:
            if self._used:
                return None
            self._used.add("")
            return channel
        now, health = time.monotonic(), self._gateway.health
        chosen = None
        if self._first and self._first not in self._used:
            others = {one.key_tag for one in channel.keys} - {self._first}
            chosen = health.choose_key(channel, self._model, now, used=others)
        chosen = chosen or health.choose_key(
            channel, self._model, now, used=self._used, sticky=self._sticky
        )
        if chosen is not None:
            self._used.add(chosen.key_tag)
        return chosen


class Tries:
    """What the ways of choosing have in common: each iterates over the channels to try, best first
    and none twice (with several keys: no key twice), until one answers or the retries are used up.
    """

    def __init__(self, gateway: Gateway, request: CallRequest, user_id: int) -> None:
        self._gateway = gateway
        self._model = fold_gizmo(request.model)
        # What a provider keeps of a response belongs to the account: the same key again.
        self._sticky = user_id if request.dialect == "responses" else None
        self.tokens = estimate_tokens(request)
        self.marker: Marker | None = None
        self.preferred: Served | None = None
        self.is_last_resort = False
        self.tried = 0
        self.passed: list[tuple[ChannelConfig, str]] = []
        self._wants_key = False

    def failed(self, decision: Decision) -> None:
        """What became of the route that was given last."""
        self._wants_key = decision.is_of_key

    def _may_try(self) -> bool:
        return self.tried <= self._gateway.options.retry_times

    def _each(
        self, channel: ChannelConfig, keys: Keys, chosen: ChannelConfig | None
    ) -> Iterator[ChannelConfig]:
        """The chosen key of the channel, and its other keys too while it is the key that fails."""
        while chosen is not None and self._may_try():
            self._wants_key = False
            self.tried += 1
            yield chosen
            chosen = keys.choose(channel) if self._wants_key else None


class Routes(Tries):
    """Raises CallRefused when none may be tried at all."""

    def __init__(
        self, gateway: Gateway, group: str, request: CallRequest, token_id: int, user_id: int
    ) -> None:
        super().__init__(gateway, request, user_id)
        self._table = gateway.snapshot.routes
        self._group = group
        self._request = request
        self._input_tokens = request.body_bytes // BYTES_PER_TOKEN
        self._endpoint = "" if request.has_output else request.endpoint
        self.marker = mark(gateway, token_id, request)
        self.preferred = gateway.affinity.find(self.marker)

    def __iter__(self) -> Iterator[ChannelConfig]:
        tiers = self._table.tiers.get((self._group, self._model), ())
        for tier in tiers:
            before = self.tried
            yield from self._of_tier(tier)
            if not self._may_try():
                return
            if self.tried == before and len(tiers) > 1:
                self.passed.append((tier.channels[0], TIER))
        if self.tried == 0:
            yield from self._last_resort()

    def _of_tier(self, tier: Tier) -> Iterator[ChannelConfig]:
        left: list[ChannelConfig] | None = None
        channel = self._find_preferred(tier) or pick_among(tier.channels, tier.sums)
        while channel is not None and self._may_try():
            reason = self._objection(channel)
            if reason is None:
                yield from self._with_keys(channel)
            else:
                self.passed.append((channel, reason))
            if left is None:
                left = [one for one in tier.channels if one is not channel]
                if reason is not None:
                    # Many may rest: they are looked at once, not picked one by one.
                    left = [one for one in left if self._is_fit(one)]
            else:
                left.remove(channel)
            channel = pick_among(left)

    def _find_preferred(self, tier: Tier) -> ChannelConfig | None:
        """The channel that served such calls last, if it is one of these."""
        if self.preferred is None:
            return None
        channel = self._table.by_id.get(self.preferred.channel)
        if channel is None or channel.priority != tier.channels[0].priority:
            return None
        return channel if channel in tier.channels else None

    def _with_keys(self, channel: ChannelConfig) -> Iterator[ChannelConfig]:
        if not channel.keys:
            self.tried += 1
            yield channel
            return
        preferred = self.preferred
        first = preferred.key if preferred is not None and preferred.channel == channel.id else ""
        keys = Keys(self._gateway, self._model, self._sticky, first)
        chosen = keys.choose(channel)
        if chosen is None:
            self.passed.append((channel, KEYS))
        yield from self._each(channel, keys, chosen)

    def _is_fit(self, channel: ChannelConfig) -> bool:
        reason = self._objection(channel)
        if reason is not None:
            self.passed.append((channel, reason))
        return reason is None

    def _last_resort(self) -> Iterator[ChannelConfig]:
        """Where all rest, the one whose rest ends first is tried now and then all the same."""
        resting = [channel for channel, reason in self.passed if reason == Reason.OPEN]
        found = self._gateway.health.last_resort(resting, self._model, time.monotonic())
        if found is not None:
            self.is_last_resort = True
            yield from self._with_keys(found)

    def _objection(self, channel: ChannelConfig) -> str | None:
        if self._endpoint and not may_serve(channel, self._endpoint):
            return "unfit"
        if channel.is_choosy and not is_fit(channel, self._request):
            return "unfit"
        if channel.max_input_tokens and self._input_tokens > channel.max_input_tokens:
            return "too_long"
        return self._gateway.health.objection(
            channel,
            self._model,
            time.monotonic(),
            is_retry=self.tried > 0,
            tokens=self.tokens,
        )

    def refusal(self) -> CallRefused:
        """Why not even one channel was tried, or only one that should rest."""
        resting = [channel for channel, reason in self.passed if reason not in UNFIT]
        if not resting:
            return errors.no_channel(self._group, self._model)
        reasons = {reason for _, reason in self.passed if reason not in UNFIT}
        wait = self._gateway.health.wait_for(resting, self._model, time.monotonic())
        seconds = None if wait is None else int(wait)
        if Reason.OPEN in reasons or reasons == {Reason.PROBING}:
            return errors.channels_resting(self._group, self._model, seconds)
        if seconds is None and reasons & {Over.BUSY, Over.RATE, Over.TOKENS}:
            seconds = FULL_SECONDS
        return errors.upstream_saturated(seconds)


class OneRoute(Tries):
    """A channel that was chosen already: it is tried whatever its health."""

    def __init__(
        self, gateway: Gateway, channel: ChannelConfig, request: CallRequest, user_id: int
    ) -> None:
        super().__init__(gateway, request, user_id)
        self._channel = channel

    def __iter__(self) -> Iterator[ChannelConfig]:
        channel = self._channel
        keys = Keys(self._gateway, self._model, self._sticky)
        # Where all keys rest, the first.
        yield from self._each(channel, keys, keys.choose(channel) or channel.keys[0])

    def refusal(self) -> CallRefused:
        return errors.internal_error()


def estimate_tokens(request: CallRequest) -> int:
    """About what a call takes of a limit of tokens: its input by the size, its output as limited.
    Providers reckon the same way: https://platform.openai.com/docs/guides/rate-limits
    """
    return request.body_bytes // BYTES_PER_TOKEN + (request.max_tokens or 0)


def find_routes(
    gateway: Gateway, admitted: Admitted, request: CallRequest, holder: int | None = None
) -> Routes | OneRoute:
    """Raises CallRefused when no channel serves the model. `holder` is the only channel that can
    answer, where there is one.
    """
    table, caller = gateway.snapshot.routes, admitted.caller
    group, model = caller.group, fold_gizmo(request.model)
    if admitted.pinned is not None:
        channel = _pinned_channel(gateway, admitted, model, request)
        return OneRoute(gateway, channel, request, caller.user_id)
    if not table.has_model(group, model):
        raise errors.no_channel(group, request.model)
    if holder is not None:
        found = table.by_id.get(holder)
        if found is None or not found.is_enabled or group not in found.groups:
            raise errors.no_state()
        return OneRoute(gateway, found, request, caller.user_id)
    if not request.has_output and not any(
        may_serve(channel, request.endpoint) for channel in channels_of(table, group, model)
    ):
        raise errors.no_channel(group, request.model)
    return Routes(gateway, group, request, caller.token_id, caller.user_id)


def _pinned_channel(
    gateway: Gateway, admitted: Admitted, model: str, request: CallRequest
) -> ChannelConfig:
    channel = gateway.snapshot.routes.by_id.get(admitted.pinned or 0)
    if channel is None:
        raise errors.unknown_channel()
    if not channel.is_enabled:
        raise errors.channel_disabled()
    if admitted.caller.group not in channel.groups:
        raise errors.channel_not_in_group()
    if model not in channel.models or not may_serve(channel, request.endpoint):
        raise errors.channel_without_model()
    return channel
