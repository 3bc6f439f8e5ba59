"""Options by the API: strings, secrets that nobody reads back, the tables of the old product."""

import json
import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from billing.models import Price
from billing.models.price import PriceOrigin
from channels_app.editing import create_channel
from chatapi.accounts.access_tokens import create_access_token, reset_personal_token
from chatapi.accounts.models import Group, Role, User
from chatapi.accounts.step_up import CONFIRMED_AT
from chatapi.console.models import AuditEntry
from chatapi.options.secret_options import ENTRANCES, GUARDS, read_secret, secret_names
from chatapi.options.snapshot import read_values
from tests.api.conftest import Api, data_of, refusal_of

pytestmark = pytest.mark.django_db


def options_of(api: Api) -> dict[str, str]:
    return {one["key"]: one["value"] for one in data_of(api.get("option/"))}


def put(api: Api, key: str, value: Any) -> Any:
    return api.put("option/", {"key": key, "value": value})


def test_options_are_strings_and_roots_alone(root: Api, admin: Api, alice: Api) -> None:
    found = options_of(root)
    assert found["QuotaPerUnit"] == "500000"
    assert found["DisplayInCurrencyEnabled"] == "true"
    assert all(isinstance(value, str) for value in found.values())
    for api in (admin, alice):
        assert api.get("option/").status_code == 403
        assert put(api, "SystemName", "mine").status_code == 403


def test_an_option_is_written_as_the_page_writes_it(root: Api) -> None:
    data_of(put(root, "SystemName", "Our gateway"))
    data_of(put(root, "RetryTimes", "5"))
    data_of(put(root, "DisplayInCurrencyEnabled", "false"))
    values = read_values()
    assert values["SystemName"] == "Our gateway"
    assert values["RetryTimes"] == 5
    assert values["DisplayInCurrencyEnabled"] is False
    entry = AuditEntry.objects.filter(action="options.change", note="RetryTimes").get()
    assert (entry.actor_name, entry.after) == ("root", {"RetryTimes": 5})


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("RetryTimes", "-1"),
        ("RetryTimes", "many"),
        ("QuotaPerUnit", "0"),
        ("DisplayInCurrencyEnabled", "perhaps"),
        ("ServerAddress", "javascript:alert(1)"),
        ("NoSuchOption", "1"),
        ("SystemName", "x" * 61),
        ("TurnstileCheckEnabled", "true"),
        ("ModelRatio", "[1]"),
        ("ModelRatio", '{"a": -1}'),
        ("ModelRatio", '{"a": "x"}'),
        ("ModelRatio", '{"a": 1e400}'),
        ("ModelRatio", "{"),
        ("CompletionRatio", '{"nobody": 2}'),
        ("GroupUserRatio", '{"nowhere": "x"}'),
        ("GroupRatio", '{"' + "x" * 65 + '": 1}'),
    ],
)
def test_what_makes_no_sense_is_refused(root: Api, key: str, value: str) -> None:
    before = (read_values(), list(Group.objects.values()), Price.objects.count())
    assert refusal_of(put(root, key, value))
    assert (read_values(), list(Group.objects.values()), Price.objects.count()) == before


def test_secrets_are_written_and_never_read(root: Api) -> None:
    assert {"EpayKey", "SMTPToken"} <= set(secret_names())
    for name in secret_names():
        data_of(put(root, name, "planted-secret-1"))
        assert read_secret(name) == "planted-secret-1"
    text = root.get("option/").content.decode()
    assert "planted-secret-1" not in text
    assert "k1:" not in text
    assert not set(secret_names()) & set(options_of(root))
    assert "planted" not in str(list(AuditEntry.objects.values()))
    data_of(put(root, "EpayKey", ""))
    assert read_secret("EpayKey") == ""
    session = root.client.session
    session[CONFIRMED_AT] = time.time() - 3600
    session.save()
    assert put(root, "EpayKey", "x").json()["code"] == "confirmation_required"
    for name in ("StripeApiAddress", "PayAddress", "SMTPServer", "ServerAddress"):
        answer = put(root, name, "https://evil.example")
        assert answer.json()["code"] == "confirmation_required"
    assert put(root, "StripeApiAddress", "https://api.stripe.com").json()["success"] is True


def test_ratios_are_those_of_the_price_table(root: Api) -> None:
    Price.objects.all().delete()
    Price.objects.create(model="a", input="2.5", output="10", origin=PriceOrigin.LIST)
    Price.objects.create(model="b", input="0.3", output="0.7", per_call="0.01")
    found = {name: json.loads(text) for name, text in options_of(root).items() if "R" in name[:6]}
    found = {name: json.loads(options_of(root)[name]) for name in ("ModelRatio", "ModelPrice")}
    assert found == {"ModelRatio": {"a": 1.25, "b": 0.15}, "ModelPrice": {"b": 0.01}}
    assert json.loads(options_of(root)["CompletionRatio"])["a"] == 4
    for name in ("ModelRatio", "CompletionRatio", "ModelPrice", "GroupRatio", "GroupUserRatio"):
        data_of(put(root, name, options_of(root)[name]))
    assert Price.objects.get(model="a").origin == PriceOrigin.LIST
    assert not AuditEntry.objects.exists()
    data_of(put(root, "ModelRatio", '{"a": 0.1, "new": 7.5}'))
    changed = Price.objects.get(model="a")
    assert (changed.input, changed.output) == (Decimal("0.2"), Decimal("0.8"))
    assert changed.origin == PriceOrigin.OPERATOR
    assert Price.objects.get(model="new").input == 15
    data_of(put(root, "CompletionRatio", '{"a": 2}'))
    assert Price.objects.get(model="a").output == Decimal("0.4")
    data_of(put(root, "ModelPrice", '{"a": 0.05}'))
    assert "UnpricedCallUsd" in refusal_of(put(root, "ModelPrice", '{"default": 0.1}'))
    assert Price.objects.get(model="a").per_call == Decimal("0.05")
    assert Price.objects.get(model="b").output == Decimal("0.7")


def test_groups_are_those_of_the_group_table(root: Api) -> None:
    data_of(put(root, "GroupRatio", '{"vip": 0.85, "gold": 0.5}'))
    assert Group.objects.get(name="vip").ratio == Decimal("0.85")
    gold = Group.objects.get(name="gold")
    assert (gold.ratio, gold.is_selectable) == (Decimal("0.5"), False)
    assert Group.objects.filter(name="default").exists()
    data_of(put(root, "GroupUserRatio", '{"gold": "Gold", "default": "Standard"}'))
    assert json.loads(options_of(root)["GroupUserRatio"]) == {"default": "Standard", "gold": "Gold"}
    assert not Group.objects.get(name="vip").is_selectable


def test_users_get_the_options_of_their_pages(alice: Api, root: Api) -> None:
    data_of(put(root, "EpayKey", "planted-secret-1"))
    found = {one["key"]: one["value"] for one in data_of(alice.get("user/option"))}
    assert found["BillingByRequestEnabled"] == "true"
    assert "EpayKey" not in found


def test_models_have_prices_for_ones_own_group(root: Api, alice: Api, admin: Api) -> None:
    Price.objects.filter(model="gpt-4o").delete()
    Price.objects.create(model="gpt-4o", input="2.5", output="10", per_call="0.01")
    Group.objects.filter(name="default").update(ratio="0.8")
    Group.objects.create(name="inner", ratio=1, is_selectable=False)
    create_channel({"name": "c", "kind": "openai", "key": "k", "models_text": "gpt-4o,odd-model-1"})
    found = {row["model"]: row for row in data_of(alice.get("user/modelbilling"))}
    assert found["gpt-4o"]["model_ratio"] == 1.0
    assert found["gpt-4o"]["model_completion_ratio"] == 4.0
    assert found["gpt-4o"]["model_ratio_2"] == 0.008
    assert found["odd-model-1"]["model_ratio_2"] == 0
    data_of(put(root, "UnpricedCallUsd", "0.05"))
    found = {row["model"]: row for row in data_of(alice.get("user/modelbilling"))}
    assert found["odd-model-1"]["model_ratio_2"] == 0.04
    assert found["odd-model-1"]["model_ratio"] == 12.0
    assert data_of(alice.get("user/models")) == ["gpt-4o", "odd-model-1"]
    assert [row["model"] for row in data_of(alice.get("user/modelbilling?search=ODD"))] == [
        "odd-model-1"
    ]
    assert "inner" in refusal_of(alice.get("user/modelbilling?group=inner"))
    assert data_of(admin.get("user/modelbilling?group=inner")) == []


MOVES = [
    ("SMTPServer", "smtp.evil.example", "SMTPToken"),
    ("PayAddress", "https://evil.example", "EpayKey"),
    ("StripeApiAddress", "https://evil.example", "StripeSecretKey"),
    ("TelegramServer", "https://evil.example", "TelegramBotToken"),
    ("WxPusherServer", "https://evil.example", "AppToken"),
    ("OperatorBarkUrl", "https://evil.example", "OperatorBarkKey"),
    ("OperatorGotifyUrl", "https://evil.example", "OperatorGotifyToken"),
    ("GitHubServerAddress", "https://evil.example", "GitHubClientSecret"),
    ("WeChatServerAddress", "https://evil.example", "WeChatServerToken"),
]


@pytest.mark.parametrize(("name", "address", "secret"), MOVES)
def test_programs_move_a_secret_only_with_it(
    make_user: Callable[..., User], name: str, address: str, secret: str
) -> None:
    boss = make_user("boss", Role.ROOT)
    whole = Api(authorization=reset_personal_token(boss).key)
    narrow = Api(authorization=create_access_token(boss, "t", ["options:write"]).key)
    data_of(put(whole, secret, "planted-secret-1"))
    body = {"key": name, "value": address}
    assert secret in refusal_of(whole.put("option/", body))
    assert secret in refusal_of(whole.put("option/", {**body, "secret": ""}))
    assert narrow.put("option/", {**body, "secret": "mine"}).status_code == 403
    assert read_values()[name] != address
    assert read_secret(secret) == "planted-secret-1"
    data_of(whole.put("option/", {**body, "secret": "known-secret-2"}))
    assert (read_values()[name], read_secret(secret)) == (address, "known-secret-2")
    assert "known-secret-2" not in str(list(AuditEntry.objects.values()))
    data_of(whole.put("option/", body))


def test_programs_without_all_scopes_say_nothing_of_who_gets_in(
    make_user: Callable[..., User],
) -> None:
    boss = make_user("boss", Role.ROOT)
    narrow = Api(authorization=create_access_token(boss, "t", ["options:write"]).key)
    assert put(narrow, "ServerAddress", "https://evil.example").status_code == 403
    assert put(narrow, "OIDCProviders", "[]").status_code == 403
    whole = Api(authorization=reset_personal_token(boss).key)
    data_of(put(whole, "TelegramServer", "https://telegram.example.com"))
    for name in sorted(ENTRANCES | GUARDS):
        new = {bool: "true", int: "7"}.get(type(read_values()[name]), "https://evil.example")
        assert put(narrow, name, new).status_code == 403, name
    beside = {"key": "TelegramServer", "value": "https://telegram.example.com", "secret": "222:x"}
    assert narrow.put("option/", beside).status_code == 403
    assert read_secret("TelegramBotToken") == ""
    data_of(put(narrow, "TelegramOAuthEnabled", "false"))
    assert read_values()["ServerAddress"] == ""
    data_of(put(narrow, "SystemName", "Ours"))
    data_of(put(whole, "ServerAddress", "https://api.example.com"))
    data_of(put(whole, "SMTPServer", "smtp.example.com"))
    assert refusal_of(whole.put("option/", {"key": "Notice", "value": "x", "secret": "y"}))
