"""After `manage.py rotate_keys` the first key of the ring alone reads all that is stored."""

from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP
from constance import config
from django.apps import apps
from django.core.management import call_command
from pytest_django import Settings

from billing.models import RedemptionCode
from billing.redemptions import CodeSettings, make_codes
from channels_app.editing import create_channel
from channels_app.models import Channel
from chatapi.accounts.models import Token, User
from chatapi.accounts.tokens import TokenSettings, create_token, reveal_key
from chatapi.lib.secrets import KeyRing
from chatapi.options.key_ring_check import WrongKeyRing, check_key_ring
from chatapi.options.models import KeyRingCheck
from chatapi.options.secret_options import read_secret, seal_secret
from chatapi.options.snapshot import read_values
from chatapi.web.resealing import COLUMNS, Tally, reseal_everything
from notifications.models import Binding
from notifications.recipients import read_target, store_binding
from relay import call_texts, response_store
from relay.models import CallText, StoredResponse

pytestmark = pytest.mark.django_db
OLD, NEW, OTHER = (("k1", b"1" * 32), ("k2", b"2" * 32), ("k3", b"3" * 32))
FACTOR = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
TEXTS = ("prompt", "answer")
MFA = "mfa_authenticator:data"
STORED = 11
"""Two of the channel and of the texts, one of the others, and the word that servers look at."""


@pytest.fixture
def stored(settings: Settings, alice: User) -> dict[str, Any]:
    """One of everything that is sealed, by the old key."""
    settings.KEY_RING = KeyRing((OLD,))
    config.TokenRevealEnabled = True
    channel = {"name": "c", "kind": "openai", "key": "sk-channel", "models_text": "m"}
    create_channel({**channel, "proxy_url": "http://u:p@10.0.0.1:3128"})
    config.EpayKey = seal_secret("EpayKey", "epay-key")
    key = create_token(alice, TokenSettings(name="t")).key
    _, [code] = make_codes(CodeSettings("c", units=1, valid_days=None), 1)
    store_binding(alice, "webhook", {"url": "http://localhost:8080", "secret": "whsec_x"})
    seal = settings.KEY_RING.seal
    sealed = {f"{name}_sealed": seal(name, call_texts.place_of("1", name)) for name in TEXTS}
    CallText.objects.create(request_id="1", user_id=alice.pk, **sealed)
    text = seal("said", response_store.place_of(alice.pk, "r"))
    StoredResponse.objects.create(
        response_id="r", user_id=alice.pk, channel_id=1, sealed=text, expires_at="2099-01-01T00:00Z"
    )
    TOTP.activate(alice, FACTOR)
    check_key_ring()
    return {"token": key, "code": code}


def read_all(ring: KeyRing, alice: User) -> dict[str, Any]:
    """As the product reads it."""
    channel, texts = Channel.objects.get(), call_texts.read_texts("1")
    target, response = read_target(Binding.objects.get()), StoredResponse.objects.get()
    assert texts is not None
    assert target is not None
    return {
        "token": reveal_key(Token.objects.get(), read_values()),
        "code": RedemptionCode.objects.get().read(),
        "channel": (channel.key, channel.proxy_url),
        "option": read_secret("EpayKey"),
        "target": target["secret"],
        "texts": (texts.prompt, texts.answer),
        "response": ring.unseal(response.sealed, response_store.place_of(alice.pk, "r")),
        "factor": ring.unseal(Authenticator.objects.get(type="totp").data["secret"], MFA),
    }


def test_the_new_key_alone_reads_everything(
    settings: Settings, stored: dict[str, Any], alice: User
) -> None:
    settings.KEY_RING = KeyRing((NEW, OLD))
    before = read_all(settings.KEY_RING, alice)
    assert (before["token"], before["code"]) == (stored["token"], stored["code"])
    assert reseal_everything() == Tally(renewed=STORED)
    assert reseal_everything() == Tally()
    settings.KEY_RING = KeyRing((NEW,))
    check_key_ring()
    assert read_all(settings.KEY_RING, alice) == before


def test_what_no_key_reads_stays_and_so_does_the_servers_sign(
    settings: Settings, stored: dict[str, Any]
) -> None:
    settings.KEY_RING = KeyRing((NEW, OTHER))
    assert reseal_everything() == Tally(unreadable=STORED - 1)
    with pytest.raises(WrongKeyRing):
        check_key_ring()
    settings.KEY_RING = KeyRing((OLD,))
    check_key_ring()
    assert Channel.objects.get().key == "sk-channel"


def test_the_command_tells_what_it_did(
    settings: Settings, stored: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    settings.KEY_RING = KeyRing((NEW, OLD))
    call_command("rotate_keys", "--json")
    assert capsys.readouterr().out == f'{{"renewed": {STORED}, "unreadable": 0}}\n'


def test_no_sealed_column_is_forgotten() -> None:
    known = {(column.model, column.field) for column in COLUMNS} | {(KeyRingCheck, "sealed")}
    found = {
        (model, field.name)
        for model in apps.get_models()
        for field in model._meta.concrete_fields
        if "sealed" in field.name and not model._meta.proxy
    }
    assert found == known
