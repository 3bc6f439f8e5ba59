"""Who writes waits in the order of coming, and not for ever."""

import threading
from functools import partial

from chatapi.lib.sqlite_turns import Queue
from tests.harness.waiting import wait_for


def has_length(queue: Queue, length: int) -> bool:
    return len(queue) == length


def test_turns_come_in_order() -> None:
    queue, got = Queue(), list[int]()

    def write(number: int) -> None:
        with queue.turn(60):
            got.append(number)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(5)]
    with queue.turn(60):
        for number, thread in enumerate(threads, 2):
            thread.start()
            wait_for(partial(has_length, queue, number), "it does not wait")
        assert got == []
    for thread in threads:
        thread.join()
    assert got == [0, 1, 2, 3, 4]
    assert len(queue) == 0


def test_who_waits_too_long_gives_its_place_up() -> None:
    queue = Queue()
    with queue.turn(60) as is_first:
        with queue.turn(0.01) as is_second:
            assert (is_first, is_second) == (True, False)
        assert len(queue) == 1
    with queue.turn(0.01) as is_free:
        assert is_free
