"""What the API does with channels, each act written down without secrets."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.http import Http404
from django.utils.translation import gettext as _
from rest_framework.request import Request

from channels_app.catalogue import UnknownKind
from channels_app.copying import copy_channel
from channels_app.destinations import leads_elsewhere
from channels_app.editing import PLAIN_FIELDS, UnsupportedKind, change_channel, create_channel
from channels_app.jobs import begin_job
from channels_app.keys import enable_all_if_none_left
from channels_app.models import Channel, ChannelStatus
from channels_app.tasks import hand_on
from channels_app.testing import forget_results
from chatapi.console.audit import record_act
from chatapi.lib.net import UrlNotAllowed
from chatapi.web.api.channel_input import keep_hidden
from chatapi.web.api.channel_shapes import HIDDEN
from chatapi.web.api.confirming import need_fresh_password
from chatapi.web.api.errors import Refused
from chatapi.web.api.old_channel_fields import read_old_fields

MOST_KEYS = 100
SECRET = frozenset({"key", "proxy_url", "headers"})
TOLD = tuple(name for name in (*PLAIN_FIELDS, "kind", "status", "settings") if name not in SECRET)
"""What the audit log tells; of secrets only that they changed."""


def add_channels(request: Request, values: Mapping[str, Any]) -> list[Channel]:
    """One for each line of the key, as the old product does; all or none. Raises ValidationError
    or Refused.
    """
    given = read_old_fields(values)
    keys = split_keys(given.get("key", ""))
    if len(keys) > MOST_KEYS:
        raise Refused(_("At most %(count)d keys at a time.") % {"count": MOST_KEYS})
    with transaction.atomic():
        made = []
        for key in keys:
            with refusals_told():
                channel = create_channel({**given, "key": key})
            record_act("channel.add", request=request, target=channel, after=tell(channel))
            made.append(channel)
    return made


def edit_channel(request: Request, pk: int, values: Mapping[str, Any]) -> Channel:
    """The row is locked: of two editors the second sees what the first one wrote. Raises Http404,
    PermissionDenied, ValidationError or Refused.
    """
    with transaction.atomic():
        channel = Channel.objects.select_for_update().filter(pk=pk).first()
        if channel is None:
            raise Http404
        given = read_old_fields(values, channel)
        if not given.get("key"):
            given.pop("key", None)
        check_destination(request, channel, given)
        if given.get("status") == channel.status:
            del given["status"]
        elif given.get("status") == ChannelStatus.AUTO_DISABLED:
            raise Refused(_("Only tests and failures set this status."))
        if "headers" in given:
            given["headers"] = keep_hidden(channel, given["headers"])
        before = tell(channel)
        with refusals_told():
            change_channel(channel, given)
        if given.get("status") == ChannelStatus.ENABLED:
            enable_all_if_none_left(channel)
        after = tell(channel)
        changed = [name for name in before if before[name] != after[name]]
        record_act(
            "channel.change",
            request=request,
            target=channel,
            before={name: before[name] for name in changed},
            after={name: after[name] for name in changed}
            | dict.fromkeys(sorted(SECRET & given.keys()), "changed"),
        )
    return channel


def check_destination(request: Request, channel: Channel, given: Mapping[str, Any]) -> None:
    """Stored secrets go to another place only after the password, or, for a program, which has
    none, when it gives them again. Raises PermissionDenied or Refused.
    """
    if not leads_elsewhere(channel, given):
        return
    need_fresh_password(request)
    if request.auth is None:
        return
    headers = given.get("headers", dict.fromkeys(channel.headers, HIDDEN))
    keeps_header = any(headers.get(name) == HIDDEN for name in channel.headers)
    if keeps_header or (channel.key_sealed and "key" not in given):
        raise Refused(
            _(
                "This would send the stored key or headers to another place: give “key”, and all "
                "values of “headers”, in the same request."
            )
        )


def delete_channels(request: Request, channels: Iterable[Channel]) -> int:
    """One by one, so that each is published and written down; returns how many."""
    count = 0
    with transaction.atomic():
        for channel in channels:
            record_act("channel.delete", request=request, target=channel, before=tell(channel))
            channel.delete()
            count += 1
    return count


def delete_disabled(request: Request) -> int:
    return delete_channels(request, Channel.objects.exclude(status=ChannelStatus.ENABLED))


def copy_one(request: Request, channel: Channel) -> Channel:
    with transaction.atomic():
        copy = copy_channel(channel)
        record_act("channel.copy", request=request, target=copy, note=str(channel))
    return copy


def reset_channel(request: Request, channel: Channel) -> None:
    with transaction.atomic():
        forget_results(Channel.objects.filter(pk=channel.pk))
        record_act("channel.reset", request=request, target=channel)


def start_run(name: str, channels: list[int]) -> None:
    """In the background. Raises Refused while another is under way."""
    ticket = begin_job(name, channels, acts=True)
    if ticket is None:
        raise Refused(_("Another run is under way. Wait until it is done."))
    hand_on(name, ticket, 0)


def split_keys(text: str) -> list[str]:
    """One for each line; a JSON file is one key."""
    if text.lstrip().startswith("{"):
        return [text.strip()]
    return [line.strip() for line in text.splitlines() if line.strip()] or [""]


def tell(channel: Channel) -> dict[str, Any]:
    """Fit for JSON."""
    found = {name: getattr(channel, name) for name in TOLD}
    return {name: str(one) if isinstance(one, Decimal) else one for name, one in found.items()}


@contextmanager
def refusals_told() -> Iterator[None]:
    try:
        yield
    except (UnknownKind, UnsupportedKind, UrlNotAllowed) as error:
        raise Refused(str(error)) from error
