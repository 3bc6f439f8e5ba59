"""Cool-downs, circuits, strikes, budgets of retries."""

from dataclasses import replace
from typing import Any

import pytest

from channels_app.catalogue import find_kind
from channels_app.conditions import FAILURES_TO_OPEN, MOST_COOLING, MOST_OPEN, Reason
from channels_app.decisions import Rules, decide
from channels_app.failures import Cause, UpstreamFailure
from channels_app.health import Health, Verdict
from channels_app.routing import ChannelConfig

MODEL = "m"
RULES = Rules()
STRIKES = RULES.strikes
NOTHING = Verdict.NOTHING


CHANNEL = ChannelConfig(1, "c", find_kind("openai"), "http://h", "k", (MODEL,), ("default",))


def failure(cause: Cause, retry_after: float | None = None) -> UpstreamFailure:
    return UpstreamFailure(cause, "no", retry_after=retry_after)


def fail(
    health: Health,
    cause: Cause,
    times: int = 1,
    now: float = 0.0,
    *,
    channel: ChannelConfig = CHANNEL,
    asked: float | None = None,
) -> list[Verdict]:
    found = failure(cause, asked)
    decision = decide(found, RULES)
    return [
        health.note_failure(channel, MODEL, found, decision, now, RULES.strikes)
        for _ in range(times)
    ]


@pytest.mark.parametrize("cause", [Cause.CLIENT, Cause.REFUSED, Cause.TOO_LONG])
def test_the_clients_faults_never_count(cause: Cause) -> None:
    health = Health()
    assert fail(health, cause, 100) == [NOTHING] * 100
    assert health.objection(CHANNEL, MODEL, 0) is None


@pytest.mark.parametrize(("asked", "waits"), [(None, 5), (1.0, 1), (60.0, 60), (1e9, MOST_COOLING)])
def test_a_limited_channel_cools_as_long_as_it_asks(asked: float | None, waits: float) -> None:
    health = Health()
    fail(health, Cause.RATE_LIMITED, now=100, asked=asked)
    assert health.objection(CHANNEL, MODEL, 100 + waits - 0.1) == Reason.COOLING
    assert health.objection(CHANNEL, "another", 100) is None
    assert health.objection(CHANNEL, MODEL, 100 + waits) is None
    assert health.wait_for([CHANNEL], MODEL, 100) == max(waits, 1)


def test_cooling_doubles_until_it_works_again() -> None:
    health = Health()
    fail(health, Cause.RATE_LIMITED)
    fail(health, Cause.RATE_LIMITED, now=5)
    assert health.objection(CHANNEL, MODEL, 14.9) == Reason.COOLING
    assert health.objection(CHANNEL, MODEL, 15) is None
    health.note_success(CHANNEL, MODEL, 16)
    fail(health, Cause.RATE_LIMITED, now=20)
    assert health.objection(CHANNEL, MODEL, 25) is None


def test_circuit_opens_probes_with_one_call_and_closes() -> None:
    health = Health()
    fail(health, Cause.OVERLOADED, FAILURES_TO_OPEN - 1)
    assert health.objection(CHANNEL, MODEL, 0) is None
    fail(health, Cause.TIMEOUT)
    assert health.objection(CHANNEL, MODEL, 9.9) == Reason.OPEN

    assert health.objection(CHANNEL, MODEL, 10) is None
    turn = health.begin(CHANNEL, MODEL, 10, is_retry=False)
    assert health.objection(CHANNEL, MODEL, 10) == Reason.PROBING
    fail(health, Cause.NETWORK, now=11)
    health.end(turn)
    assert health.objection(CHANNEL, MODEL, 30.9) == Reason.OPEN
    assert health.objection(CHANNEL, MODEL, 31) is None

    turn = health.begin(CHANNEL, MODEL, 31, is_retry=False)
    health.note_success(CHANNEL, MODEL, 31)
    health.end(turn)
    assert health.objection(CHANNEL, MODEL, 31) is None


def test_circuit_never_opens_longer_than_its_bound() -> None:
    health = Health()
    for step in range(50):
        fail(health, Cause.OVERLOADED, now=step * 1000.0)
    assert health.objection(CHANNEL, MODEL, 49_000 + MOST_OPEN) is None


def test_refused_keys_are_struck_and_then_the_channel_is_out() -> None:
    health = Health()
    assert fail(health, Cause.CREDENTIAL, STRIKES) == [NOTHING] * (STRIKES - 1) + [Verdict.CHANNEL]
    health.forget(CHANNEL.id, 0.0)
    assert fail(health, Cause.CREDENTIAL) == [NOTHING]


def test_strikes_long_ago_are_forgotten() -> None:
    health = Health()
    fail(health, Cause.CREDENTIAL, STRIKES - 1)
    assert fail(health, Cause.CREDENTIAL, now=10_000) == [NOTHING]


def test_retries_are_a_fifth_of_the_calls() -> None:
    health = Health()
    for _ in range(3):
        health.begin(CHANNEL, MODEL, 0, is_retry=True)
    assert health.objection(CHANNEL, MODEL, 0, is_retry=True) == Reason.RETRIES
    assert health.objection(CHANNEL, MODEL, 0) is None
    for _ in range(20):
        health.begin(CHANNEL, MODEL, 0, is_retry=False)
    assert health.objection(CHANNEL, MODEL, 0, is_retry=True) is None


def open_circuit(health: Health, now: float = 0.0) -> None:
    fail(health, Cause.OVERLOADED, FAILURES_TO_OPEN, now)


def calls_let_through(workers: list[Health], start: float, seconds: float) -> list[float]:
    """When calls begin, if each worker is asked each millisecond and each call succeeds."""
    found = []
    for step in range(int(seconds * 1000)):
        now = start + step / 1000
        if step % 400 == 0:
            exchange(workers, now)
        for health in workers:
            if health.objection(CHANNEL, MODEL, now) is None:
                turn = health.begin(CHANNEL, MODEL, now, is_retry=False)
                turn.has_answered = True
                health.note_success(CHANNEL, MODEL, now)
                health.end(turn)
                found.append(now)
    return found


def exchange(workers: list[Health], now: float) -> None:
    told = [health.tell(now) for health in workers]
    for rank, health in enumerate(workers):
        others = [words for index, words in enumerate(told) if index != rank]
        health.hear(others, rank, len(workers), now)


@pytest.mark.parametrize("cause", [Cause.OVERLOADED, Cause.RATE_LIMITED])
@pytest.mark.parametrize("count", [1, 4])
def test_not_trampled_after_a_rest(count: int, cause: Cause) -> None:
    workers = [Health() for _ in range(count)]
    for health in workers:
        fail(health, cause, FAILURES_TO_OPEN)
    until = 10.0 if cause == Cause.OVERLOADED else 5.0 * 2 ** (FAILURES_TO_OPEN - 1)
    found = calls_let_through(workers, until - 0.5, 12)
    assert found[0] == pytest.approx(until, abs=2)
    assert sum(1 for at in found if at < found[0] + 1) <= 3
    # And then it is as it was.
    assert sum(1 for at in found if at >= until + 8) > 1000


def test_what_one_found_dead_the_others_know() -> None:
    one, other = Health(), Health()
    open_circuit(one)
    exchange([one, other], 0.4)
    assert other.objection(CHANNEL, MODEL, 0.4) == Reason.OPEN
    assert other.objection(CHANNEL, "another", 0.4) is None
    # Who was told does not tell it again: else it would never end.
    assert other.tell(0.5).rests == []


def test_what_one_found_well_again_the_others_know() -> None:
    one, other = Health(), Health()
    open_circuit(one)
    open_circuit(other)
    exchange([one, other], 0.4)
    turn = one.begin(CHANNEL, MODEL, 6, is_retry=False)
    one.note_success(CHANNEL, MODEL, 6)
    one.end(turn)
    exchange([one, other], 6.4)
    assert other.objection(CHANNEL, MODEL, 7.5) is None
    assert one.objection(CHANNEL, MODEL, 7.5) is None


def test_what_an_operator_ended_does_not_come_back_from_another_worker() -> None:
    one, other = Health(), Health()
    open_circuit(one)
    exchange([one, other], 0.4)
    other.forget(CHANNEL.id, 0.5)
    exchange([one, other], 0.8)
    one.forget(CHANNEL.id, 0.9)
    exchange([one, other], 1.2)
    assert other.objection(CHANNEL, MODEL, 1.2) is None
    open_circuit(one, 1.3)
    exchange([one, other], 1.6)
    assert other.objection(CHANNEL, MODEL, 1.6) == Reason.OPEN


def test_pages_see_why_and_how_long_here_and_elsewhere() -> None:
    one, other = Health(), Health()
    fail(one, Cause.RATE_LIMITED, asked=60)
    exchange([one, other], 0.4)
    for health in (one, other):
        ((place, condition),) = health.rests(1)
        assert place == (CHANNEL.id, "", MODEL)
        assert condition.rests_until == pytest.approx(60, abs=0.1)
        assert condition.why.startswith("rate_limited")
        assert health.rests(61) == []


def test_a_trial_that_never_answers_holds_up_no_other_for_ever() -> None:
    health = Health()
    open_circuit(health)
    health.begin(CHANNEL, MODEL, 10, is_retry=False)
    assert health.objection(CHANNEL, MODEL, 19.9) == Reason.PROBING
    assert health.objection(CHANNEL, MODEL, 20) is None


def test_the_last_one_is_tried_before_its_rest_ends() -> None:
    health = Health()
    open_circuit(health)
    fail(health, Cause.OVERLOADED, 5, now=10)
    assert health.objection(CHANNEL, MODEL, 14.9) == Reason.OPEN
    assert health.last_resort([CHANNEL], MODEL, 14.9) is None
    assert health.wait_for([CHANNEL], MODEL, 11) == pytest.approx(4)
    assert health.last_resort([CHANNEL], MODEL, 15) is CHANNEL
    turn = health.begin(CHANNEL, MODEL, 15, is_retry=False)
    assert health.last_resort([CHANNEL], MODEL, 15) is None
    health.end(turn)
    fail(health, Cause.OVERLOADED, now=15)
    assert health.last_resort([CHANNEL], MODEL, 19.9) is None


def test_what_the_provider_asked_for_is_obeyed_also_at_last() -> None:
    health = Health()
    fail(health, Cause.RATE_LIMITED, asked=60)
    assert health.last_resort([CHANNEL], MODEL, 30) is None


# --- Several keys ---

KEYS = tuple(replace(CHANNEL, key=f"sk-{tag}", key_tag=tag) for tag in ("a", "b", "c"))
MANY = replace(CHANNEL, keys=KEYS)


def chosen(health: Health, now: float = 0.0, **options: Any) -> str:
    found = health.choose_key(MANY, MODEL, now, **options)
    return found.key_tag if found else ""


def test_keys_take_turns_and_those_that_rest_are_left_out() -> None:
    health = Health()
    assert [chosen(health) for _ in range(4)] == ["a", "b", "c", "a"]
    fail(health, Cause.RATE_LIMITED, channel=KEYS[1])
    assert [chosen(health) for _ in range(4)] == ["c", "a", "c", "a"]
    assert chosen(health, used={"a"}) == "c"
    assert chosen(health, used={"a", "c"}) == ""
    # The key rests, not the channel.
    assert health.objection(MANY, MODEL, 0) is None
    assert sorted(chosen(health, 5) for _ in range(3)) == ["a", "b", "c"]


def test_the_same_number_gives_the_same_key() -> None:
    health = Health()
    assert {chosen(health, sticky=7) for _ in range(5)} == {"b"}


def test_a_refused_key_goes_alone() -> None:
    health = Health()
    found = fail(health, Cause.CREDENTIAL, STRIKES, channel=KEYS[0])
    assert found == [NOTHING] * (STRIKES - 1) + [Verdict.KEY]


def test_trouble_of_the_provider_is_the_channels() -> None:
    health = Health()
    for key in (0, 1, 2, 0, 1):
        fail(health, Cause.OVERLOADED, channel=KEYS[key])
    assert health.objection(MANY, MODEL, 1) == Reason.OPEN
