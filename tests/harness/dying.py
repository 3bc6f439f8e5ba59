"""Does background work in children that are killed at one statement after the other: `dying 1`.
With a stride of three it is each third one, from one of the first three on. Each child finds a new
piece of work; what it leaves is done by one that lives.

Prints, as its last line, for each chore the last place and what was wrong afterwards.
"""

import json
import os
import random
import signal
import sys
from contextlib import ExitStack
from itertools import count
from typing import Any

import django
from django.conf import settings
from django.db import connection, connections

MOST_PLACES = 150
WRONG_KEY = {"error": {"message": "no such key", "code": "invalid_api_key"}}


def main() -> None:
    django.setup()
    # A pool has threads, and children have none of them.
    connection.settings_dict["OPTIONS"].pop("pool", None)
    with ExitStack() as stack:
        found = {type(chore).__name__: look_at(chore) for chore in make_chores(stack)}
    sys.stdout.write("\n" + json.dumps(found) + "\n")


def make_chores(stack: ExitStack) -> list[Any]:
    from constance import config  # noqa: PLC0415 -- needs Django's registry

    from billing.payments.simulator.epay import SimulatedEpay  # noqa: PLC0415
    from billing.payments.simulator.server import Gateways, running_gateways  # noqa: PLC0415
    from billing.payments.simulator.stripe import SimulatedStripe  # noqa: PLC0415
    from chatapi.options.secret_options import seal_secret  # noqa: PLC0415
    from tests.harness import chores  # noqa: PLC0415
    from tests.harness.answering_provider import running_answers  # noqa: PLC0415
    from tests.harness.receiver import running_receiver  # noqa: PLC0415
    from tests.harness.smtp_server import running_mail_server  # noqa: PLC0415

    epay = SimulatedEpay("1001", "merchant-key-1")
    gateways = Gateways(epay, SimulatedStripe("sk_test_1", "whsec_1", ""))
    payments = stack.enter_context(running_gateways(gateways))
    receiver = stack.enter_context(running_receiver())
    mail = stack.enter_context(running_mail_server(settings.DATA_DIR))
    provider = stack.enter_context(running_answers())
    provider.says["/bad/v1/chat/completions"] = (401, WRONG_KEY)
    provider.says["/good/v1/chat/completions"] = (200, chores.ANSWER)
    config.OperatorWebhookUrl, config.PayAddress = receiver.url, payments.url
    config.EpayId, config.LogRetentionDays = epay.pid, 30
    config.SMTPServer, config.SMTPPort, config.SMTPServerIsLocal = "localhost", mail.port, True
    config.SMTPFrom = "shop@example.com"
    for name, text in (("OperatorWebhookSecret", "s3cret"), ("EpayKey", epay.key)):
        setattr(config, name, seal_secret(name, text))
    return [
        # First: the others leave notices, too.
        chores.Notices(receiver),
        chores.Letters(mail),
        chores.Orders(epay),
        chores.Renewals(),
        chores.Balances(),
        chores.Archive(),
        chores.Drawings(),
        chores.Channels(provider.url),
    ]


def look_at(chore: Any) -> dict[str, Any]:
    places, stride = 0, int(sys.argv[1])
    for place in count(random.randint(1, stride), stride):
        chore.make()
        is_over = not is_killed(chore, place)
        chore.wait()
        chore.run()
        if is_over:
            break
        places = place
        if place >= MOST_PLACES:
            return {"places": places, "wrong": ["it never ended"]}
    return {"places": places, "wrong": chore.faults()}


def is_killed(chore: Any, place: int) -> bool:
    """Run it in a child that dies at its n-th statement, or behind the last one."""
    connections.close_all()
    pid = os.fork()
    if pid == 0:
        run_until(chore, place)
        os._exit(0)
    return os.WIFSIGNALED(os.waitpid(pid, 0)[1])


def run_until(chore: Any, place: int) -> None:
    numbers = count(1)

    def watch(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:  # noqa: FBT001 -- Django's signature
        if next(numbers) == place:
            os.kill(os.getpid(), signal.SIGKILL)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(watch):
        chore.run()


if __name__ == "__main__":
    main()
