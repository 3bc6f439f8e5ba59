"""Prompt and answer in the console: who may read them, after what, and that it is recorded."""

from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from chatapi.accounts.models import User
from chatapi.console.models import AuditEntry
from relay.models import CallText
from tests.pages.rows import make_usage
from tests.pages.test_step_up import ASKED, give, grow_stale, sealed_in, text_of

pytestmark = pytest.mark.django_db
PROMPT = "<script>alert(1)</script> {{ 7|add:424242 }} secret-question"
ANSWER = '"><img src=x onerror=alert(1)></pre> secret-answer'
SignIn = Callable[[User], Client]


def keep_texts(usage: Any, prompt: str = PROMPT, answer: str = ANSWER, media: int = 0) -> CallText:
    place = f"call_text:{usage.request_id}"
    return CallText.objects.create(
        request_id=usage.request_id,
        user_id=usage.user_id,
        prompt_sealed=settings.KEY_RING.seal(prompt, f"{place}:prompt"),
        answer_sealed=settings.KEY_RING.seal(answer, f"{place}:answer"),
        media=media,
    )


def places_of(usage: Any) -> tuple[str, str]:
    page = f"/admin/billing/usage/{usage.pk}/"
    return f"{page}change/", f"{page}texts/"


def test_root_and_administrators_read_them_as_text(admin: User, as_user: SignIn) -> None:
    usage = make_usage(1)
    keep_texts(usage, media=2)
    card, texts = places_of(usage)
    browser = as_user(admin)
    shown = text_of(browser.get(card))
    assert f'href="{texts}"' in shown
    assert "secret" not in shown
    answer = browser.get(texts)
    page = text_of(answer)
    assert "&lt;script&gt;alert(1)&lt;/script&gt; {{ 7|add:424242 }} secret-question" in page
    assert "&lt;/pre&gt; secret-answer" in page
    assert "<img src=x" not in page
    assert "About 2 pictures, sounds or documents" in page
    assert "no-store" in answer["Cache-Control"]
    entry = AuditEntry.objects.get(action="usage.read_texts")
    assert (entry.actor_id, entry.object_id, entry.note) == (admin.pk, str(usage.pk), "request-1")
    assert "secret" not in str(entry.__dict__)


def test_the_password_is_asked_for_first(console: Client) -> None:
    usage = make_usage(1)
    keep_texts(usage)
    _, texts = places_of(usage)
    grow_stale(console)
    answer = console.get(texts)
    assert ASKED in text_of(answer)
    assert "secret" not in text_of(answer)
    assert not AuditEntry.objects.filter(action="usage.read_texts").exists()
    wrong = give(console, texts, sealed_in(answer), "wrong")
    assert "secret" not in text_of(wrong)
    assert give(console, texts, sealed_in(answer))["Location"] == texts
    assert "secret-answer" in text_of(console.get(texts))
    assert AuditEntry.objects.filter(action="usage.read_texts").count() == 1


def test_support_and_users_see_neither_texts_nor_the_way_to_them(
    support: User, alice: User, as_user: SignIn
) -> None:
    usage = make_usage(1)
    keep_texts(usage)
    card, texts = places_of(usage)
    browser = as_user(support)
    assert "Prompt and answer" not in text_of(browser.get(card))
    assert browser.get(texts).status_code == 403
    own = as_user(alice)
    assert own.get(texts).status_code in {302, 403}
    for path in ("/log", f"/log/{usage.request_id}", "/api/log/self", "/api/log/self/export"):
        assert "secret" not in text_of(own.get(path))
    assert not AuditEntry.objects.filter(action="usage.read_texts").exists()


def test_an_administrator_does_not_read_what_root_asked(
    root: User, admin: User, as_user: SignIn
) -> None:
    usage = make_usage(1, user_id=root.pk, username="root")
    keep_texts(usage)
    _, texts = places_of(usage)
    assert as_user(admin).get(texts).status_code == 404


def test_without_texts_there_is_no_card_and_the_page_says_so(console: Client) -> None:
    card, texts = places_of(make_usage(1))
    assert "Prompt and answer" not in text_of(console.get(card))
    assert "No texts of this call are kept." in text_of(console.get(texts))


def test_texts_of_another_call_or_other_keys_are_not_shown(console: Client) -> None:
    usage = make_usage(1)
    other = keep_texts(make_usage(2))
    CallText.objects.create(
        request_id=usage.request_id, user_id=usage.user_id, prompt_sealed=other.prompt_sealed
    )
    page = text_of(console.get(places_of(usage)[1]))
    assert "can&#x27;t be read with the keys" in page
    assert "secret" not in page
