"""Who is told by which ways: what users bound and chose, what operators set."""

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
import structlog
from django.conf import settings
from django.db import transaction

from chatapi.accounts.models import User
from chatapi.lib.secrets import Undecipherable
from notifications.config import read_muted_events, read_operator_targets
from notifications.events import CONFIRM, user_events
from notifications.models import OPERATORS, AlertSettings, Binding, Choice, Notice
from notifications.transports import TRANSPORTS

EMAIL = "email"

log = structlog.get_logger("notifications")


@dataclass(frozen=True, slots=True)
class Ways:
    """Transport -> target of one recipient, and the language to tell in."""

    recipient: str
    language: str
    targets: Mapping[str, Mapping[str, str]]
    is_trusted: bool


def ways_of(notice: Notice) -> Ways:
    """By which this notice is to go now; no targets where nobody wants it."""
    if notice.user_id is None:
        targets = {} if notice.event in read_muted_events() else read_operator_targets()
        return Ways(OPERATORS, settings.LANGUAGE_CODE, targets, is_trusted=True)
    user = User.objects.get(pk=notice.user_id)
    chosen = AlertSettings.objects.filter(user=user).first() or AlertSettings(user=user)
    name = f"user:{user.pk}"
    language = chosen.language or settings.LANGUAGE_CODE
    if notice.event == CONFIRM:
        targets = {EMAIL: {"address": str(notice.data.get("email", ""))}}
        return Ways(f"{name}:{CONFIRM}", language, targets, is_trusted=False)
    if not user.is_active:
        return Ways(name, language, {}, is_trusted=False)
    wanted = wanted_ways(user)
    targets = {
        way: target
        for way, target in targets_of(user, chosen).items()
        # An event that can't be chosen is told by all ways.
        if wanted.get((notice.event, way), True)
    }
    return Ways(name, language, targets, is_trusted=False)


def targets_of(user: User, chosen: AlertSettings | None = None) -> dict[str, dict[str, str]]:
    """All ways by which a user can be reached."""
    if chosen is None:
        chosen = AlertSettings.objects.filter(user=user).first()
    address = (chosen.email if chosen else "") or user.email
    found = {EMAIL: {"address": address}} if address else {}
    for binding in Binding.objects.filter(user=user, transport__in=TRANSPORTS):
        target = read_target(binding)
        if target is not None:
            found[binding.transport] = target
    return found


def wanted_ways(user: User) -> dict[tuple[str, str], bool]:
    """(event, transport) -> whether the user wants to be told of it that way."""
    usual = {(event.name, way): event.is_on for event in user_events() for way in TRANSPORTS}
    chosen = Choice.objects.filter(user=user).values_list("event", "transport", "is_on")
    return usual | {(event, way): is_on for event, way, is_on in chosen}


def save_choices(user: User, ways: Iterable[str], chosen: Container[str]) -> None:
    """For these ways: `chosen` holds `event:way` of what is wanted. What is as usual is not
    stored, so that it follows when the usual changes.
    """
    with transaction.atomic():
        for event in user_events():
            for way in ways:
                is_on = f"{event.name}:{way}" in chosen
                keys: dict[str, Any] = {"user": user, "event": event.name, "transport": way}
                if is_on == event.is_on:
                    Choice.objects.filter(**keys).delete()
                else:
                    Choice.objects.update_or_create(**keys, defaults={"is_on": is_on})


def read_target(binding: Binding) -> dict[str, str] | None:
    """None when it was sealed with another key ring."""
    try:
        text = settings.KEY_RING.unseal(binding.target_sealed, place_of(binding))
    except Undecipherable as error:
        log.error("binding_unreadable", binding=binding.pk, error=str(error))
        return None
    return msgspec.json.decode(text, type=dict[str, str])


def store_binding(user: User, transport: str, target: Mapping[str, str]) -> Binding:
    """Takes the place of the one before."""
    binding = Binding(user=user, transport=transport, hint=TRANSPORTS[transport].hint(target)[:254])
    text = msgspec.json.encode(dict(target)).decode()
    stored, _ = Binding.objects.update_or_create(
        user=user,
        transport=transport,
        defaults={
            "target_sealed": settings.KEY_RING.seal(text, place_of(binding)),
            "hint": binding.hint,
        },
    )
    return stored


def place_of(binding: Binding) -> str:
    return f"notifications:binding:{binding.user_id}:{binding.transport}"
