"""Limits of channels: per minute, at once, per day; over the workers of a node and over nodes."""

from dataclasses import replace
from pathlib import Path

import pytest

from channels_app.catalogue import find_kind
from channels_app.limits import Day, Foreign, LimitBook, Over
from channels_app.routing import ChannelConfig, Limits
from channels_app.tallies import PROBES, SLICE_SECONDS, SLICES, Tallies, make_tag

MODEL = "m"
CHANNEL = ChannelConfig(1, "c", find_kind("openai"), "http://h", "k", (MODEL,), ("default",))


def limited(**limits: int) -> ChannelConfig:
    return replace(CHANNEL, limits=Limits(**limits))


def take(
    book: LimitBook, channel: ChannelConfig, now: float, tries: int, *, tokens: int = 0
) -> int:
    """How many of so many calls, that end at once, are let through."""
    accepted = 0
    for _ in range(tries):
        if book.objection(channel, MODEL, now, tokens) is None:
            book.end(book.begin(channel, MODEL, now, tokens), now, tokens, 0)
            accepted += 1
    return accepted


def workers(folder: Path, count: int) -> list[LimitBook]:
    books = [LimitBook() for _ in range(count)]
    for row, book in enumerate(books):
        book.tallies.share(folder / "tallies", row, count)
    return books


def test_ten_calls_a_minute_are_ten_of_each_model() -> None:
    channel, book = limited(requests_per_minute=10), LimitBook()
    assert take(book, channel, 7.0, 100) == 10
    assert book.objection(channel, MODEL, 66.9, 0) == Over.RATE
    assert book.objection(channel, "another", 7.0, 0) is None
    assert book.objection(channel, MODEL, 72.0, 0) is None


def test_the_limit_of_all_models_counts_them_together() -> None:
    channel, book = limited(total_requests_per_minute=3), LimitBook()
    for model in ("a", "b", "c"):
        book.begin(channel, model, 1.0, 0)
    assert book.objection(channel, "d", 1.0, 0) == Over.RATE


def test_never_more_in_any_sixty_seconds() -> None:
    channel, book = limited(requests_per_minute=10), LimitBook()
    times = []
    for tenth in range(3000):
        now = tenth / 10
        times += [now] * take(book, channel, now, 1)
    assert all(sum(1 for other in times if at <= other < at + 60) <= 10 for at in times)
    assert len(times) >= 40


def test_so_many_at_the_same_time_and_no_more() -> None:
    channel, book = limited(concurrency=2), LimitBook()
    entries = [book.begin(channel, MODEL, 0, 0) for _ in range(2)]
    assert book.objection(channel, MODEL, 999, 0) == Over.BUSY
    book.end(entries[0], 999, 0, 0)
    assert book.objection(channel, MODEL, 999, 0) is None


def test_tokens_are_estimated_then_corrected() -> None:
    channel, book = limited(tokens_per_minute=100), LimitBook()
    entries = book.begin(channel, MODEL, 0, 90)
    assert book.objection(channel, MODEL, 1, 11) == Over.TOKENS
    assert book.objection(channel, MODEL, 1, 10) is None
    book.end(entries, 2, 20, 0)
    assert book.objection(channel, MODEL, 2, 80) is None
    assert book.objection(channel, MODEL, 2, 81) == Over.TOKENS


def test_a_call_longer_than_a_minute_counts_when_it_ends() -> None:
    channel, book = limited(tokens_per_minute=100), LimitBook()
    entries = book.begin(channel, MODEL, 0, 1)
    book.end(entries, 300, 5000, 0)
    assert book.objection(channel, MODEL, 301, 1) == Over.TOKENS
    assert book.objection(channel, MODEL, 366, 1) is None


def test_what_alone_is_larger_than_the_limit_goes_when_nothing_else_went() -> None:
    channel, book = limited(tokens_per_minute=100), LimitBook()
    assert take(book, channel, 0, 5, tokens=5000) == 1


@pytest.mark.parametrize("rows", [2, 4])
def test_workers_of_a_node_count_together(tmp_path: Path, rows: int) -> None:
    channel = limited(requests_per_minute=10, concurrency=8)
    books = workers(tmp_path, rows)
    assert sum(take(book, channel, 0, 3) for book in books * 4) == 10
    for book in books:
        assert book.objection(channel, MODEL, 0, 0) == Over.RATE


def test_a_worker_that_died_is_forgotten(tmp_path: Path) -> None:
    channel = limited(concurrency=1)
    first, second = workers(tmp_path, 2)
    second.begin(channel, MODEL, 0, 0)
    assert first.objection(channel, MODEL, 0, 0) == Over.BUSY
    LimitBook().tallies.share(tmp_path / "tallies", 1, 2)
    assert first.objection(channel, MODEL, 0, 0) is None


def exchange(books: list[LimitBook], now: float) -> None:
    """As nodes do through Redis."""
    told = [book.tell(now) for book in books]
    for index, book in enumerate(books):
        foreign: dict[int, Foreign] = {}
        for other, counts in enumerate(told):
            for tag, count in counts.items() if other != index else ():
                before = foreign.get(tag, Foreign())
                foreign[tag] = Foreign(*(a + b for a, b in zip(before, count, strict=True)))
        book.hear(foreign, len(books), now)


@pytest.mark.parametrize("nodes", [2, 3, 5])
def test_nodes_share_what_is_left(nodes: int) -> None:
    channel, books = limited(requests_per_minute=30), [LimitBook() for _ in range(nodes)]
    exchange(books, 0)
    assert 30 <= sum(take(book, channel, 1, 100) for book in books) < 30 + nodes


def test_one_node_alone_gets_all_within_seconds() -> None:
    channel, books = limited(requests_per_minute=10), [LimitBook() for _ in range(2)]
    taken = 0
    for step in range(6):
        exchange(books, step * 0.4)
        taken += take(books[0], channel, step * 0.4, 100)
    assert taken == 10
    exchange(books, 3)
    assert take(books[1], channel, 3, 100) == 0


def test_nodes_that_hear_nothing_keep_to_their_share() -> None:
    channel, books = limited(requests_per_minute=10), [LimitBook() for _ in range(2)]
    exchange(books, 0)
    for book in books:
        book.lose()
    assert [take(book, channel, 1, 100) for book in books] == [5, 5]


@pytest.mark.parametrize(
    ("limits", "used"),
    [
        ({"requests_per_day": 10}, Day(requests=7)),
        ({"tokens_per_day": 1000}, Day(tokens=700)),
        ({"micro_usd_per_day": 1_000_000}, Day(units=350_000)),
    ],
)
def test_a_day_goes_on_where_the_books_say(limits: dict[str, int], used: Day) -> None:
    channel, book = limited(**limits), LimitBook()
    book.take_days(5, {1: used})
    for _ in range(3):
        assert book.objection(channel, MODEL, 0, 0) is None
        book.end(book.begin(channel, MODEL, 0, 0), 0, 100, 50_000)
        book.take_days(5, {1: used})
    assert book.objection(channel, MODEL, 0, 0) == Over.DAY
    # Hours later too: a day is no minute.
    assert book.objection(channel, MODEL, 9999, 0) == Over.DAY
    book.take_days(6, {})
    assert book.objection(channel, MODEL, 9999, 0) is None


def test_what_other_nodes_did_arrives_with_the_books() -> None:
    channel, book = limited(requests_per_day=10), LimitBook()
    book.take_days(5, {})
    assert take(book, channel, 0, 4) == 4
    book.take_days(5, {1: Day(requests=4)})
    assert take(book, channel, 0, 1) == 1
    book.take_days(5, {1: Day(requests=9)})
    assert take(book, channel, 0, 9) == 1


def test_a_call_over_midnight_counts_for_the_new_day() -> None:
    channel, book = limited(tokens_per_day=100), LimitBook()
    book.take_days(5, {})
    entries = book.begin(channel, MODEL, 0, 50)
    book.take_days(6, {})
    book.end(entries, 1, 100, 0)
    assert book.objection(channel, MODEL, 1, 0) == Over.DAY


def test_many_tags_do_not_disturb_each_other() -> None:
    tallies = Tallies()
    tags = [make_tag(number, model) for number in range(1, 500) for model in ("", "a", "b")]
    for tag in tags:
        tallies.begin(tag, 0, 7)
    assert {tallies.read(tag, 0).requests for tag in tags} == {1}


def test_full_places_are_shared_never_lost() -> None:
    """Tags of one slot: more than there are places for."""
    tallies = Tallies()
    tags = [number << 14 << 32 for number in range(1, PROBES + 3)]
    entries = [tallies.begin(tag, 0, 1) for tag in tags]
    assert all(tallies.read(tag, 0).running >= 1 for tag in tags)
    for entry in entries:
        tallies.end(entry, 0, 1, 0)
    assert all(tallies.read(tag, 0).running == 0 for tag in tags)
    # The next day they may have the places of those that are not used any more.
    tallies.day = 1
    late = SLICE_SECONDS * (SLICES + 1.0)
    fresh = 99 << 14 << 32
    tallies.begin(fresh, late, 1)
    assert tallies.read(fresh, late).requests == 1
