"""The console's page of Midjourney tasks: what each became, and what was given back for it."""

from typing import Any

from django.contrib import admin
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import Truncator
from django.utils.translation import gettext_lazy as _

from billing.admin.channels import channel_name
from billing.admin.hourly import of_user
from chatapi.accounts.models import User
from chatapi.console.base import ReadOnlyAdmin
from chatapi.console.columns import badge, link, money_column, mono, time_column
from chatapi.console.filters import choice_filter, number_filter, text_filter, time_filter
from relay.midjourney.offer import has_drawings
from relay.midjourney.words import STATUSES, action_word, speed_word, status_word
from relay.models import MidjourneyTask

TONES = {"SUCCESS": "good", "FAILURE": "bad"}
MOST_SHOWN = 80


@admin.register(MidjourneyTask)
class MidjourneyTaskAdmin(ReadOnlyAdmin[MidjourneyTask]):
    when_empty = _("Add a channel of the kind Midjourney; the first drawing makes the first row.")
    owner_path = "user_id"
    list_display = ("time", "task", "user", "channel", "outcome", "done", "charge", "asked")
    list_filter = (
        time_filter("from", _("from"), "created_at__gte"),
        time_filter("to", _("to"), "created_at__lt"),
        text_filter("user", _("user name or id"), of_user, indexed=True),
        number_filter("channel", _("channel id"), "channel_id"),
        choice_filter("status", _("status"), STATUSES.items),
    )
    search_fields = ("mj_id__exact", "request_id__exact")
    search_help_text = _("Task id or request id")
    sortable_by = ()
    fields = (
        "time",
        "task",
        "user",
        "channel",
        "outcome",
        "done",
        "fail_reason",
        "charge",
        "given_back",
        "call",
        "prompt",
        "prompt_en",
        "description",
    )
    readonly_fields = fields

    time = time_column("created_at", _("time"))
    charge = money_column("units", _("charge"))
    given_back = money_column("refunded_units", _("given back"))

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Whether the menu has it; the page is there in any case."""
        return super().has_module_permission(request) and has_drawings()

    def get_queryset(self, request: HttpRequest) -> QuerySet[MidjourneyTask]:
        """With names, in the same query."""
        users = User.objects.filter(pk=OuterRef("user_id")).values("username")[:1]
        found = super().get_queryset(request)
        return found.annotate(username=Subquery(users), channel_name=channel_name("channel_id"))

    @admin.display(description=_("task"))
    def task(self, row: MidjourneyTask) -> SafeString:
        return format_html(
            '{} <span class="under">{} {}</span>',
            mono(row.mj_id),
            action_word(row),
            speed_word(row),
        )

    @admin.display(description=_("user"))
    def user(self, row: Any) -> SafeString | str:
        if row.username is None:
            return f"#{row.user_id}"
        return link("accounts_user_change", row.user_id, text=row.username)

    @admin.display(description=_("channel"))
    def channel(self, row: Any) -> SafeString | str:
        if not row.channel_name:
            return f"#{row.channel_id}"
        return link("channels_app_channel_change", row.channel_id, text=row.channel_name)

    @admin.display(description=_("status"))
    def outcome(self, row: MidjourneyTask) -> SafeString:
        shown = badge(status_word(row) or "–", TONES.get(row.status, "plain"))
        if not row.refunded_units:
            return shown
        return format_html('{} <span class="under">{}</span>', shown, _("given back"))

    @admin.display(description=_("progress"))
    def done(self, row: MidjourneyTask) -> str:
        taken = row.finish_time - row.submit_time
        is_timed = row.finish_time > row.submit_time > 0
        return f"{row.progress} · {taken / 1000:.0f} s" if is_timed else row.progress

    @admin.display(description=_("prompt"))
    def asked(self, row: MidjourneyTask) -> SafeString:
        text = row.fail_reason or row.prompt
        short = Truncator(text).chars(MOST_SHOWN)
        return format_html('<span title="{}">{}</span>', text[:1000], short or "–")

    @admin.display(description=_("call"))
    def call(self, row: MidjourneyTask) -> SafeString:
        return link("billing_usage_changelist", text=row.request_id, q=row.request_id)
