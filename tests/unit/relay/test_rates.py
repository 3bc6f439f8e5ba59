"""Calls of a minute: never more than the limit, forgotten in time, counted with other workers."""

from pathlib import Path

import pytest

from relay.rates import SLOTS, Rates

START = 1_800_000_000.0


def let_in(rates: Rates, limit: int, times: list[float], token: int = 7) -> list[float]:
    return [time for time in times if not rates.enter(token, limit, START + time)]


def test_a_limit_holds_for_a_token_alone() -> None:
    rates = Rates()
    assert let_in(rates, 3, [0, 0, 1, 1, 2]) == [0, 0, 1]
    assert let_in(rates, 3, [2], token=8) == [2]


@pytest.mark.parametrize("pause", [0.0, 0.3, 0.9, 1.7, 4.99, 5.0])
def test_no_minute_has_more_than_the_limit_whatever_the_pace(pause: float) -> None:
    times = [number * pause for number in range(400)]
    passed = let_in(Rates(), 10, times)
    for first in passed:
        assert sum(first <= time < first + 60 for time in passed) <= 10


def test_a_steady_caller_gets_nearly_all() -> None:
    passed = let_in(Rates(), 60, [float(second) for second in range(3600)])
    assert len(passed) >= 3600 * 12 / 13


def test_the_refusal_says_when_there_is_room() -> None:
    rates = Rates()
    let_in(rates, 2, [3.0, 21.0])
    for time in (21.0, 30.5, 64.2):
        seconds = rates.enter(7, 2, START + time)
        assert rates.enter(7, 2, START + time + seconds - 1.01) > 0
        assert 60 <= time + seconds - 3 <= 66
    assert rates.enter(7, 2, START + 65) == 0
    assert 81 <= 65 + rates.enter(7, 2, START + 65) <= 86


def test_workers_count_together_and_a_new_one_goes_on(tmp_path: Path) -> None:
    workers = [Rates() for _ in range(3)]
    for row, rates in enumerate(workers):
        rates.share(tmp_path / "rates", row, 3)
    taken = [workers[number % 3].enter(7, 10, START + number) == 0 for number in range(20)]
    assert taken == [True] * 10 + [False] * 10
    again = Rates()
    again.share(tmp_path / "rates", 1, 3)
    assert again.enter(7, 10, START + 20) > 0
    assert let_in(again, 10, [float(70 + number) for number in range(20)]) == [
        float(70 + number) for number in range(10)
    ]


def test_a_clock_that_is_set_back_blocks_nobody() -> None:
    rates = Rates()
    let_in(rates, 2, [10_000.0, 10_000.0])
    assert let_in(rates, 2, [0, 0, 0]) == [0, 0]


def test_numbers_far_apart_share_and_the_largest_limit_is_none(tmp_path: Path) -> None:
    rates = Rates()
    assert let_in(rates, 1, [0], token=7) == [0]
    assert let_in(rates, 1, [0], token=7 + SLOTS) == []
    assert let_in(rates, 2**31 - 1, [0] * 9, token=2**62) == [0] * 9
