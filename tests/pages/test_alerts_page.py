"""The page of alerts: what a user chooses there counts, and is only the user's own."""

import re
from collections.abc import Callable

import pytest
from constance import config
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from chatapi.accounts.models import User
from chatapi.options.secret_options import seal_secret
from notifications.config import read_config
from notifications.models import AlertSettings, Binding, Choice, Delivery, DeliveryState, Notice
from notifications.outbox import tell
from notifications.recipients import read_target, store_binding, wanted_ways
from notifications.spreading import spread_notices

BALANCE = {
    "threshold": "2.5",
    "is_report_on": "on",
    "report": "5",
    "report_hours": "8",
    "language": "zh-hans",
}


@pytest.fixture
def browser(alice: User, as_user: Callable[[User], Client]) -> Client:
    cache.clear()
    User.objects.filter(pk=alice.pk).update(email="alice@example.com")
    return as_user(alice)


@pytest.fixture
def ready(db: None) -> None:
    config.TelegramBotToken = seal_secret("TelegramBotToken", "1:bot")
    config.TelegramServer = "http://127.0.0.1:1"
    config.SMTPServer = "127.0.0.1"
    config.SMTPPort = 1
    config.SMTPFrom = "shop@example.com"


def page(browser: Client) -> str:
    return browser.get(reverse("alerts")).content.decode()


def test_strangers_are_sent_to_sign_in(client: Client, db: None) -> None:
    for name in ("alerts", "alerts_balance", "alerts_events", "alerts_email"):
        url = reverse(name)
        answer = client.get(url) if name == "alerts" else client.post(url)
        assert answer.status_code == 302, name
        assert "/login" in answer["Location"]
    assert client.post(reverse("alerts_test", args=["email"])).status_code == 302


def test_limit_reminder_and_language_are_kept(browser: Client, alice: User) -> None:
    assert browser.post(reverse("alerts_balance"), BALANCE).status_code == 302
    chosen = AlertSettings.objects.get(user=alice)
    assert chosen.threshold_units == 1_250_000
    assert (chosen.is_report_on, chosen.report_units, chosen.report_hours) == (True, 2_500_000, 8)
    assert chosen.language == "zh-hans"
    assert 'value="2.5"' in page(browser)


@pytest.mark.parametrize(
    "wrong",
    [
        {"threshold": "-1"},
        {"threshold": "NaN"},
        {"threshold": "1e400"},
        {"threshold": "99999999999"},
        {"report": "0"},
        {"report": "x"},
        {"report_hours": "3"},
        {"report_hours": ""},
        {"language": "xx"},
    ],
)
def test_wrong_values_change_nothing(browser: Client, wrong: dict[str, str]) -> None:
    answer = browser.post(reverse("alerts_balance"), BALANCE | wrong)
    assert answer.status_code == 200
    assert "has-error" in answer.content.decode()
    assert AlertSettings.objects.count() == 0


def test_events_are_chosen_by_way(browser: Client, alice: User) -> None:
    browser.post(reverse("alerts_events"), {"way": ["email"], "on": ["balance_low:email"]})
    wanted = wanted_ways(alice)
    assert wanted["balance_low", "email"]
    assert not wanted["balance_used_up", "email"]
    assert wanted["balance_used_up", "telegram"]
    everything = re.findall(r'name="on"\s+value="([^"]+)"', page(browser))
    browser.post(reverse("alerts_events"), {"way": ["email"], "on": everything})
    assert Choice.objects.count() == 0


def test_choices_that_do_not_exist_are_not_stored(browser: Client) -> None:
    browser.post(reverse("alerts_events"), {"way": ["pigeon", "email"], "on": ["x:email", "y"]})
    assert set(Choice.objects.values_list("transport", flat=True)) == {"email"}
    assert not Choice.objects.filter(event="x").exists()


def test_a_way_is_set_up_tested_and_removed(browser: Client, alice: User, ready: None) -> None:
    browser.post(reverse("alerts_bind", args=["telegram"]), {"telegram-chat": "4242424242"})
    binding = Binding.objects.get(user=alice)
    assert read_target(binding) == {"chat": "4242424242"}
    assert "4242424242" not in binding.target_sealed
    answer = browser.post(reverse("alerts_test", args=["telegram"]), follow=True)
    assert "The test failed." in answer.content.decode()
    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.attempts) == (DeliveryState.FAILED, 1)
    browser.post(reverse("alerts_unbind", args=["telegram"]))
    assert Binding.objects.count() == 0


def test_what_is_not_set_up_can_not_be_used(browser: Client, ready: None) -> None:
    for name in ("wxpusher", "pigeon", "email"):
        assert browser.post(reverse("alerts_bind", args=[name]), {}).status_code == 404
    assert browser.post(reverse("alerts_test", args=["telegram"])).status_code == 404


@pytest.mark.parametrize(
    "url", ["http://169.254.169.254/", "file:///etc/passwd", "http://x:22/", "<script>", ""]
)
def test_addresses_that_lead_inside_are_refused(browser: Client, url: str) -> None:
    answer = browser.post(reverse("alerts_bind", args=["webhook"]), {"webhook-url": url})
    assert answer.status_code == 200
    assert "has-error" in answer.content.decode()
    assert "<script>" not in answer.content.decode().partition("<main")[2].partition("</main")[0]
    assert Binding.objects.count() == 0


def test_the_secret_of_a_webhook_is_shown_once(browser: Client) -> None:
    values = {"webhook-url": "https://example.com/hook"}
    answer = browser.post(reverse("alerts_bind", args=["webhook"]), values, follow=True)
    assert "whsec_" in answer.content.decode()
    assert "whsec_" not in page(browser)


def test_a_private_address_behind_a_name_is_met_when_it_is_called(
    browser: Client, alice: User
) -> None:
    store_binding(alice, "webhook", {"url": "http://localhost:8080", "secret": "whsec_x"})
    answer = browser.post(reverse("alerts_test", args=["webhook"]), follow=True)
    assert "not a public one" in answer.content.decode()


def test_tests_are_counted(browser: Client, ready: None) -> None:
    for _ in range(11):
        browser.post(reverse("alerts_test", args=["email"]))
    answer = browser.post(reverse("alerts_test", args=["email"]), follow=True)
    assert "Too many tests" in answer.content.decode()
    assert Notice.objects.count() == 10


def test_another_address_counts_once_its_code_came_back(
    browser: Client, alice: User, ready: None
) -> None:
    browser.post(reverse("alerts_email"), {"email": "other@example.com"})
    assert not AlertSettings.objects.exclude(email="").exists()
    code = Notice.objects.get().data["code"]
    wrong = f"{(int(code) + 1) % 10**6:06}"
    answer = browser.post(reverse("alerts_email_confirm"), {"code": wrong})
    assert "This is not the code." in answer.content.decode()
    browser.post(reverse("alerts_email_confirm"), {"code": f" {code[:3]} {code[3:]} "})
    assert AlertSettings.objects.get(user=alice).email == "other@example.com"
    browser.post(reverse("alerts_email"), {"own": "1"})
    assert AlertSettings.objects.get(user=alice).email == ""


def test_codes_can_not_be_guessed_or_sent_without_end(browser: Client, ready: None) -> None:
    browser.post(reverse("alerts_email"), {"email": "other@example.com"})
    code = Notice.objects.get().data["code"]
    for _ in range(5):
        browser.post(reverse("alerts_email_confirm"), {"code": "x"})
    browser.post(reverse("alerts_email_confirm"), {"code": code})
    assert not AlertSettings.objects.exclude(email="").exists()
    for _ in range(6):
        browser.post(reverse("alerts_email"), {"email": "other@example.com"})
    assert Notice.objects.count() == 5


def test_guesses_at_the_same_moment_are_counted_all(browser: Client, ready: None) -> None:
    """Each of them has read the session before any other wrote to it."""
    browser.post(reverse("alerts_email"), {"email": "other@example.com"})
    code = Notice.objects.get().data["code"]
    before = dict(browser.session.items())
    for _guess in range(6):
        session = browser.session
        session.update(before)
        session.save()
        browser.post(reverse("alerts_email_confirm"), {"code": "x"})
    session = browser.session
    session.update(before)
    session.save()
    browser.post(reverse("alerts_email_confirm"), {"code": code})
    assert not AlertSettings.objects.filter(email="other@example.com").exists()


def test_the_code_goes_to_the_new_address_only(browser: Client, alice: User, ready: None) -> None:
    browser.post(reverse("alerts_email"), {"email": "other@example.com"})
    tell("balance_low", {"balance_units": 1}, user=alice)
    spread_notices(read_config())
    assert list(Delivery.objects.order_by("pk").values_list("hint", "recipient")) == [
        ("other@example.com", f"user:{alice.pk}:confirm_address"),
        ("alice@example.com", f"user:{alice.pk}"),
    ]


def test_what_was_sent_to_others_is_not_shown(
    browser: Client, alice: User, bob: User, ready: None
) -> None:
    tell("balance_low", {"balance_units": 1}, user=bob)
    tell("channel_disabled", {"channel": "secret-channel"})
    spread_notices(read_config())
    assert "bob@example.com" not in page(browser)
    assert "Nothing was sent yet." in page(browser)


@pytest.fixture
def bob(db: None) -> User:
    return User.objects.create(username="bob", email="bob@example.com")
