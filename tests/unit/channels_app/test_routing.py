"""Channels are chosen by group, model, priority and weight, without favour."""

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels_app.catalogue import find_kind
from channels_app.routing import ChannelConfig, RoutingTable, Tier, build_table, pick_among

OPENAI = find_kind("openai")


def channel(number: int, **values: Any) -> ChannelConfig:
    fields = {"models": ("m",), "groups": ("default",), **values}
    return ChannelConfig(number, f"c{number}", OPENAI, "http://h", "k", **fields)


def tiers_of(table: RoutingTable, group: str = "default", model: str = "m") -> tuple[Tier, ...]:
    return table.tiers.get((group, model), ())


def picks(table: RoutingTable, times: int) -> dict[int, int]:
    rng, found = random.Random(5), dict.fromkeys(table.by_id, 0)
    (tier,) = tiers_of(table)
    for _ in range(times):
        chosen = pick_among(tier.channels, tier.sums, rng)
        assert chosen is not None
        found[chosen.id] += 1
    return found


@pytest.mark.parametrize("weights", [(1, 1), (1, 3), (1, 1, 1, 1), (5, 1, 94), (0, 2, 2), (7,)])
def test_weights_are_kept_exactly(weights: tuple[int, ...]) -> None:
    table = build_table(channel(n, weight=weight) for n, weight in enumerate(weights, 1))
    found, times = picks(table, 10_000), 10_000
    expected = [times * weight / sum(weights) for weight in weights]
    assert all(count == 0 for count, want in zip(found.values(), expected, strict=True) if not want)
    chi_square = sum(
        (count - want) ** 2 / want
        for count, want in zip(found.values(), expected, strict=True)
        if want
    )
    # With four degrees of freedom 30 is passed once in 200,000 times.
    assert chi_square < 30


def test_weights_of_zero_alone_are_shared_equally() -> None:
    found = picks(build_table(channel(n, weight=0) for n in (1, 2)), 1000)
    assert min(found.values()) > 400


def test_what_is_left_keeps_its_weights() -> None:
    rng, left = random.Random(5), [channel(n, weight=n) for n in (1, 2)]
    light = sum(pick_among(left, (), rng) is left[0] for _ in range(4000))
    assert 1150 < light < 1520
    assert pick_among([]) is None


CONFIGS: st.SearchStrategy[list[dict[str, Any]]] = st.lists(
    st.builds(
        dict,
        models=st.sets(st.sampled_from("mno"), min_size=1).map(lambda names: tuple(sorted(names))),
        groups=st.sets(st.sampled_from(["default", "vip"]), min_size=1).map(
            lambda names: tuple(sorted(names))
        ),
        priority=st.integers(-2, 2),
        weight=st.integers(0, 3),
        is_enabled=st.booleans(),
    ),
    max_size=6,
)


@given(configs=CONFIGS, group=st.sampled_from(["default", "vip"]), model=st.sampled_from("mno"))
def test_every_fitting_channel_is_there_once_and_best_first(
    configs: list[dict[str, Any]], group: str, model: str
) -> None:
    channels = [channel(number, **values) for number, values in enumerate(configs, 1)]
    table = build_table(channels)
    fitting = [
        one for one in channels if one.is_enabled and group in one.groups and model in one.models
    ]
    tried = [one for tier in tiers_of(table, group, model) for one in tier.channels]
    assert len(tried) == len(fitting)
    assert {one.id for one in tried} == {one.id for one in fitting}
    assert [one.priority for one in tried] == sorted((o.priority for o in tried), reverse=True)
    assert table.has_model(group, model) == bool(fitting)
    assert (model in table.models_of_group.get(group, ())) == bool(fitting)


def test_disabled_channel_is_known_by_its_number_but_never_picked() -> None:
    table = build_table([channel(1, is_enabled=False)])
    assert not table.has_model("default", "m")
    assert table.by_id[1].name == "c1"


def test_key_and_proxy_are_not_shown() -> None:
    config = ChannelConfig(
        1, "c", OPENAI, "http://h", "the-key", ("m",), ("g",), proxy_url="http://u:pw@p"
    )
    assert "the-key" not in repr(config)
    assert "pw" not in repr(config)
