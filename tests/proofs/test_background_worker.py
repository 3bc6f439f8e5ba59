"""The background worker: a server that hangs keeps nobody waiting, and who dies is replaced."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness.background import Background, running_background
from tests.harness.gateway import Gateway, kill
from tests.harness.process_tree import is_running
from tests.harness.services import fresh_store
from tests.harness.smtp_server import MailScript, running_mail_server
from tests.harness.waiting import wait_for

SET_UP = """
from constance import config
from chatapi.options.secret_options import seal_secret
config.SMTPServer, config.SMTPPort = "localhost", {port}
config.SMTPAccount, config.SMTPServerIsLocal = "robot@example.com", True
config.SMTPToken = seal_secret("SMTPToken", "Sesam-7")
config.NotificationEmail = "boss@example.com"
"""
SEND = """
from notifications.outbox import tell
from notifications.tasks import send_notices
tell("channel_disabled", {{"channel": {name!r}}}, reference={name!r})
send_notices.delay()
"""
OTHERS = ("billing.expire_lots", "billing.ask_orders", "channels.retest", "billing.watch_balances")
BEGIN = """
from celery import current_app
for name in {names!r}:
    current_app.send_task(name)
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    folder = tmp_path_factory.mktemp("background")
    with fresh_store("sqlite", folder) as store:
        gateway = Gateway(store, folder, workers=1, env={})
        try:
            gateway.prepare([])
            yield gateway
        finally:
            gateway.end()


@pytest.fixture(scope="module")
def background(installed: Gateway) -> Iterator[Background]:
    with running_background(installed) as running:
        yield running


@pytest.fixture
def mail(installed: Gateway, tmp_path: Path) -> Iterator[MailScript]:
    script = MailScript(accounts={"robot@example.com": "Sesam-7"})
    with running_mail_server(tmp_path, script) as running:
        installed.manage("shell", "-c", SET_UP.format(port=running.port))
        try:
            yield running
        finally:
            running.may_accept.set()


def delivery(gateway: Gateway, name: str) -> tuple[str, int]:
    """State and attempts."""
    rows = gateway.store.rows(
        "SELECT d.state, d.attempts FROM notifications_delivery d "
        f"JOIN notifications_notice n ON n.id = d.notice_id WHERE n.reference = '{name}'"
    )
    return (str(rows[0][0]), int(rows[0][1])) if rows else ("", 0)


def ran(gateway: Gateway) -> set[str]:
    return {str(name) for (name,) in gateway.store.rows("SELECT name FROM console_taskrun")}


@pytest.mark.usefixtures("background")
def test_other_work_goes_on_while_a_mail_server_hangs(installed: Gateway, mail: MailScript) -> None:
    mail.may_accept.clear()
    installed.manage("shell", "-c", SEND.format(name="hangs"))
    wait_for(lambda: mail.arrived, "the mail did not arrive")
    with_runs = ran(installed)
    installed.store.rows("DELETE FROM console_taskrun")
    installed.manage("shell", "-c", BEGIN.format(names=OTHERS))
    wait_for(lambda: ran(installed).issuperset(OTHERS), f"not all ran, but {with_runs} before")

    assert mail.received == []
    assert delivery(installed, "hangs") == ("sending", 1)
    mail.may_accept.set()
    wait_for(lambda: delivery(installed, "hangs")[0] == "sent", "it is not marked")
    assert (len(mail.received), mail.arrived) == (1, 1)


def test_worker_and_timetable_die_together_and_come_again(background: Background) -> None:
    worker, beat = wait_for(background.pair, "no worker")
    kill(worker)
    wait_for(lambda: not is_running(beat), "the timetable lives on alone")
    worker, beat = wait_for(lambda: new_pair(background, worker), "no new worker")
    kill(beat)
    wait_for(lambda: new_pair(background, worker), "no new timetable")
    assert not is_running(worker)


def test_what_a_killed_worker_was_sending_goes_out_soon_after(
    installed: Gateway, background: Background, mail: MailScript
) -> None:
    worker, _beat = wait_for(background.pair, "no worker")
    mail.may_accept.clear()
    installed.manage("shell", "-c", SEND.format(name="killed"))
    wait_for(lambda: mail.arrived, "the mail did not arrive")
    kill(worker)
    left = installed.store.rows(
        "SELECT (julianday(MAX(at)) - julianday('now')) * 86400 FROM (SELECT held_until AS at "
        "FROM notifications_sendinglease UNION SELECT next_try_at FROM notifications_delivery)"
    )
    assert float(left[0][0]) <= 31
    mail.may_accept.set()
    # Else the test would wait for it.
    for change in (
        "UPDATE notifications_sendinglease SET held_until = datetime('now')",
        "UPDATE notifications_delivery SET next_try_at = datetime('now') WHERE state = 'sending'",
    ):
        installed.store.rows(change)
    wait_for(lambda: delivery(installed, "killed") == ("sent", 2), "it was not sent again")
    first, second = mail.received
    assert first.mail["Message-ID"] == second.mail["Message-ID"]


def new_pair(background: Background, old: int) -> tuple[int, int] | None:
    found = background.pair()
    return found if found and found[0] != old else None
