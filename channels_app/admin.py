"""The console's pages of channels: the list, grouped by tag, and the editor."""

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.contrib.admin.views.main import ORDER_VAR
from django.db.models import QuerySet
from django.forms import Form, ModelForm, modelform_factory
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from channels_app.admin_actions import ChannelActions
from channels_app.admin_columns import (
    read_day,
    read_rests_panel,
    show_balance,
    show_day,
    show_reason,
    show_rests,
    test_badge,
    test_button,
)
from channels_app.admin_news import ModelNewsPages
from channels_app.admin_pages import ChannelPages
from channels_app.catalogue import KINDS
from channels_app.destinations import TOKEN_URI, leads_elsewhere, token_uri_of
from channels_app.forms import ChannelForm, ChannelRowForm, kind_choices, kind_facts
from channels_app.keys import enable_all_if_none_left, read_states
from channels_app.kind_settings import PREFIX, SETTINGS
from channels_app.model_lists import lists_models
from channels_app.models import Channel, ChannelStatus
from channels_app.reasons import tell_reason
from channels_app.resting import read_resting
from channels_app.switching import SWITCHED_FIELDS, set_status
from channels_app.testing import tell_test
from chatapi.accounts.step_up import ask_for_password
from chatapi.console.base import ConsoleAdmin
from chatapi.console.filters import choice_filter, text_filter
from chatapi.console.paging import ConsoleChangeList, read_key
from chatapi.console.panels import Panel, Step

MOST_SHOWN = 2
SEALED = {"new_key": "key_sealed", "new_proxy_url": "proxy_sealed"}

admin.site.steps.append(  # type: ignore[attr-defined]
    Step(
        20,
        _("Add a channel"),
        _("Your account at a provider: its kind, its key, the models it serves."),
        "admin:channels_app_channel_add",
        Channel.objects.exists,
    )
)


admin.site.panels.append(  # type: ignore[attr-defined]
    Panel(5, "admin/panels/resting.html", read_rests_panel)
)


class ChannelList(ConsoleChangeList):
    """In the usual order the channels of a tag stand together."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        rests, days = read_resting(), read_day(row.pk for row in self.result_list)
        may_test = self.model_admin.has_change_permission(request)
        for row in self.result_list:
            row.rests, row.sums = rests.get(row.pk, ()), days.get(row.pk)
            row.list_query = self.get_query_string() if may_test else None

    @property
    def is_grouped(self) -> bool:
        """By the forms of the rows: who may change nothing sees a column instead."""
        is_usual = ORDER_VAR not in self.params and self.formset is not None
        return is_usual and any(row.tag for row in self.result_list)


@admin.register(Channel)
class ChannelAdmin(ChannelActions, ChannelPages, ModelNewsPages, ConsoleAdmin[Channel]):
    form = ChannelForm
    change_form_template = "admin/channels_app/channel/change_form.html"
    change_list_template = "admin/channels_app/channel/change_list.html"
    list_display = (
        "numbered",
        "status",
        "kind_label",
        "models",
        "groups",
        "last_test",
        "day",
        "funds",
        "priority",
        "weight",
        "retest_seconds",
    )
    list_editable = ("status", "priority", "weight", "retest_seconds")
    list_filter = (
        choice_filter("status", _("status"), lambda: ChannelStatus.choices),
        choice_filter("kind", _("kind"), lambda: kind_choices(None)),
        text_filter("tag", _("tag"), "tag"),
        text_filter("model", _("model"), "models_text__icontains"),
        text_filter("group", _("group"), "groups_text__icontains"),
    )
    list_per_page = 100
    what_stays = _("Its calls stay in the log.")
    search_fields = ("name", "tag", "base_url", "notes")
    search_help_text = _("Name, number, tag or address")
    ordering = ("tag", "-priority", "id")
    actions = ("test", "refresh", "enable", "disable", "batch", "copy", "reset")
    readonly_fields = ("created_at",)
    change_only = (
        "new_key",
        "new_proxy_url",
        "headers",
        "overrides",
        "settings",
        "system_prompt",
        "notes",
        *(setting.field for setting in SETTINGS),
    )
    fieldsets = (
        (
            None,
            {
                "fields": (
                    "name",
                    "kind",
                    "base_url",
                    *(setting.field for setting in SETTINGS),
                    "new_key",
                    "new_key_adds",
                    "key_strategy",
                    "status",
                )
            },
        ),
        (_("What it serves"), {"fields": ("models_text", "groups_text")}),
        (
            _("When it is chosen"),
            {
                "fields": (
                    ("priority", "weight"),
                    "tag",
                    "accepts_tools",
                    "accepts_images",
                    "claude_only",
                )
            },
        ),
        (
            _("Limits"),
            {
                "fields": (
                    ("requests_per_minute", "total_requests_per_minute"),
                    "tokens_per_minute",
                    "max_concurrency",
                    ("requests_per_day", "tokens_per_day"),
                    ("usd_per_day", "max_input_tokens"),
                )
            },
        ),
        (_("Tests"), {"fields": ("auto_ban", "retest_seconds", "test_model")}),
        (
            _("Requests"),
            {
                "classes": ("collapse",),
                "fields": (
                    "model_mapping",
                    "system_prompt",
                    "overrides",
                    "headers",
                    "status_mapping",
                    "settings",
                    "new_proxy_url",
                    "asks_usage",
                    "passes_through",
                ),
            },
        ),
        (
            _("Time limits"),
            {
                "classes": ("collapse",),
                "description": _("Empty: the options of the same name."),
                "fields": (
                    ("connect_seconds", "first_byte_seconds"),
                    ("idle_seconds", "total_seconds"),
                ),
            },
        ),
        (_("Notes"), {"classes": ("collapse",), "fields": ("notes",)}),
    )

    @admin.display(description=_("name"), ordering="name")
    def numbered(self, channel: Channel) -> SafeString:
        text = '<span title="{1}"><span class="number">#{0}</span> {1}</span>'
        return format_html(text, channel.pk, channel.name)

    @admin.display(description=_("kind"), ordering="kind")
    def kind_label(self, channel: Channel) -> str:
        kind = KINDS.get(channel.kind)
        return kind.label if kind else str(channel.kind)

    @admin.display(description=_("models"))
    def models(self, channel: Channel) -> SafeString:
        names = channel.model_names
        return format_html('<span title="{}">{}</span>', ", ".join(names), len(names))

    @admin.display(description=_("groups"), ordering="groups_text")
    def groups(self, channel: Channel) -> str:
        names = channel.group_names
        more = f" +{len(names) - MOST_SHOWN}" if len(names) > MOST_SHOWN else ""
        return ", ".join(names[:MOST_SHOWN]) + more

    @admin.display(description=_("last test"), ordering="tested_at")
    def last_test(self, channel: Channel) -> SafeString:
        button = test_button(channel, getattr(channel, "list_query", None))
        rests = show_rests(getattr(channel, "rests", ()))
        return format_html("{} {}{}{}", test_badge(channel), button, show_reason(channel), rests)

    @admin.display(description=_("24 hours"))
    def day(self, channel: Channel) -> SafeString | str:
        return show_day(channel, getattr(channel, "sums", None))

    @admin.display(description=_("balance"), ordering="balance")
    def funds(self, channel: Channel) -> SafeString | str:
        return show_balance(channel)

    def get_list_display(self, request: HttpRequest) -> Any:
        shown = super().get_list_display(request)
        return shown if self.has_change_permission(request) else ("numbered", "tag", *shown[1:])

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ConsoleChangeList]:
        return ChannelList

    def get_changelist_form(self, request: HttpRequest, **kwargs: Any) -> type[ModelForm[Channel]]:
        return modelform_factory(Channel, form=ChannelRowForm, fields=self.list_editable)

    def save_model(self, request: HttpRequest, obj: Channel, form: Form, change: bool) -> None:  # noqa: FBT001 -- Django's signature
        if change and "status" in form.changed_data:
            set_status(obj, obj.status)
        if change and "retest_seconds" in form.changed_data:
            obj.next_test_at = None  # the new delay holds at once, not after the old one
        super().save_model(request, obj, form, change)
        if change and "status" in form.changed_data and obj.status == ChannelStatus.ENABLED:
            enable_all_if_none_left(obj)

    def fields_to_save(self, obj: Channel, form: Form) -> Sequence[str]:
        changed = form.changed_data
        names = [*super().fields_to_save(obj, form)]
        names += [column for name, column in SEALED.items() if name in changed]
        if "kind" in changed or any(name.startswith(PREFIX) for name in changed):
            names.append("settings")
        if "status" in changed:
            names += SWITCHED_FIELDS
        if "retest_seconds" in changed:
            names.append("next_test_at")
        return list(dict.fromkeys(names))

    def get_urls(self) -> list[URLPattern]:
        return [*self.own_urls(), *self.news_urls(), *super().get_urls()]

    def get_search_fields(self, request: HttpRequest) -> Any:
        """Nobody can look for what is not shown: a search that finds something tells of it."""
        hidden = () if self.has_change_permission(request) else self.change_only
        return [name for name in self.search_fields if name not in hidden]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Channel], search_term: str
    ) -> tuple[QuerySet[Channel], bool]:
        """Also by number, with or without the sign before it."""
        found, has_duplicates = super().get_search_results(request, queryset, search_term)
        number = read_key(search_term.strip().removeprefix("#"))
        if number is not None:
            found |= queryset.filter(pk=number)
        return found, has_duplicates

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """As for one channel: what leads the secrets of many elsewhere comes with the password."""
        sent = request.POST

        def is_grave() -> bool:
            leads = sent.get("proxy_url") or token_uri_of(sent.get("settings", ""))
            return "apply" in sent and bool(leads)

        if asked := ask_for_password(request, is_grave):
            return asked
        return super().changelist_view(request, extra_context)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """A stored key, which nobody can read, goes to another place only after the password."""

        def is_grave() -> bool:
            channel = self.get_object(request, unquote(object_id))
            if channel is None:
                return request.method == "POST"
            return leads_elsewhere(channel, read_sent(channel, request))

        if asked := ask_for_password(request, is_grave):
            return asked
        return super().change_view(request, object_id, form_url, extra_context)

    def page_context(self, request: HttpRequest, obj: Channel | None) -> dict[str, Any]:
        return {"kinds": kind_facts(), **(describe_health(obj) if obj else {})}


def read_sent(channel: Channel, request: HttpRequest) -> dict[str, Any]:
    """Of the editor's form what says where the channel leads."""
    sent = request.POST
    uri = sent.get(PREFIX + TOKEN_URI, channel.settings.get(TOKEN_URI, ""))
    return {
        "kind": sent.get("kind", channel.kind),
        "base_url": sent.get("base_url", channel.base_url),
        "kind_settings": {TOKEN_URI: uri.strip() or token_uri_of(sent.get("settings", ""))},
        "proxy_url": sent.get("new_proxy_url", ""),
    }


def describe_health(channel: Channel) -> dict[str, Any]:
    """What the editor tells above its form."""
    kind = KINDS.get(channel.kind)
    rests = read_resting().get(channel.pk, [])
    return {
        "channel": channel,
        "test": tell_test(channel),
        "test_badge": test_badge(channel),
        "reason": tell_reason(channel.disabled_reason) if channel.disabled_reason else "",
        "funds": show_balance(channel) if kind and kind.balance else None,
        "can_list": bool(kind and lists_models(kind)),
        "keys": [
            (key, [one for one in rests if one.key == key.tag]) for key in read_states(channel)
        ],
        "rests": [one for one in rests if not one.key],
        "has_rests": bool(rests),
        "is_automatic": channel.status == ChannelStatus.AUTO_DISABLED,
    }
