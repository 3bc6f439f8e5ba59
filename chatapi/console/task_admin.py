"""The page of tasks: what runs when in the background, how it ended, and what is under way."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST
from kombu.exceptions import OperationalError

from chatapi.console.audit import record_act
from chatapi.console.base import ReadOnlyAdmin
from chatapi.console.jobs import is_broken_off, is_under_way
from chatapi.console.models import TaskRun
from chatapi.console.task_notes import STEPPED, timetable_names
from chatapi.console.task_titles import LONG_RUNS, TITLES

PAGE = "admin:console_taskrun_changelist"
SILENT = timedelta(minutes=3)
"""A background worker that lives has noted something within this."""
BUSY_SECONDS, IDLE_SECONDS = 2, 15


@admin.register(TaskRun)
class TaskAdmin(ReadOnlyAdmin[TaskRun]):
    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        own = [
            path("rows/", wrap(self.rows_view), name="console_taskrun_rows"),
            path("<str:name>/run/", wrap(require_POST(self.run_view)), name="console_taskrun_run"),
        ]
        return [*own, *super().get_urls()]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": _("Tasks"),
            "opts": self.opts,
            **self._read(request),
            **(extra_context or {}),
        }
        return self._answer(request, "admin/console/taskrun/tasks.html", context)

    def rows_view(self, request: HttpRequest) -> HttpResponse:
        """The piece of the page that refreshes itself."""
        return self._answer(request, "admin/console/taskrun/rows.html", self._read(request))

    def run_view(self, request: HttpRequest, name: str) -> HttpResponse:
        """Hands a piece of the timetable to the background worker now."""
        if not self.may(request, "run"):
            raise PermissionDenied
        if name not in timetable_names():
            raise Http404
        try:
            # From the registry of tasks: this layer lies below those that own them.
            send(name)
        except OperationalError as error:
            text = _(
                "The queue can't be reached: %(why)s. Look whether Redis and the background worker "
                "run, then try again."
            )
            messages.error(request, text % {"why": error})
        else:
            record_act("task.run", request=request, note=name)
            text = _("Handed to the background worker: %(name)s")
            messages.success(request, text % {"name": TITLES.get(name, name)})
        return HttpResponseRedirect(reverse(PAGE))

    def may(self, request: HttpRequest, verb: str) -> bool:
        if verb != "run":
            return super().may(request, verb)
        label = f"{self.opts.app_label}.{self.opts.object_name}"
        site: Any = self.admin_site
        return bool(site.rules.may_open(request.user, label, "change"))

    def _read(self, request: HttpRequest) -> dict[str, Any]:
        if not self.has_view_permission(request):
            raise PermissionDenied
        rows = list(describe_rows())
        runs = [run for source in LONG_RUNS for run in source()]
        is_busy = any(row["is_running"] for row in rows) or any(run.is_running for run in runs)
        newest = max((row["seen_at"] for row in rows if row["seen_at"]), default=None)
        return {
            "rows": rows,
            "runs": runs,
            "refresh_seconds": BUSY_SECONDS if is_busy else IDLE_SECONDS,
            "is_silent": newest is None or timezone.now() - newest > SILENT,
            "may_run": self.may(request, "run"),
        }

    def _answer(self, request: HttpRequest, template: str, context: Any) -> HttpResponse:
        request.current_app = self.admin_site.name
        return TemplateResponse(request, template, context)


def send(name: str) -> None:
    """Raises kombu's OperationalError when the queue is away."""
    from celery import current_app  # noqa: PLC0415 -- made with the settings

    task = current_app.tasks.get(name) or current_app.signature(name)
    if name in STEPPED:
        task.apply_async(kwargs={"forced": True}, retry=False)
    else:
        task.apply_async(retry=False)


def describe_rows() -> Iterator[dict[str, Any]]:
    """The timetable, each with its last run."""
    known = {run.name: run for run in TaskRun.objects.all()}
    for name, seconds in sorted(timetable_names().items(), key=lambda row: str(TITLES.get(row[0]))):
        run = known.get(name) or TaskRun(name=name)
        every = timedelta(seconds=seconds)
        yield {
            "name": name,
            "title": TITLES.get(name, name),
            "every": tell_span(every),
            "run": run,
            "took": tell_milliseconds(run.milliseconds),
            "next_at": run.started_at + every if run.started_at else None,
            "seen_at": run.finished_at or run.started_at,
            "is_running": is_under_way(run),
            "is_broken_off": is_broken_off(run),
            "parts_done": run.total - len(run.waiting),
        }


def tell_span(span: timedelta) -> str:
    seconds = int(span.total_seconds())
    if seconds % 3600 == 0:
        return _("%(count)d h") % {"count": seconds // 3600}
    if seconds % 60 == 0:
        return _("%(count)d min") % {"count": seconds // 60}
    return _("%(count)d s") % {"count": seconds}


def tell_milliseconds(milliseconds: int | None) -> str:
    if milliseconds is None:
        return ""
    return f"{milliseconds} ms" if milliseconds < 1000 else f"{milliseconds / 1000:.1f} s"
