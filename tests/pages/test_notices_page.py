"""The console's pages of notices: who sees them, sending again, tests of each way."""

from collections.abc import Callable, Iterator

import pytest
from constance import config
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from chatapi.accounts.models import User
from chatapi.console.models import AuditEntry
from chatapi.options.secret_options import seal_secret
from notifications.config import read_config
from notifications.events import CONFIRM
from notifications.models import Delivery, DeliveryState, Notice
from notifications.outbox import tell
from notifications.spreading import spread_notices
from tests.harness.receiver import Receiver, running_receiver

NOTICES = "/admin/notifications/notice/"
DELIVERIES = "/admin/notifications/delivery/"
WAYS = f"{DELIVERIES}ways/"
Browser = Callable[[User], Client]


@pytest.fixture
def hook(db: None) -> Iterator[Receiver]:
    with running_receiver() as receiver:
        config.OperatorWebhookUrl = f"{receiver.url}/secret-path"
        config.OperatorWebhookSecret = seal_secret("OperatorWebhookSecret", "s3cret")
        yield receiver


def page(browser: Client, path: str) -> str:
    answer = browser.get(path)
    assert answer.status_code == 200, path
    return answer.content.decode()


def make_notices(count: int = 1) -> None:
    for number in range(count):
        tell("channel_disabled", {"channel": f"<b>One</b>{number}", "reason": "slow"})
    spread_notices(read_config())


def test_each_way_has_a_test_with_its_result(console: Client, hook: Receiver) -> None:
    shown = page(console, WAYS)
    assert "http://127.0.0.1" in shown
    assert "secret-path" not in shown
    answer = console.post(f"{WAYS}webhook/test/", follow=True)
    assert "the test was sent" in answer.content.decode()
    assert hook.posted[0].json["type"] == "test"
    hook.status = 500
    answer = console.post(f"{WAYS}webhook/test/", follow=True)
    assert "the test failed. The address answered with status 500" in answer.content.decode()
    assert AuditEntry.objects.filter(action="transport.test").count() == 2


def test_ways_that_are_not_set_up_can_not_be_tested(console: Client, hook: Receiver) -> None:
    for name in ("telegram", "bark", "pigeon"):
        assert console.post(f"{WAYS}{name}/test/").status_code == 404
    assert console.get(f"{WAYS}webhook/test/").status_code == 405


def test_lists_and_details_show_what_was_told(console: Client, hook: Receiver) -> None:
    make_notices()
    notice, delivery = Notice.objects.get(), Delivery.objects.get()
    for path in (NOTICES, f"{NOTICES}{notice.pk}/change/", DELIVERIES):
        shown = page(console, path)
        assert "<b>One</b>" not in shown
    assert "Channel &lt;b&gt;One&lt;/b&gt;0 was disabled" in page(
        console, f"{NOTICES}{notice.pk}/change/"
    )
    assert delivery.key in page(console, f"{DELIVERIES}{delivery.pk}/change/")


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("event=channel_disabled", 1),
        ("event=balance_low", 0),
        ("way=webhook&state=waiting", 1),
        ("state=sent", 0),
        ("user=nobody", 0),
        ("state=nonsense", 0),
        ("from=2000-01-01T00:00", 1),
        ("from=x", 0),
    ],
)
def test_deliveries_are_filtered(console: Client, hook: Receiver, query: str, count: int) -> None:
    make_notices()
    assert page(console, f"{DELIVERIES}?{query}").count('name="_selected_action"') == count


@pytest.mark.parametrize("path", [NOTICES, DELIVERIES])
def test_a_longer_list_asks_no_more(console: Client, hook: Receiver, path: str) -> None:
    counts: list[int] = []
    for _ in range(2):
        make_notices(3 if counts else 1)
        page(console, path)
        with CaptureQueriesContext(connection) as queries:
            page(console, path)
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_send_again_begins_anew(console: Client, hook: Receiver) -> None:
    make_notices()
    Delivery.objects.update(state=DeliveryState.FAILED, attempts=9)
    values = {"action": "send_again", "_selected_action": [Delivery.objects.get().pk]}
    console.post(DELIVERIES, values)
    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.attempts) == (DeliveryState.WAITING, 0)
    assert AuditEntry.objects.get(action="delivery.resend").object_id == str(delivery.pk)


def test_administrators_see_those_below_and_support_nothing(
    hook: Receiver, admin: User, support: User, root: User, alice: User, as_user: Browser
) -> None:
    User.objects.update(email="x@example.com")
    config.SMTPServer = "127.0.0.1"
    tell("balance_low", {"balance_units": 1}, user=alice)
    tell("balance_low", {"balance_units": 1}, user=root)
    make_notices()
    shown = page(as_user(admin), NOTICES)
    assert ("alice" in shown, ">root<" in shown) == (True, False)
    assert "operators" in shown
    assert as_user(admin).post(f"{WAYS}webhook/test/").status_code == 302
    for path in (NOTICES, DELIVERIES, WAYS):
        assert as_user(support).get(path).status_code == 403
    assert as_user(support).post(f"{WAYS}webhook/test/").status_code == 403


def test_codes_of_users_are_not_shown(console: Client, alice: User) -> None:
    tell(CONFIRM, {"email": "o@example.com", "code": "424242", "user": "alice"}, user=alice)
    assert "424242" not in page(console, f"{NOTICES}{Notice.objects.get().pk}/change/")
