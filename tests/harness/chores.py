"""Background work with an effect, for processes that die in it: what makes work for it, runs it,
and says what was done not at all or more than once.
"""

from collections import Counter
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django.utils import timezone

from billing.cleaning import clean_some
from billing.ledger import set_token_limit
from billing.lots import warn_of_expiry
from billing.models import (
    HourlyUsage,
    LedgerEntry,
    LedgerKind,
    Order,
    OrderState,
    TokenRenewal,
    Usage,
)
from billing.payments.simulator.epay import SimulatedEpay, Trade
from billing.renewals import change_renewal
from billing.shipping import write_calls
from billing.tasks import ask_orders, renew_token_limits, watch_all_balances
from channels_app.editing import create_channel
from channels_app.jobs import TEST, begin_job
from channels_app.models import Channel, ChannelJob, ChannelStatus
from channels_app.tasks import do_all, rerun_tests
from chatapi.accounts.models import OwedLink
from chatapi.accounts.tasks import mail_links
from notifications.models import Delivery, Notice, SendingLease
from notifications.outbox import tell
from notifications.tasks import send_notices
from relay.models import MidjourneyTask
from relay.tasks import poll_midjourney
from tests.harness.ledgers import add_lot, faults_of, lease, new_payer, new_worker
from tests.harness.orders import order_of
from tests.harness.receiver import Receiver
from tests.harness.smtp_server import MailScript

AGO = timedelta(days=2)
ANSWER = {
    "id": "1",
    "object": "chat.completion",
    "created": 1,
    "model": "gpt-4o-mini",
    "choices": [
        {"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}
    ],
    "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
}


class Chore:
    """`make` makes one piece of work, `wait` passes the time of whatever the dead still hold; every
    piece of work below fills in what raises here.
    """

    def make(self) -> None:
        raise NotImplementedError

    def wait(self) -> None:
        """Where nothing is held."""

    def run(self) -> None:
        raise NotImplementedError

    def faults(self) -> list[str]:
        """Of all that was made, once it was run to its end."""
        raise NotImplementedError


def not_once(found: Iterable[tuple[object, int]]) -> list[str]:
    return [f"{what}: {times} times" for what, times in found if times != 1]


class Notices(Chore):
    def __init__(self, receiver: Receiver) -> None:
        self.receiver = receiver
        self.made: list[int] = []

    def make(self) -> None:
        self.made.append(1000 + len(self.made))
        tell("recharge_done", {"units": self.made[-1]}, reference=f"chore:{self.made[-1]}")

    def wait(self) -> None:
        Delivery.objects.update(next_try_at=timezone.now())
        SendingLease.objects.update(held_until=timezone.now())

    def run(self) -> None:
        send_notices()

    def faults(self) -> list[str]:
        """Posted at least once, always under one key; told as one delivery."""
        posts = [post for post in self.receiver.posted if post.json["type"] == "recharge_done"]
        keys = {(post.json["data"]["units"], post.headers["webhook-id"]) for post in posts}
        by_units = Counter(units for units, _key in keys)
        rows = Delivery.objects.filter(notice__reference__startswith="chore:")
        by_notice = Counter(rows.values_list("notice__reference", flat=True))
        return [
            *not_once((units, by_units[units]) for units in self.made),
            *not_once((units, by_notice[f"chore:{units}"]) for units in self.made),
            *(f"{row} is {row.state}" for row in rows.exclude(state="sent")),
        ]


class Letters(Chore):
    """Links for new passwords."""

    def __init__(self, script: MailScript) -> None:
        self.script = script
        self.made: list[str] = []

    def make(self) -> None:
        user = new_payer(0).user
        user.email = f"{user.username}@example.com"
        user.save()
        self.made.append(user.email)
        OwedLink.objects.create(user=user, language="en", next_try_at=timezone.now())

    def wait(self) -> None:
        OwedLink.objects.update(next_try_at=timezone.now())

    def run(self) -> None:
        mail_links()

    def faults(self) -> list[str]:
        mailed = {to for received in self.script.received for to in received.recipients}
        lost = [address for address in self.made if address not in mailed]
        return [*lost, *map(str, OwedLink.objects.all())]


class Renewals(Chore):
    def __init__(self) -> None:
        self.made: list[int] = []

    def make(self) -> None:
        payer = new_payer(0)
        set_token_limit(payer.token, 70)
        payer.token.refresh_from_db()
        change_renewal(payer.token, "daily", 100, now=timezone.now() - AGO)
        self.made.append(payer.token.pk)

    def run(self) -> None:
        renew_token_limits()

    def faults(self) -> list[str]:
        entries = LedgerEntry.objects.filter(reference__startswith="renew:", amount=30)
        found = Counter(reference.split(":")[1] for reference in references(entries))
        renewed = TokenRenewal.objects.filter(period_on__gte=(timezone.now() - AGO / 2).date())
        return [
            *not_once((token, found[str(token)]) for token in self.made),
            *not_once((token, renewed.filter(pk=token).count()) for token in self.made),
        ]


class Orders(Chore):
    """Paid at a gateway whose notices never came."""

    def __init__(self, epay: SimulatedEpay) -> None:
        self.epay = epay
        self.made: list[Order] = []

    def make(self) -> None:
        order = order_of(new_payer(0).user, ask_at=timezone.now())
        fields = {
            "out_trade_no": order.number,
            "type": order.method,
            "name": "credit",
            "money": f"{order.money:.2f}",
        }
        self.epay.trades[order.number] = Trade(fields, is_paid=True)
        self.made.append(order)

    def wait(self) -> None:
        Order.objects.filter(state=OrderState.PENDING).update(ask_at=timezone.now())

    def run(self) -> None:
        ask_orders()

    def faults(self) -> list[str]:
        entries = Counter(references(LedgerEntry.objects.filter(kind=LedgerKind.TOPUP)))
        told = Notice.objects.filter(event="recharge_done", user__isnull=False)
        by_user = Counter(told.values_list("user_id", flat=True))
        paid = Order.objects.filter(state=OrderState.PAID)
        return [
            *not_once((order, entries[f"order:{order.number}"]) for order in self.made),
            *not_once((order, by_user[order.user_id]) for order in self.made),
            *not_once((order, paid.filter(pk=order.pk).count()) for order in self.made),
        ]


class Balances(Chore):
    """Low ones, and credit that is about to end."""

    def __init__(self) -> None:
        self.made: list[int] = []

    def make(self) -> None:
        # Those before are looked at again in each round while they are low and make calls.
        HourlyUsage.objects.all().delete()
        payer = new_payer(0)
        lot = add_lot(payer, 900, timezone.now() + timedelta(hours=12))
        LedgerEntry.objects.filter(pk=lot.entry_id).update(created_at=timezone.now() - 9 * AGO)
        worker = new_worker()
        lease(worker, payer, 1)
        write_calls(worker, [payer.closed(1)])
        self.made.append(payer.user.pk)

    def run(self) -> None:
        watch_all_balances()
        warn_of_expiry()

    def faults(self) -> list[str]:
        told = Counter(Notice.objects.values_list("user_id", "event"))
        events = ("balance_low", "lot_expiring")
        return not_once(
            ((user, event), told[user, event]) for user in self.made for event in events
        )


class Archive(Chore):
    """Usage that leaves the log."""

    def __init__(self) -> None:
        self.payer = new_payer(1_000_000, limit=1_000_000)
        self.worker = new_worker()
        lease(self.worker, self.payer, 1_000_000)

    def make(self) -> None:
        write_calls(self.worker, [self.payer.closed(7), self.payer.closed(5)])
        rows = Usage.objects.filter(wallet_id=self.payer.wallet)
        rows.update(created_at=timezone.now() - 30 * AGO)

    def run(self) -> None:
        clean_some("usage")

    def faults(self) -> list[str]:
        left = Usage.objects.filter(wallet_id=self.payer.wallet).count()
        return [*map(str, faults_of(self.payer)), *([f"{left} left"] if left else [])]


class Drawings(Chore):
    """Tasks that nobody will report on any more: what they were charged goes back."""

    def __init__(self) -> None:
        self.payer = new_payer(1_000_000)
        self.worker = new_worker()
        lease(self.worker, self.payer, 1_000_000)
        self.made: list[str] = []

    def make(self) -> None:
        call = self.payer.closed(9)
        write_calls(self.worker, [call])
        MidjourneyTask.objects.create(
            mj_id=call.request_id,
            user_id=self.payer.user.pk,
            token_id=self.payer.token.pk,
            wallet_id=self.payer.wallet,
            channel_id=0,
            request_id=call.request_id,
            charge_id=call.request_id,
            units=9,
            code=1,
        )
        self.made.append(call.request_id)

    def run(self) -> None:
        poll_midjourney()

    def faults(self) -> list[str]:
        entries = Counter(references(LedgerEntry.objects.filter(kind=LedgerKind.REFUND)))
        ended = MidjourneyTask.objects.filter(is_open=False, refunded_units=9)
        return [
            *not_once((call, entries[f"refund:mj:{call}"]) for call in self.made),
            *not_once((call, ended.filter(mj_id=call).count()) for call in self.made),
            *map(str, faults_of(self.payer)),
        ]


class Channels(Chore):
    """One that must go, and one that comes back; `url` answers below /good and refuses below
    /bad.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.made: list[tuple[Channel, str]] = []

    def make(self) -> None:
        bad, good = self.new_channel("bad"), self.new_channel("good")
        Channel.objects.filter(pk=good.pk).update(
            status=ChannelStatus.AUTO_DISABLED, retest_seconds=60, next_test_at=timezone.now()
        )
        self.made += [(bad, "channel_disabled"), (good, "channel_enabled")]

    def new_channel(self, place: str) -> Channel:
        return create_channel(
            {
                "name": f"{place}-{len(self.made)}",
                "kind": "openai",
                "base_url": f"{self.url}/{place}",
                "key": "sk-1",
                "models_text": "gpt-4o-mini",
                "groups_text": "default",
            }
        )

    def wait(self) -> None:
        now = timezone.now()
        ChannelJob.objects.update(held_until=now)
        Channel.objects.exclude(next_test_at=None).update(next_test_at=now)

    def run(self) -> None:
        enabled = Channel.objects.filter(status=ChannelStatus.ENABLED, name__startswith="bad-")
        do_all(TEST, begin_job(TEST, list(enabled.values_list("pk", flat=True)), acts=True))
        Channel.objects.filter(name__startswith="bad-").update(next_test_at=None)
        rerun_tests()

    def faults(self) -> list[str]:
        told = Notice.objects.filter(event__startswith="channel_")
        found = Counter((row.data["number"], row.event) for row in told)
        return not_once(((one.name, event), found[one.pk, event]) for one, event in self.made)


def references(entries: Any) -> list[str]:
    return list(entries.values_list("reference", flat=True))
