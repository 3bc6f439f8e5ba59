"""Limits that begin anew: once in each period, under many hands, with the books in order."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import DatabaseError

from billing.bank import Bank
from billing.ledger import balance_units, set_token_limit
from billing.models import LedgerEntry, TokenRenewal
from billing.renewals import change_renewal, renew_limit, renew_limits
from billing.shipping import Position, ship
from chatapi.accounts.models import Token, TokenStatus
from chatapi.lib.money import MAX_UNITS
from chatapi.options.models import Change
from chatapi.web.pages.token_form_page import find_own, save_token
from tests.harness.ledgers import Payer, at_once, faults_of, lease, new_payer, new_worker

pytestmark = pytest.mark.usefixtures("database")
NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)
NEXT_DAY = datetime(2026, 12, 1, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def nobody_elses(database: str) -> None:
    TokenRenewal.objects.all().delete()


def renewed_payer(units: int, renews: str = "daily", to: int | None = None) -> Payer:
    payer = new_payer(10_000, limit=units)
    payer.token.refresh_from_db()
    change_renewal(payer.token, renews, to, now=NOON)
    return payer


def left(payer: Payer) -> int:
    assert payer.limit is not None
    return balance_units(payer.limit)


def spend(payer: Payer, units: int) -> None:
    worker = new_worker()
    lease(worker, payer, units)
    ship(worker, [payer.closed(units)], Position(1, 0), Position(1, 1))


def renewals_of(payer: Payer) -> list[tuple[int, str, str]]:
    entries = LedgerEntry.objects.filter(budget=payer.limit, reference__startswith="renew:")
    return list(entries.order_by("id").values_list("amount", "reference", "note"))


def test_what_is_left_is_set_back_with_the_day_and_the_entry_says_so() -> None:
    payer = renewed_payer(500)
    spend(payer, 400)
    assert (renew_limits(NOON), left(payer)) == (0, 100)

    before = Change.objects.filter(topic="token", key=str(payer.token.pk)).count()
    assert [renew_limits(NEXT_DAY) for _ in "ab"] == [1, 0]

    assert left(payer) == 500
    reference = f"renew:{payer.token.pk}:2026-12-01"
    assert renewals_of(payer) == [(400, reference, "daily renewal: limit 500")]
    after = Change.objects.filter(topic="token", key=str(payer.token.pk)).count()
    assert (after - before, payer.used(), faults_of(payer)) == (1, [400], [])


def test_nothing_spent_needs_no_entry_and_missed_days_are_one() -> None:
    idle, busy = renewed_payer(500), renewed_payer(500)
    spend(busy, 500)
    assert renew_limits(datetime(2027, 3, 9, 0, 0, 1, tzinfo=UTC)) == 2
    assert (renewals_of(idle), left(idle)) == ([], 500)
    assert [amount for amount, *_ in renewals_of(busy)] == [500]
    assert renew_limits(datetime(2027, 3, 9, 23, 59, tzinfo=UTC)) == 0


def test_a_month_begins_with_its_first_day() -> None:
    payer = renewed_payer(500, "monthly", to=300)
    assert [renew_limits(datetime(2026, 11, day, 23, tzinfo=UTC)) for day in (1, 29)] == [0, 0]
    assert renew_limits(NEXT_DAY) == 1
    assert renewals_of(payer)[0][:2] == (-200, f"renew:{payer.token.pk}:2026-12-01")
    assert renew_limits(datetime(2026, 12, 31, 23, 59, tzinfo=UTC)) == 0
    assert (renew_limits(datetime(2027, 1, 1, tzinfo=UTC)), left(payer)) == (1, 300)
    assert faults_of(payer) == []


def test_many_hands_renew_once_while_calls_go_on() -> None:
    payers = [renewed_payer(1000) for _ in range(3)]
    for payer in payers:
        spend(payer, 700)
    problems: list[str] = []

    def work(number: int) -> int:
        try:
            if number < 4:
                return renew_limits(NEXT_DAY)
            worker = new_worker()
            for payer in payers * 5:
                assert payer.limit is not None
                Bank(worker).give_back(payer.limit, Bank(worker).extend(payer.limit, 7, 0).units)
                if number == 5:
                    set_token_limit(payer.token, 1000)
        except (DatabaseError, AssertionError) as error:
            problems.append(f"{type(error).__name__}: {error}")
        return 0

    assert sum(at_once(6, work)) == 3
    assert problems == []
    for payer in payers:
        assert (left(payer), len(renewals_of(payer)) <= 1, faults_of(payer)) == (1000, True, [])


def test_owners_save_and_calls_are_shipped_while_limits_renew() -> None:
    """All lock the limit before the token: nobody is given up in a deadlock."""
    payers = [renewed_payer(1000) for _ in range(4)]
    problems: list[str] = []

    def save(payer: Payer, units: int) -> None:
        Token.objects.filter(pk=payer.token.pk).update(first_used_at=NOON)
        token = find_own(payer.user, payer.token.pk)
        values = {"valid_seconds": 60 + units, "expires_at": None, "renew_units": units}
        save_token(token, {**values, "is_unlimited": False, "remain_quota": units}, payer.user)

    def work(number: int) -> None:
        try:
            for turn in range(12):
                if number < 2:
                    renew_limits(NEXT_DAY + timedelta(days=turn))
                elif number < 4:
                    save(payers[(turn + number) % 4], 1000 + number + turn)
                else:
                    spend(payers[turn % 4], 1)
        except DatabaseError as error:
            problems.append(f"{number}: {type(error).__name__}: {error}")

    at_once(5, work)
    assert problems == []
    assert [faults_of(payer) for payer in payers] == [[]] * 4


def test_what_calls_hold_counts_and_too_much_of_it_waits() -> None:
    payer, worker = renewed_payer(500, to=100), new_worker()
    assert payer.limit is not None
    Bank(worker).extend(payer.limit, 450, 0)
    assert (renew_limits(NEXT_DAY), left(payer)) == (0, 500)
    Bank(worker).give_back(payer.limit, 430)
    assert (renew_limits(NEXT_DAY), left(payer)) == (1, 100)
    assert faults_of(payer) == []


def test_a_change_by_the_owner_holds_at_once_and_the_day_goes_on() -> None:
    payer = renewed_payer(500)
    set_token_limit(payer.token, 900)
    change_renewal(payer.token, units=200, now=NEXT_DAY)
    assert left(payer) == 900
    assert (renew_limits(NEXT_DAY), left(payer)) == (1, 200)
    change_renewal(payer.token, "monthly", now=NEXT_DAY)
    change_renewal(payer.token, "daily", now=NEXT_DAY)
    spend(payer, 50)
    assert (renew_limits(NEXT_DAY), left(payer)) == (0, 150)
    change_renewal(payer.token, "never")
    assert (renew_limits(datetime(2028, 1, 1, tzinfo=UTC)), left(payer)) == (0, 150)


def test_an_exhausted_token_works_again_and_a_disabled_one_does_not() -> None:
    states = (TokenStatus.EXHAUSTED, TokenStatus.DISABLED)
    payers = [renewed_payer(10) for _ in states]
    for payer, status in zip(payers, states, strict=True):
        Token.objects.filter(pk=payer.token.pk).update(status=status)
    assert renew_limits(NEXT_DAY) == 2
    found = [Token.objects.get(pk=payer.token.pk).status for payer in payers]
    assert found == [TokenStatus.ENABLED, TokenStatus.DISABLED]


def test_tokens_without_a_limit_have_none_that_renews() -> None:
    free = new_payer(10)
    with pytest.raises(ValidationError):
        change_renewal(free.token, "daily", 5)
    payer = renewed_payer(500)
    for units in (0, -1, MAX_UNITS + 1):
        with pytest.raises(ValidationError):
            change_renewal(payer.token, units=units)
    Token.objects.filter(pk=payer.token.pk).update(is_unlimited=True)
    assert not renew_limit(payer.token.pk, NEXT_DAY)
    payer.token.delete()
    assert not renew_limit(payer.token.pk or 0, NEXT_DAY)
    assert renew_limits(NEXT_DAY) == 0


def test_a_reference_that_stands_is_no_obstacle() -> None:
    payer = renewed_payer(500)
    spend(payer, 400)
    assert renew_limits(NEXT_DAY) == 1
    spend(payer, 100)
    TokenRenewal.objects.filter(pk=payer.token.pk).update(period_on=date(2026, 11, 30))
    renew_limits(NEXT_DAY)
    assert (left(payer), len(renewals_of(payer)), faults_of(payer)) == (400, 1, [])
    assert renew_limits(NEXT_DAY) == 0
