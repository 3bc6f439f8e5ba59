"""Many workers send at once: each notice goes out once, on every database."""

from collections import Counter
from collections.abc import Iterator

import pytest
from constance import config
from django.utils import timezone

from chatapi.options.secret_options import seal_secret
from notifications.config import read_config
from notifications.jobs import claim
from notifications.models import Delivery, DeliveryState, Notice
from notifications.outbox import tell
from notifications.spreading import spread_notices
from notifications.tasks import send_notices
from tests.harness.ledgers import at_once
from tests.harness.receiver import Receiver, running_receiver

pytestmark = pytest.mark.usefixtures("database")

COUNT = 12


@pytest.fixture
def hook(database: str) -> Iterator[Receiver]:
    """Operators are told there, and have nothing waiting from other tests."""
    Notice.objects.filter(user=None).delete()
    with running_receiver() as receiver:
        config.OperatorWebhookUrl = receiver.url
        config.OperatorWebhookSecret = seal_secret("OperatorWebhookSecret", "s3cret")
        yield receiver
        config.OperatorWebhookUrl = ""


def tell_many() -> None:
    for number in range(COUNT):
        tell("channel_disabled", {"channel": f"c{number}"})


def test_all_is_sent_once_whoever_sends(hook: Receiver) -> None:
    tell_many()
    at_once(4, lambda _number: send_notices())
    send_notices()
    keys = Counter(posted.headers["webhook-id"] for posted in hook.posted)
    assert (len(keys), set(keys.values())) == (COUNT, {1})
    states = Delivery.objects.filter(notice__user=None).values_list("state", flat=True)
    assert set(states) == {DeliveryState.SENT}


def test_notices_are_handed_out_once(hook: Receiver) -> None:
    tell_many()
    at_once(4, lambda _number: spread_notices(read_config()))
    assert Delivery.objects.filter(notice__user=None).count() == COUNT


def test_a_delivery_is_claimed_once_even_without_the_lease(hook: Receiver) -> None:
    tell_many()
    spread_notices(read_config())
    rows = list(Delivery.objects.filter(notice__user=None))
    now = timezone.now()
    taken = [row.pk for found in at_once(4, lambda _number: claim(rows, now)) for row in found]
    assert sorted(taken) == sorted(row.pk for row in rows)


def test_the_same_reference_is_told_once_whoever_says_it(hook: Receiver) -> None:
    at_once(4, lambda _number: tell("channel_disabled", {"channel": "x"}, reference="race:1"))
    assert Notice.objects.filter(reference="race:1").count() == 1
