"""Hears notices of Epay as a web worker does, in children that are killed at one statement after
the other: `paying USER`. Each notice is of an order of its own and is sent again afterwards.

Prints, as its last line, how many places there were and what was wrong after them.
"""

import json
import os
import signal
import sys
from itertools import count
from typing import Any
from urllib.parse import urlencode

import django
from django.db import connection, connections

MOST_PLACES = 300


def main() -> None:
    django.setup()
    # A pool has threads, and children have none of them.
    connection.settings_dict["OPTIONS"].pop("pool", None)
    wrong: list[str] = []
    places = 0
    for place in count(1):
        order, query = make_order(sys.argv[1])
        if in_child(query, place) == 0:
            break
        places = place
        wrong += [f"{place}, killed: {fault}" for fault in faults(order)]
        if in_child(query, 0) != 0:
            wrong.append(f"{place}: the second notice failed")
        wrong += [f"{place}, again: {fault}" for fault in faults(order, is_paid=True)]
        if place == MOST_PLACES:
            wrong.append("it never ended")
            break
    sys.stdout.write("\n" + json.dumps({"places": places, "wrong": wrong}) + "\n")


def make_order(username: str) -> tuple[int, str]:
    """A new order of ten dollars, and the query of the notice that it is paid."""
    from billing.payments.gateways.epay import read_epay, sign  # noqa: PLC0415 -- needs the registry
    from chatapi.accounts.models import User  # noqa: PLC0415
    from tests.harness.orders import order_of  # noqa: PLC0415

    order = order_of(User.objects.get(username=username))
    fields = {
        "pid": order.merchant,
        "trade_no": f"T{order.number}",
        "out_trade_no": order.number,
        "type": order.method,
        "money": f"{order.money:.2f}",
        "trade_status": "TRADE_SUCCESS",
    }
    return order.pk, urlencode({**fields, "sign": sign(fields, read_epay().key)})


def in_child(query: str, place: int) -> int:
    """Hear the notice in a child that dies at its n-th statement (0: never); how it ended."""
    connections.close_all()
    pid = os.fork()
    if pid == 0:
        os._exit(hear(query, place))
    return os.waitpid(pid, 0)[1]


def hear(query: str, place: int) -> int:
    from django.test import RequestFactory  # noqa: PLC0415 -- needs Django's registry

    from chatapi.web.callbacks import hear_epay  # noqa: PLC0415

    seen = 0

    def watch(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:  # noqa: FBT001 -- Django's signature
        nonlocal seen
        seen += 1
        if seen == place:
            os.kill(os.getpid(), signal.SIGKILL)
        return execute(sql, params, many, context)

    request = RequestFactory().get(f"/api/user/epay/notify?{query}")
    with connection.execute_wrapper(watch):
        answer = hear_epay(request)
    if seen + 1 == place:
        # All is committed, and nothing was answered.
        os.kill(os.getpid(), signal.SIGKILL)
    return 0 if answer.content == b"success" else 1


def faults(order_id: int, *, is_paid: bool = False) -> list[str]:
    """What does not go together: the order's state, its entry, its lot, the kept notice."""
    from billing.models import LedgerEntry, Order, OrderState, RechargeLot, Verdict  # noqa: PLC0415

    order = Order.objects.get(pk=order_id)
    paid = order.state == OrderState.PAID
    found = {
        "entry": LedgerEntry.objects.filter(reference=f"order:{order.number}").count(),
        "lot": RechargeLot.objects.filter(entry__reference=f"order:{order.number}").count(),
        "notice": order.notices.filter(verdict=Verdict.CREDITED).count(),
        "link": int(order.entry_id is not None),
    }
    connections.close_all()
    wrong = [f"{name} {number} times" for name, number in found.items() if number != int(paid)]
    return [*wrong, "not paid"] if is_paid and not paid else wrong


if __name__ == "__main__":
    main()
