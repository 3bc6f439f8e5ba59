"""When a worker refuses calls: its timers are late, and have been for a while."""

from relay.overload import PATIENCE_SECONDS, TICK_SECONDS, Overload

LIMIT = 0.1
CALLS = 1000


def let_in(overload: Overload) -> int:
    return sum(overload.lets_in() for _ in range(CALLS))


def overloaded(seconds: float) -> Overload:
    overload = Overload()
    for tick in range(int(seconds / TICK_SECONDS)):
        overload.note(tick * TICK_SECONDS, 1.1 * LIMIT, LIMIT)
    return overload


def test_a_short_pause_refuses_nobody() -> None:
    overload = Overload()
    overload.note(10.0, 5.0, LIMIT)
    overload.note(10.1, 0.0, LIMIT)
    overload.note(20.0, 5.0, LIMIT)
    assert let_in(overload) == CALLS


def test_the_longer_it_is_late_the_fewer_are_let_in_but_never_none() -> None:
    assert let_in(overloaded(PATIENCE_SECONDS)) == CALLS
    some, few, least = (let_in(overloaded(seconds)) for seconds in (0.55, 0.65, 60))
    assert CALLS > some > few > least > 0


def test_one_late_timer_lets_fewer_in_the_later_it_is() -> None:
    shares = []
    for lag in (0.1, 0.2, 0.5):
        overload = overloaded(0.55)
        overload.note(1.0, lag, LIMIT)
        shares.append(overload.share)
    assert shares == sorted(shares, reverse=True)
    assert shares[0] > 2 * shares[-1]


def test_it_settles_where_the_worker_is_just_not_late() -> None:
    """Late whenever more than 40 of 100 are let in."""
    overload = overloaded(1)
    shares = []
    for tick in range(1000):
        overload.note(10 + tick * TICK_SECONDS, 1.1 * LIMIT if overload.share > 0.4 else 0, LIMIT)
        shares.append(overload.share)
    assert 0.15 < min(shares[-100:]) <= max(shares[-100:]) < 0.45


def test_all_come_in_again_when_it_is_over() -> None:
    overload = overloaded(60)
    for tick in range(int(5 / TICK_SECONDS)):
        overload.note(100 + tick * TICK_SECONDS, 0.0, LIMIT)
    assert let_in(overload) == CALLS


def test_without_a_limit_nobody_is_refused() -> None:
    overload = overloaded(60)
    overload.note(100.0, 60.0, 0)
    assert let_in(overload) == CALLS
