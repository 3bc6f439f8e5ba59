"""Runs the few database functions that a call may need on threads of their own, off the event
loop.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ParamSpec, TypeVar

from django.db import DatabaseError, connections

P = ParamSpec("P")
T = TypeVar("T")


class DatabaseThreads:
    """A small pool whose threads keep their connections; a connection is replaced after an
    error.
    """

    def __init__(self, threads: int = 4) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="database")

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """The function's result; its exceptions pass through."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._pool, lambda: _run(function, *args, **kwargs))

    def close(self) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)


def _run(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    for connection in connections.all(initialized_only=True):
        connection.close_if_unusable_or_obsolete()
    try:
        return function(*args, **kwargs)
    except DatabaseError:
        for connection in connections.all(initialized_only=True):
            connection.close()
        raise


def close_connections(**_: Any) -> None:
    """For the end of a request to a page. Each request has a thread of its own, so a connection
    that is kept serves nobody again, and stays open until the remains of the thread are collected:
    a hundred requests would be a hundred connections.
    """
    for connection in connections.all(initialized_only=True):
        if not connection.in_atomic_block:
            connection.close()
