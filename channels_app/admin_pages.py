"""The pages that channels have besides list and editor: tests, balances, models, runs."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseNotAllowed,
    HttpResponseRedirect,
)
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext, gettext_noop, ngettext
from django.utils.translation import gettext_lazy as _

from channels_app.admin_actions import start_run, tell_no_balance
from channels_app.advice import advise
from channels_app.failures import UpstreamFailure
from channels_app.jobs import BALANCE, MODELS, TEST, is_broken_off, is_running
from channels_app.keys import disable_key, enable_keys, read_states, remove_key
from channels_app.model_lists import (
    ListDiff,
    NoModelList,
    apply_diff,
    compare,
    fetch_models,
)
from channels_app.models import Channel, ChannelJob, ChannelStatus
from channels_app.reasons import BY_HAND
from channels_app.snapshot import describe_channel
from channels_app.testing import (
    UNREADABLE_KEY,
    channels_with_balance,
    refresh_balances,
    run_tests,
    tell_warnings,
    testable_channels,
)
from chatapi.console.audit import record_act
from chatapi.console.audited import recorded
from chatapi.console.task_titles import LONG_RUNS, LongRun
from chatapi.lib.secrets import Undecipherable
from chatapi.options.feed import publish

LIST_PAGE = "admin:channels_app_channel_changelist"
SHOWN_SECONDS = 600
"""So long a run that has ended is still told of."""
RUNS = {
    TEST: _("Testing channels"),
    BALANCE: _("Refreshing balances"),
    MODELS: _("Looking at lists of models"),
}


class ChannelPages:
    """For ChannelAdmin."""

    admin_site: Any
    opts: Any
    get_object: Callable[..., Channel | None]
    has_view_permission: Callable[..., bool]
    has_change_permission: Callable[..., bool]
    has_delete_permission: Callable[..., bool]

    def own_urls(self) -> list[URLPattern]:
        pages: tuple[tuple[str, str, Callable[..., HttpResponse]], ...] = (
            ("<int:pk>/test/", "test", self.test_view),
            ("<int:pk>/balance/", "balance", self.balance_view),
            ("<int:pk>/models/", "models", self.models_view),
            ("<int:pk>/keys/", "keys", self.keys_view),
            ("<int:pk>/rests/", "rests", self.rests_view),
            ("test/", "test_all", self.test_all_view),
            ("balance/", "balance_all", self.balance_all_view),
            ("runs/", "runs", self.runs_view),
            ("delete-disabled/", "delete_disabled", self.delete_disabled_view),
        )
        return [
            path(address, self.admin_site.admin_view(view), name=f"channels_app_channel_{name}")
            for address, name, view in pages
        ]

    def test_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """A small real call through the channel, as it is stored."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        channel = self._channel(request, pk)
        record_act("channel.test", request=request, target=channel)
        (found,) = run_tests([channel], model=request.POST.get("model", "")[:255])
        values = {
            "model": found.model,
            "ms": found.milliseconds,
            "why": gettext(found.message) if found.message else "",
        }
        back = request.POST.get("back", "")
        if back:
            values["model"] = f"{channel}, {found.model}"
        if not found.is_ok:
            text = gettext("The test failed: %(model)s, after %(ms)d ms: %(why)s")
            messages.error(request, f"{text % values} – {advise(found.cause)}")
        elif found.warnings:
            values["why"] = "; ".join(tell_warnings(found.warnings))
            text = gettext("The test passed with warnings: %(model)s, %(ms)d ms. %(why)s")
            messages.warning(request, text % values)
        else:
            text = gettext("The test passed: %(model)s answered in %(ms)d ms.")
            messages.success(request, text % values)
        if back.startswith("?"):
            return HttpResponseRedirect(reverse(LIST_PAGE) + back)
        return back_to(channel)

    def balance_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        channel = self._channel(request, pk)
        (found,) = refresh_balances([channel])
        if found.balance is None:
            messages.error(request, tell_no_balance(channel, found))
        else:
            values = {"amount": f"{found.balance.amount:,.2f} {found.balance.currency}"}
            messages.success(request, gettext("The balance is %(amount)s.") % values)
        return back_to(channel)

    def models_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The provider's list beside the channel's; what is ticked is taken over."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        channel = self._channel(request, pk)
        if "apply" in request.POST:
            self._take_over(request, channel)
            return back_to(channel)
        try:
            diff = read_diff(channel)
        except (UpstreamFailure, NoModelList, Undecipherable) as error:
            values = {"why": explain(error)}
            messages.error(request, gettext("No list of models: %(why)s") % values)
            return back_to(channel)
        context = {
            **self.admin_site.each_context(request),
            "title": gettext("Models of the provider"),
            "subtitle": str(channel),
            "opts": self.opts,
            "channel": channel,
            "diff": diff,
        }
        return TemplateResponse(request, "admin/channels_app/channel/models.html", context)

    def keys_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """One of several keys goes out of service, comes back, or is forgotten."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        channel = self._channel(request, pk)
        act, _dot, tag = request.POST.get("act", "").partition(".")
        state = next((one for one in read_states(channel) if one.tag == tag), None)
        if state is None or act not in KEY_ACTS:
            messages.error(
                request,
                gettext(
                    "The channel has no such key any more; its keys are shown as they are now."
                ),
            )
            return back_to(channel)
        with transaction.atomic():
            is_done = KEY_ACTS[act](channel, tag)
            if is_done:
                record_act(f"channel_key.{act}", request=request, target=channel, note=state.end)
        text = KEY_TEXTS[act] if is_done else LAST_STAYS
        messages.info(request, gettext(text) % {"key": state.end})
        return back_to(channel)

    def rests_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Whatever rests is tried again at once, by all workers."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        channel = self._channel(request, pk)
        with transaction.atomic():
            publish(Channel.feed_topic, channel.pk)
            record_act("channel.end_rests", request=request, target=channel)
        messages.success(request, gettext("The next calls try it again."))
        return back_to(channel)

    def test_all_view(self, request: HttpRequest) -> HttpResponse:
        return self._start(request, TEST, testable_channels)

    def balance_all_view(self, request: HttpRequest) -> HttpResponse:
        return self._start(request, BALANCE, channels_with_balance)

    def runs_view(self, request: HttpRequest) -> HttpResponse:
        """How far the runs are: a piece of the list page, which asks for it again and again."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        runs = [run for job in ChannelJob.objects.order_by("name") if (run := describe_run(job))]
        context = {"runs": runs, "is_under_way": any(run["is_running"] for run in runs)}
        return TemplateResponse(request, "admin/channels_app/channel/runs.html", context)

    def delete_disabled_view(self, request: HttpRequest) -> HttpResponse:
        if not self.has_delete_permission(request):
            raise PermissionDenied
        doomed = Channel.objects.exclude(status=ChannelStatus.ENABLED)
        if request.method == "POST":
            # Only those that the page named: others may have been disabled meanwhile.
            chosen = [key for key in request.POST.getlist("channel") if key.isdecimal()]
            rows = list(doomed.filter(pk__in=chosen))
            with transaction.atomic():
                for row in rows:
                    record_act("channel.delete", request=request, target=row)
                    row.delete()
            text = ngettext("%(count)d channel deleted.", "%(count)d channels deleted.", len(rows))
            messages.success(request, text % {"count": len(rows)})
            return HttpResponseRedirect(reverse(LIST_PAGE))
        context = {
            **self.admin_site.each_context(request),
            "title": gettext("Delete disabled channels"),
            "opts": self.opts,
            "channels": doomed,
        }
        return TemplateResponse(request, "admin/channels_app/channel/delete_disabled.html", context)

    def _channel(self, request: HttpRequest, pk: int) -> Channel:
        channel = self.get_object(request, str(pk))
        if channel is None:
            raise Http404
        if not self.has_change_permission(request, channel):
            raise PermissionDenied
        return channel

    def _start(
        self, request: HttpRequest, name: str, choose: Callable[[], list[int]]
    ) -> HttpResponse:
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not self.has_change_permission(request):
            raise PermissionDenied
        start_run(request, name, choose(), acts=True)
        return HttpResponseRedirect(reverse(LIST_PAGE))

    def _take_over(self, request: HttpRequest, channel: Channel) -> None:
        add, drop = request.POST.getlist("add"), request.POST.getlist("drop")
        channel.models_text = apply_diff(channel.model_names, add, drop)
        try:
            channel.full_clean()
        except ValidationError as error:
            messages.error(request, " ".join(error.messages))
            return
        with recorded(request, "channel.change", [channel]):
            channel.save(update_fields=["models_text"])
        values = {"new": len(add), "gone": len(drop)}
        text = gettext("Models taken over: %(new)d new, %(gone)d taken out.")
        messages.success(request, text % values)


def _disable_by_hand(channel: Channel, tag: str) -> bool:
    if sum(1 for state in read_states(channel) if state.is_enabled and state.tag != tag) == 0:
        return False
    disable_key(channel, tag, BY_HAND)
    return True


def _enable_by_hand(channel: Channel, tag: str) -> bool:
    enable_keys(channel, [tag])
    return True


KEY_ACTS = {"disable": _disable_by_hand, "enable": _enable_by_hand, "remove": remove_key}
LAST_STAYS = gettext_noop("Nothing was changed: the last key stays.")
KEY_TEXTS = {
    "disable": gettext_noop("Key %(key)s is out of service."),
    "enable": gettext_noop("Key %(key)s is in service again."),
    "remove": gettext_noop("Key %(key)s was removed."),
}


def read_diff(channel: Channel) -> ListDiff:
    """Raises UpstreamFailure, NoModelList or Undecipherable."""
    offered = asyncio.run(fetch_models(describe_channel(channel)))
    return compare(channel.model_names, channel.model_mapping, offered)


def explain(error: Exception) -> str:
    match error:
        case UpstreamFailure():
            return f"{error.label} {error.message} – {advise(error.cause)}"
        case NoModelList():
            return gettext("this kind of provider lists none; enter the models by hand")
        case _:
            return gettext(UNREADABLE_KEY)


def describe_run(job: ChannelJob) -> dict[str, Any] | None:
    """None for what nobody waits for any more."""
    now = timezone.now()
    running = is_running(job, now)
    ended = job.finished_at or job.held_until
    if not running and (ended is None or (now - ended).total_seconds() > SHOWN_SECONDS):
        return None
    return {
        "title": RUNS.get(job.name, job.name),
        "done": job.done,
        "total": job.total,
        "failed": job.failed,
        "is_running": running,
        "is_broken_off": is_broken_off(job, now),
    }


def list_runs() -> Iterator[LongRun]:
    """For the page of tasks."""
    now = timezone.now()
    for job in ChannelJob.objects.exclude(started_at=None).order_by("name"):
        yield LongRun(
            title=RUNS.get(job.name, job.name),
            started_at=job.started_at,
            done=job.done,
            total=job.total,
            failed=job.failed,
            is_running=is_running(job, now),
            is_broken_off=is_broken_off(job, now),
        )


LONG_RUNS.append(list_runs)


def back_to(channel: Channel) -> HttpResponse:
    return HttpResponseRedirect(reverse("admin:channels_app_channel_change", args=[channel.pk]))
