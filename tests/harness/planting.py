"""Puts what an attacker would into every text that is stored: past the forms, as an older version,
an import or a database that somebody else wrote to may have left it there.

Runs inside of a gateway: `manage.py shell -c "from tests.harness.planting import plant; plant()"`.
"""

import json
from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.contrib.auth.hashers import make_password
from django.db import models, transaction
from django.utils import timezone

from tests.harness.gateway import PASSWORD

SHORT = '"><svg onload=planted=1>'
IMAGE = "\"'><img src=//planted.invalid/ onerror=planted=1>"
LONG = (
    f"{IMAGE}</textarea></title></script><script>planted=1</script>"
    '<a href="javascript:planted=1">x</a> [x](javascript:planted=1) '
    '{{ 7|add:7 }}{% now "Y" %}${7*7}'
    "\u202e\u2066txt.exe --> <!-- &lt;script&gt;"
)
LINK = "javascript:planted=1//" + IMAGE
VERY_LONG = 10_000
LEFT_ALONE = frozenset(
    {
        # What the program itself makes or works by: nobody can put text there.
        "accounts.User.password",
        "accounts.User.group",
        "accounts.User.invitation_code",
        "accounts.Token.networks_text",
        "accounts.Token.group",
        "accounts.AccessToken.scopes",
        "accounts.LoginAttempt.account",
        "billing.Order.currency",
        "billing.PriceDraft.entries",
        "billing.Usage.line_items",
        "billing.Usage.attempts",
        "channels_app.Channel.groups_text",
        "channels_app.Channel.status_mapping",
        "channels_app.Channel.overrides",
        "channels_app.Channel.settings",
        "channels_app.Channel.test_warnings",
    }
)
APPS = ("accounts", "console", "notifications", "billing", "channels_app", "relay")
WORKINGS = ("hash", "sealed", "key", "reference", "request_id", "number", "charge_id")
MODELS_LEFT = frozenset({"SignInName", "MailCode", "FormAttempt", "StoredResponse", "Worker"})
MODELS_LEFT |= {"SendingLease", "TaskRun", "ChannelJob", "HourlyUsage", "HourlyTotal", "Choice"}
MOST_ROWS = 60
"""Per table, the newest: those that lists begin with."""


def plant() -> None:
    with transaction.atomic():
        add_rows()
        for model in planted_models():
            fields = list(text_fields(model))
            for row in model.objects.order_by("-pk")[:MOST_ROWS]:
                values = {field.name: planted(model, field, row) for field in fields}
                # Who signs in keeps the name that is typed.
                if getattr(row, "username", "") in {"boss", "alice", "sue"}:
                    values.pop("username", None)
                if values:
                    model.objects.filter(pk=row.pk).update(**values)
        plant_attempts()
        plant_warnings()
        plant_options()


def planted_models() -> Iterator[Any]:
    for label in APPS:
        for model in apps.get_app_config(label).get_models():
            if model.__name__ not in MODELS_LEFT:
                yield model


def text_fields(model: Any) -> Iterator[Any]:
    for field in model._meta.concrete_fields:
        name = f"{model._meta.label}.{field.name}"
        is_text = isinstance(field, models.CharField | models.TextField | models.JSONField)
        is_working = any(word in field.name for word in WORKINGS)
        if is_text and not field.choices and not is_working and name not in LEFT_ALONE:
            yield field


def planted(model: Any, field: Any, row: Any) -> Any:
    if isinstance(field, models.JSONField):
        return planted_json(field.value_from_object(row))
    most = field.max_length or VERY_LONG
    text = LINK if "url" in field.name and row.pk % 2 else LONG
    if most < len(IMAGE):
        text = SHORT
    elif most < len(text):
        text = IMAGE
    if field.unique:
        text = f"{row.pk}{text}"
    if not field.max_length and row.pk % 3 == 0:
        text += "W" * VERY_LONG
    return text[:most]


def plant_warnings() -> None:
    """What tests of channels warn of: our own words with a provider's in them."""
    channels = apps.get_model("channels_app", "Channel").objects
    channels.update(test_warnings=[["The provider says %(text)s", {"text": LONG}]])


def planted_json(value: Any) -> Any:
    """Of the same form, with the text in the place of each leaf, and one key more."""
    if isinstance(value, dict):
        return {**{key: planted_json(inner) for key, inner in value.items()}, IMAGE: LONG}
    if isinstance(value, list):
        return [*(planted_json(inner) for inner in value), LONG]
    return LONG if isinstance(value, str) else value


def plant_attempts() -> None:
    """The providers' words in the attempts of calls."""
    usage = apps.get_model("billing", "Usage")
    for row in usage.objects.order_by("-pk")[:MOST_ROWS]:
        attempts = json.loads(row.attempts or "[]")
        for attempt in attempts:
            for key, value in attempt.items():
                if isinstance(value, str):
                    attempt[key] = LONG
        usage.objects.filter(pk=row.pk).update(attempts=json.dumps(attempts))


def plant_options() -> None:
    """Sanitised HTML and plain lines: as if nobody had looked at them."""
    from constance import config  # noqa: PLC0415 -- needs the app registry

    for name in ("HomePageContent", "About", "Notice", "Footer", "HeadHtml"):
        setattr(config, name, f"<b>planted</b>{LONG}<meta http-equiv=refresh content=0;url=//x>")
    for name in ("SystemName", "SiteTitle", "SiteDescription", "OpenGraphTitle"):
        setattr(config, name, LONG)


def add_rows() -> None:
    """Of what the demo has none."""
    for (label, name), values in missing_rows().items():
        model: Any = apps.get_model(label, name)
        known = {field.name: field for field in model._meta.concrete_fields}
        row = model(**{key: value for key, value in values.items() if key in known})
        for field in known.values():
            if field.null or field.primary_key or getattr(row, field.attname) is not None:
                continue
            if isinstance(field, models.DateTimeField):
                setattr(row, field.attname, timezone.now())
            elif isinstance(field, models.IntegerField):
                setattr(row, field.attname, 1)
        row.save()


def missing_rows() -> dict[tuple[str, str], dict[str, Any]]:
    """By app and model; numbers and times that must not be missing are filled in."""
    get = apps.get_model
    user = get("accounts", "User").objects.get(username="alice")
    made: dict[tuple[str, str], dict[str, Any]] = {
        ("accounts", "User"): {
            "username": "zed",
            "password": make_password(PASSWORD),
            "inviter": user,
        },
        ("accounts", "Group"): {"name": "planted", "is_selectable": True},
        ("billing", "Withdrawal"): {"number": "W1", "user": user, "units": 500_000, "state": 1},
        ("billing", "PaymentNotice"): {
            "gateway": "epay",
            "verdict": "orphan",
            "key": "orphan:epay:1",
            "data": {"money": "1"},
        },
        ("billing", "Order"): {
            "number": "A1",
            "user": user,
            "gateway": "epay",
            "usd": 1,
            "units": 500_000,
            "money": 7,
            "currency": "CNY",
            "price_parts": {"rate": "7"},
        },
        ("billing", "RedemptionCode"): {"code_hash": "h1", "units": 1, "batch": "b1"},
        ("channels_app", "ModelNews"): {
            "channel": get("channels_app", "Channel").objects.latest("pk"),
            "new": ["m"],
            "vanished": ["n"],
        },
        ("console", "AuditEntry"): {"action": "user.add", "before": {"a": "b"}, "after": {}},
        ("billing", "PriceDraft"): {
            "name": "draft",
            "origin": "file",
            "entries": [],
            "actor_id": user.pk,
        },
        ("relay", "MidjourneyTask"): {
            "mj_id": "1",
            "request_id": "r1",
            "user_id": user.pk,
            "action": "IMAGINE",
            "status": "FAILURE",
        },
    }
    notice = get("notifications", "Notice").objects.create(
        event="new_sign_in", user=user, reference="n1", data={"address": "a", "browser": "b"}
    )
    made["notifications", "Delivery"] = {
        "notice": notice,
        "recipient": f"user:{user.pk}",
        "transport": "email",
        "key": "k1",
    }
    return made
