"""Seals everything that is stored with the first key of the ring, so that older keys can go."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from allauth.mfa.models import Authenticator
from django.conf import settings
from django.db import transaction
from django.db.models import Model, QuerySet

from billing.models import RedemptionCode
from channels_app.models import Channel
from chatapi.accounts import tokens
from chatapi.accounts.models import Token
from chatapi.lib.secrets import Undecipherable
from chatapi.options import key_ring_check, secret_options
from chatapi.options.models import KeyRingCheck
from chatapi.web.identity import mfa_adapter
from notifications import recipients
from notifications.models import Binding
from relay import call_texts, response_store
from relay.models import CallText, StoredResponse

BATCH = 500
FACTOR_FIELDS = ("secret", "seed")


@dataclass(slots=True)
class Tally:
    """`unreadable` was made with a key that the ring does not have; it stays as it is."""

    renewed: int = 0
    unreadable: int = 0


@dataclass(frozen=True, slots=True)
class Column:
    """Where sealed texts are stored, and the place that each row's is bound to."""

    model: type[Model]
    field: str
    place: Callable[[Any], str]


COLUMNS = (
    Column(Token, "key_sealed", tokens.place_of),
    Column(Channel, "key_sealed", lambda row: row.place_of("key")),
    Column(Channel, "proxy_sealed", lambda row: row.place_of("proxy")),
    Column(RedemptionCode, "code_sealed", lambda row: row.place()),
    Column(Binding, "target_sealed", recipients.place_of),
    Column(CallText, "prompt_sealed", lambda row: call_texts.place_of(row.request_id, "prompt")),
    Column(CallText, "answer_sealed", lambda row: call_texts.place_of(row.request_id, "answer")),
    Column(
        StoredResponse,
        "sealed",
        lambda row: response_store.place_of(row.user_id, row.response_id),
    ),
)


def reseal_everything() -> Tally:
    """May be broken off and begun anew, beside running servers. What somebody changes meanwhile is
    sealed with that server's first key: give the new ring to all of them before.
    """
    tally = Tally()
    for column in COLUMNS:
        reseal_column(column, tally)
    reseal_options(tally)
    reseal_factors(tally)
    # Last: it is what a server looks at to see whether it has the right ring.
    if not tally.unreadable:
        reseal_column(Column(KeyRingCheck, "sealed", lambda _row: key_ring_check.PLACE), tally)
    return tally


def reseal_column(column: Column, tally: Tally) -> None:
    first = settings.KEY_RING.keys[0][0]
    rows: Any = QuerySet(column.model).exclude(**{column.field: ""})
    rows = rows.exclude(**{f"{column.field}__startswith": f"{first}:"}).order_by("pk")
    last: Any = None
    while batch := list((rows if last is None else rows.filter(pk__gt=last))[:BATCH]):
        for row in batch:
            old = getattr(row, column.field)
            new = renew(old, column.place(row), tally)
            if new != old:
                same: Any = QuerySet(column.model).filter(pk=row.pk, **{column.field: old})
                same.update(**{column.field: new})
        last = batch[-1].pk


def reseal_options(tally: Tally) -> None:
    from constance import config  # noqa: PLC0415 -- needs the app registry

    for name in secret_options.secret_names():
        old = getattr(config, name)
        new = renew(old, secret_options.place_of(name), tally) if old else old
        if new != old:
            setattr(config, name, new)


def reseal_factors(tally: Tally) -> None:
    for pk in Authenticator.objects.values_list("pk", flat=True):
        with transaction.atomic():
            factor = Authenticator.objects.select_for_update().get(pk=pk)
            sealed = {name: factor.data[name] for name in FACTOR_FIELDS if factor.data.get(name)}
            new = {name: renew(old, mfa_adapter.PLACE, tally) for name, old in sealed.items()}
            if new != sealed:
                factor.data |= new
                factor.save(update_fields=["data"])


def renew(old: str, place: str, tally: Tally) -> str:
    try:
        new: str = settings.KEY_RING.renew(old, place)
    except Undecipherable:
        tally.unreadable += 1
        return old
    tally.renewed += new != old
    return new
