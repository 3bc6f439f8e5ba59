"""From a notice to its reader: once where all goes well, later where it does not, never lost."""

from collections import Counter
from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from chatapi.accounts.models import User
from notifications.config import read_config
from notifications.jobs import AT_ONCE, MOST_BY_ONE_WAY, make_jobs
from notifications.models import AlertSettings, Choice, Delivery, DeliveryState, Notice
from notifications.outbox import tell
from notifications.spreading import spread_notices
from notifications.tasks import forget_notices, send_notices
from tests.harness.receiver import Receiver
from tests.harness.smtp_server import MailScript


def later(**kwargs: float) -> time_machine.travel:
    return time_machine.travel(timezone.now() + timedelta(**kwargs), tick=True)


def low(user: User, reference: str = "") -> None:
    tell("balance_low", {"balance_units": 500_000}, user=user, reference=reference)


def test_a_user_is_told_by_mail_in_both_languages(mailing: MailScript, alice: User) -> None:
    low(alice)
    send_notices()
    AlertSettings.objects.create(user=alice, language="zh-hans")
    tell("balance_used_up", {"balance_units": 0}, user=alice)
    send_notices()
    english, chinese = mailing.received
    assert english.recipients == ["alice@example.com"]
    assert english.mail["Subject"] == "Your balance is low: $1.00"
    assert chinese.mail["Subject"] == "您的余额已用完"
    html = chinese.mail.get_body(("html",))
    assert html is not None
    assert 'lang="zh-hans"' in html.get_content()


def test_nothing_is_sent_by_telling(mailing: MailScript, alice: User) -> None:
    low(alice)
    assert mailing.received == []
    assert Notice.objects.get().spread_at is None


def test_a_reference_is_told_once(mailing: MailScript, alice: User) -> None:
    for _ in range(3):
        low(alice, "crossing:1")
        send_notices()
    assert len(mailing.received) == 1


def test_what_is_sent_is_marked_and_not_sent_again(mailing: MailScript, alice: User) -> None:
    low(alice)
    send_notices()
    send_notices()
    (delivery,) = Delivery.objects.all()
    assert (delivery.state, delivery.attempts, delivery.error) == (DeliveryState.SENT, 1, "")
    assert len(mailing.received) == 1


def test_the_banned_and_those_who_said_no_are_not_told(mailing: MailScript, alice: User) -> None:
    Choice.objects.create(user=alice, event="balance_low", transport="email", is_on=False)
    low(alice)
    User.objects.filter(pk=alice.pk).update(is_active=False)
    tell("balance_used_up", {}, user=alice)
    send_notices()
    assert (mailing.received, Delivery.objects.count()) == ([], 0)


def test_the_same_is_folded_into_a_count(mailing: MailScript, alice: User) -> None:
    for _ in range(5):
        low(alice)
    send_notices()
    send_notices()
    (received,) = mailing.received
    text = received.mail.get_body(("plain",))
    assert text is not None
    assert "This happened 5 times." in text.get_content()
    assert Delivery.objects.filter(state=DeliveryState.FOLDED).count() == 4


def test_repeats_wait_until_the_window_is_over(mailing: MailScript, alice: User) -> None:
    low(alice)
    send_notices()
    low(alice)
    low(alice)
    send_notices()
    assert len(mailing.received) == 1
    with later(minutes=11):
        send_notices()
    assert len(mailing.received) == 2


def test_money_is_never_folded(mailing: MailScript, alice: User) -> None:
    for number in range(2):
        tell("recharge_done", {"units": 500_000}, user=alice, reference=f"r{number}")
    send_notices()
    send_notices()
    assert len(mailing.received) == 2


@pytest.mark.parametrize(("event", "looks"), [("recharge_done", False), ("balance_low", True)])
def test_what_is_never_folded_looks_for_nothing_alike(
    mailing: MailScript, alice: User, event: str, *, looks: bool
) -> None:
    tell(event, {"units": 1}, user=alice)
    with CaptureQueriesContext(connection) as queries:
        assert spread_notices(read_config()) == 1
    texts = [query["sql"].partition("WHERE")[2] for query in queries.captured_queries]
    assert any("fold_key" in text for text in texts) == looks


def test_an_outage_of_hours_loses_nothing_and_ends_without_a_storm(
    mailing: MailScript, alice: User, options: Callable[..., None]
) -> None:
    options(SMTPPort=1)
    for number in range(30):
        tell("recharge_done", {"units": 500_000 + number}, user=alice)
    for hour in range(6):
        with later(hours=hour):
            send_notices()
    assert set(Delivery.objects.values_list("state", flat=True)) == {DeliveryState.WAITING}
    tried = Delivery.objects.filter(attempts__gt=0)
    assert tried.count() == 30
    assert max(tried.values_list("attempts", flat=True)) <= 6
    options(SMTPPort=mailing.port)
    with later(hours=8):
        send_notices()
    (received,) = mailing.received
    assert received.mail["Subject"] == "30 notices"
    assert set(Delivery.objects.values_list("state", flat=True)) == {DeliveryState.SENT}


def test_while_a_server_is_down_one_message_at_a_time_tries_it(
    mailing: MailScript, options: Callable[..., None]
) -> None:
    options(SMTPPort=1)
    for number in range(20):
        user = User.objects.create(username=f"u{number}", email=f"u{number}@example.com")
        low(user)
    send_notices()
    with later(minutes=5):
        send_notices()
    tried = sum(Delivery.objects.values_list("attempts", flat=True))
    assert tried < 20
    options(SMTPPort=mailing.port)
    with later(hours=1):
        send_notices()
    assert len(mailing.received) == 20


def test_one_way_leaves_room_for_the_others(mailing: MailScript) -> None:
    """Webhooks of strangers may hang as long as they may."""
    tell("channel_disabled", {"channel": "One"})
    notice = Notice.objects.get()
    for number in range(AT_ONCE + 2):
        way = "email" if number > AT_ONCE else "webhook"
        Delivery.objects.create(
            notice=notice,
            recipient=f"user:{number}",
            transport=way,
            key=f"key-{number}",
            fold_key="",
            next_try_at=timezone.now(),
        )
    config = read_config()
    begun = make_jobs(config)
    ways = Counter(job.transport for job in begun)
    assert ways == {"webhook": MOST_BY_ONE_WAY, "email": 1}
    assert make_jobs(config, begun) == []
    (freed, *others) = begun
    (following,) = make_jobs(config, others)
    assert following.transport == freed.transport
    assert following.deliveries[0].recipient not in {job.deliveries[0].recipient for job in begun}


def test_a_refused_mailbox_is_not_tried_again(mailing: MailScript, alice: User) -> None:
    mailing.refuse["alice@example.com"] = "550 no such user"
    low(alice)
    send_notices()
    with later(days=1):
        send_notices()
    (delivery,) = Delivery.objects.all()
    assert (delivery.state, delivery.attempts) == (DeliveryState.FAILED, 1)
    assert delivery.error_detail == "550 no such user"


def test_a_sender_that_is_no_address_loses_nothing(
    mailing: MailScript, alice: User, options: Callable[..., None]
) -> None:
    options(SMTPAccount="apikey")
    low(alice)
    send_notices()
    delivery = Delivery.objects.get()
    assert delivery.error == "The sender's address is not valid. Set SMTPFrom."
    mailing.accounts["apikey"] = "Sesam-7"
    options(SMTPFrom="shop@example.com")
    with later(hours=1):
        send_notices()
    assert len(mailing.received) == 1


def test_a_full_mailbox_is_tried_again_for_three_days(mailing: MailScript, alice: User) -> None:
    mailing.refuse["alice@example.com"] = "452 mailbox full"
    low(alice)
    send_notices()
    (delivery,) = Delivery.objects.all()
    assert delivery.state == DeliveryState.WAITING
    with later(days=3, hours=1):
        send_notices()
    delivery.refresh_from_db()
    assert (delivery.state, delivery.attempts) == (DeliveryState.FAILED, 2)


def test_the_servers_words_do_not_show_the_password(
    mailing: MailScript, alice: User, options: Callable[..., None]
) -> None:
    options(SMTPToken="Wrong-Password-1")
    low(alice)
    send_notices()
    (delivery,) = Delivery.objects.all()
    assert delivery.state == DeliveryState.WAITING
    assert delivery.error_detail == "535 wrong password ***"


def test_whoever_sends_much_is_slowed_down(mailing: MailScript, alice: User) -> None:
    for number in range(40):
        tell("recharge_done", {"units": number + 1}, user=alice)
        send_notices()
    assert len(mailing.received) == 20
    with later(hours=1, minutes=2):
        send_notices()
    assert mailing.received[-1].mail["Subject"] == "20 notices"


def test_killed_before_the_mark_it_is_sent_again_under_the_same_key(
    receiver: Receiver, options: Callable[..., None]
) -> None:
    options(OperatorWebhookUrl=receiver.url, OperatorWebhookSecret="s3cret")
    tell("channel_disabled", {"channel": "x"})
    send_notices()
    # As a worker leaves it that dies after the last byte.
    Delivery.objects.update(state=DeliveryState.SENDING, sent_at=None, sent_as="")
    send_notices()
    assert len(receiver.posted) == 1
    with later(minutes=3):
        send_notices()
    first, second = receiver.posted
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert Delivery.objects.get().state == DeliveryState.SENT


def test_one_bad_notice_does_not_stop_the_others(
    mailing: MailScript, alice: User, root: User
) -> None:
    tell("no_such_event", {"units": 10**60, "expires_at": "soon", "user": "%(x)s %d"}, user=alice)
    tell("balance_low", {"balance_units": "much", "threshold_units": -3}, user=root)
    send_notices()
    assert {received.recipients[0] for received in mailing.received} == {
        "alice@example.com",
        "root@example.com",
    }


def test_operators_are_told_at_roots_address_or_the_options(
    mailing: MailScript, root: User, options: Callable[..., None]
) -> None:
    tell("channel_disabled", {"channel": "One", "reason": "The test took too long"})
    send_notices()
    options(NotificationEmail="a@example.com;b@example.com")
    tell("channel_disabled", {"channel": "Two"})
    send_notices()
    options(EmailNotificationsEnabled=False)
    tell("channel_disabled", {"channel": "Three"})
    send_notices()
    assert [received.recipients for received in mailing.received] == [
        ["root@example.com"],
        ["a@example.com", "b@example.com"],
    ]


@pytest.mark.parametrize(
    "name", ["<script>alert(1)</script>", "x\r\nBcc: eve@example.net", "茶 🍵"]
)
def test_what_people_typed_stays_text(mailing: MailScript, root: User, name: str) -> None:
    tell("channel_disabled", {"channel": name, "detail": name * 100})
    send_notices()
    (received,) = mailing.received
    assert received.recipients == ["root@example.com"]
    assert received.mail["Bcc"] is None
    html = received.mail.get_body(("html",))
    assert html is not None
    assert "<script>" not in html.get_content()


def test_what_is_old_is_forgotten(alice: User) -> None:
    low(alice)
    with later(days=91):
        low(alice)
        assert forget_notices() == 1
    assert Notice.objects.count() == 1
