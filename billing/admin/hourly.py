"""The page of hourly sums: what statistics are made of."""

from typing import Any

from django.contrib import admin
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from billing.admin.channels import channel_name
from billing.admin.dashboard import Sums
from billing.admin.usage_list import is_number
from billing.models import HourlyUsage
from chatapi.accounts.models import Token, User
from chatapi.console.base import ReadOnlyAdmin
from chatapi.console.columns import link, money_column, when_hour
from chatapi.console.filters import number_filter, text_filter, time_filter


def of_user(rows: QuerySet[Any], text: str) -> QuerySet[Any]:
    """By name or id."""
    ids = list(User.objects.filter(username=text).values_list("pk", flat=True))
    return rows.filter(user_id__in=[*ids, int(text)] if is_number(text) else ids)


@admin.register(HourlyUsage)
class HourlyAdmin(ReadOnlyAdmin[HourlyUsage]):
    about = _(
        "Calls added up by hour, user, token, channel and model. The statistics are made of these."
    )
    when_empty = _("The first call makes the first row.")
    owner_path = "user_id"
    page_field = "hour_at"
    list_display = (
        "hour",
        "user",
        "token",
        "channel",
        "model",
        "calls",
        "failed",
        "tokens",
        "charge",
        "first_byte",
    )
    list_filter = (
        time_filter("from", _("from"), "hour_at__gte"),
        time_filter("to", _("to"), "hour_at__lt"),
        text_filter("user", _("user name or id"), of_user),
        number_filter("token", _("token id"), "token_id"),
        text_filter("model", _("model"), "model"),
        number_filter("channel", _("channel id"), "channel_id"),
    )
    sortable_by = ()
    fields = ("hour", "model", "calls", "failed", "tokens", "charge", "first_byte")
    readonly_fields = fields

    charge = money_column("units", _("charge"))

    def get_queryset(self, request: HttpRequest) -> QuerySet[HourlyUsage]:
        """With names, in the same query: they are looked up for the rows of the page alone."""
        users = User.objects.filter(pk=OuterRef("user_id")).values("username")[:1]
        tokens = Token.objects.filter(pk=OuterRef("token_id")).values("name")[:1]
        found = super().get_queryset(request)
        return found.annotate(
            username=Subquery(users),
            token_name=Subquery(tokens),
            channel_name=channel_name("channel_id"),
        )

    @admin.display(description=_("hour"))
    def hour(self, row: HourlyUsage) -> SafeString:
        return when_hour(row.hour_at)

    @admin.display(description=_("user"))
    def user(self, row: Any) -> SafeString | str:
        if row.username is None:
            return f"#{row.user_id}"
        return link("accounts_user_change", row.user_id, text=row.username)

    @admin.display(description=_("token"))
    def token(self, row: Any) -> str:
        return f"#{row.token_id}" if row.token_name is None else row.token_name

    @admin.display(description=_("channel"))
    def channel(self, row: Any) -> str:
        return row.channel_name or (f"#{row.channel_id}" if row.channel_id else "–")

    @admin.display(description=_("failed"))
    def failed(self, row: HourlyUsage) -> str:
        return f"{row.errors:,}" if row.errors else "–"

    @admin.display(description=_("tokens in + out"))
    def tokens(self, row: HourlyUsage) -> SafeString:
        text = '<span class="num">{} + {}</span>'
        return format_html(text, f"{row.prompt_tokens:,}", f"{row.completion_tokens:,}")

    @admin.display(description=_("time to first token"))
    def first_byte(self, row: HourlyUsage) -> str:
        mean = Sums(
            first_byte_calls=row.first_byte_calls,
            first_byte_milliseconds=row.first_byte_milliseconds,
        ).first_byte_ms
        return "–" if mean is None else f"{mean / 1000:.2f} s"
