"""What the list of channels can do with those that are ticked."""

from collections.abc import Sequence
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from channels_app.advice import advise
from channels_app.batch import BatchRefused, change_all
from channels_app.batch_form import BatchForm
from channels_app.copying import copy_channel
from channels_app.jobs import BALANCE, TEST, begin_job
from channels_app.models import Channel, ChannelStatus
from channels_app.switching import switch_by_hand
from channels_app.tasks import hand_on
from channels_app.testing import BalanceResult, forget_results, refresh_balances, run_tests
from chatapi.console.audit import record_act
from chatapi.console.audited import recorded

MOST_AT_ONCE = 5
"""More are left to the background, and the page shows how far it is."""


class ChannelActions:
    """For ChannelAdmin."""

    admin_site: Any
    opts: Any
    change_only: Sequence[str]

    @admin.action(description=_("Test the selected channels"), permissions=["change"])
    def test(self, request: HttpRequest, channels: QuerySet[Channel]) -> None:
        chosen = list(channels)
        if len(chosen) > MOST_AT_ONCE:
            start_run(request, TEST, [channel.pk for channel in chosen])
            return
        found = run_tests(chosen)
        passed = sum(result.is_ok for result in found)
        for channel, result in zip(chosen, found, strict=True):
            if not result.is_ok:
                values = {"channel": channel, "why": gettext(result.message)}
                text = gettext("%(channel)s failed: %(why)s") % values
                messages.error(request, f"{text} – {advise(result.cause)}")
        if passed:
            text = ngettext("%(count)d channel passed.", "%(count)d channels passed.", passed)
            messages.success(request, text % {"count": passed})

    @admin.action(description=_("Refresh the selected balances"), permissions=["change"])
    def refresh(self, request: HttpRequest, channels: QuerySet[Channel]) -> None:
        chosen = list(channels)
        if len(chosen) > MOST_AT_ONCE:
            start_run(request, BALANCE, [channel.pk for channel in chosen])
            return
        found = refresh_balances(chosen)
        told = sum(result.balance is not None for result in found)
        for channel, result in zip(chosen, found, strict=True):
            if result.balance is None:
                messages.warning(request, tell_no_balance(channel, result))
        if told:
            text = ngettext("%(count)d balance refreshed.", "%(count)d balances refreshed.", told)
            messages.success(request, text % {"count": told})

    @admin.action(description=_("Enable the selected channels"), permissions=["change"])
    def enable(self, request: HttpRequest, channels: QuerySet[Channel]) -> None:
        self._switch(request, channels, ChannelStatus.ENABLED)

    @admin.action(description=_("Disable the selected channels"), permissions=["change"])
    def disable(self, request: HttpRequest, channels: QuerySet[Channel]) -> None:
        self._switch(request, channels, ChannelStatus.DISABLED)

    @admin.action(description=_("Edit the selected channels"), permissions=["change"])
    def batch(self, request: HttpRequest, channels: QuerySet[Channel]) -> HttpResponse | None:
        """The page comes back to this action with what was filled in."""
        chosen = list(channels)
        form = BatchForm(request.POST if "apply" in request.POST else None)
        problems: Sequence[tuple[Channel, str]] = ()
        if form.is_bound and form.is_valid():
            try:
                with recorded(request, "channel.batch", chosen, self.change_only):
                    count = change_all(chosen, form.values, form.modes)
            except BatchRefused as refused:
                problems = refused.problems
            else:
                tell_changed(request, count)
                return None
        context = {
            **self.admin_site.each_context(request),
            "title": gettext("Edit channels"),
            "opts": self.opts,
            "form": form,
            "channels": chosen,
            "problems": problems,
            "checkbox": ACTION_CHECKBOX_NAME,
        }
        return TemplateResponse(request, "admin/channels_app/channel/batch.html", context)

    @admin.action(description=_("Copy the selected channels"), permissions=["add"])
    def copy(self, request: HttpRequest, channels: QuerySet[Channel]) -> HttpResponse | None:
        with transaction.atomic():
            copies = [copy_channel(channel) for channel in channels]
            for channel in copies:
                record_act("channel.copy", request=request, target=channel)
        text = gettext("Copied. A copy is disabled: give it a key of its own, then enable it.")
        messages.success(request, text)
        if len(copies) == 1:
            page = reverse("admin:channels_app_channel_change", args=[copies[0].pk])
            return HttpResponseRedirect(page)
        return None

    @admin.action(description=_("Reset tests, balances and counters"), permissions=["change"])
    def reset(self, request: HttpRequest, channels: QuerySet[Channel]) -> None:
        chosen = list(channels)
        with transaction.atomic():
            count = forget_results(channels)
            for channel in chosen:
                record_act("channel.reset", request=request, target=channel)
        tell_changed(request, count)

    def _switch(
        self, request: HttpRequest, channels: QuerySet[Channel], status: ChannelStatus
    ) -> None:
        chosen = list(channels)
        verb = "enable" if status == ChannelStatus.ENABLED else "disable"
        with recorded(request, f"channel.{verb}", chosen):
            for channel in chosen:
                switch_by_hand(channel, status, by=request.user.get_username())
        tell_changed(request, len(chosen))


def start_run(
    request: HttpRequest, name: str, channels: Sequence[int], *, acts: bool = False
) -> None:
    """In the background; says so, or that another run is under way."""
    ticket = begin_job(name, channels, acts=acts)
    if ticket is None:
        messages.warning(request, gettext("Another run is under way. Wait until it is done."))
        return
    note = f"{len(channels)} channels" + (", may switch them" if acts else "")
    record_act(f"channel.run_{name}", request=request, note=note)
    hand_on(name, ticket, 0)


def tell_no_balance(channel: Channel, result: BalanceResult) -> str:
    values = {"channel": channel, "why": gettext(result.message)}
    text = gettext("No balance of %(channel)s: %(why)s") % values
    return f"{text} – {gettext('Look for it on the page of the provider.')}"


def tell_changed(request: HttpRequest, count: int) -> None:
    text = ngettext("%(count)d channel changed.", "%(count)d channels changed.", count)
    messages.success(request, text % {"count": count})
