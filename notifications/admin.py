"""The console's pages of notices, of their deliveries, and of the ways to operators."""

from dataclasses import dataclass
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Prefetch, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from chatapi.console.audit import record_act
from chatapi.console.base import ReadOnlyAdmin
from chatapi.console.columns import badge, link, mono, time_column, when
from chatapi.console.filters import choice_filter, text_filter, time_filter
from notifications.config import read_config, read_operator_targets
from notifications.events import EVENTS, find_event
from notifications.models import Delivery, DeliveryState, Notice, TransportState
from notifications.testing import TooManyTests, send_test
from notifications.texts import make_part, tell_error
from notifications.transports import TRANSPORTS
from notifications.transports.base import Transport

TONES = {
    DeliveryState.SENT: "good",
    DeliveryState.FAILED: "bad",
    DeliveryState.WAITING: "warn",
}
LIST = "admin:notifications_delivery_changelist"
WAYS = "admin:notifications_delivery_ways"


def event_filter(lookup: str) -> Any:
    return choice_filter(
        "event",
        _("event"),
        lambda: [(event.name, event.title) for event in EVENTS.values()],
        lookup,
    )


def state_badge(delivery: Delivery) -> SafeString:
    return badge(
        DeliveryState(delivery.state).label, TONES.get(DeliveryState(delivery.state), "plain")
    )


def way_label(name: str) -> Any:
    return TRANSPORTS[name].label if name in TRANSPORTS else name


@dataclass(frozen=True, slots=True)
class Way:
    """A transport as the page shows it; `hint` is '' where operators have no address."""

    transport: Transport
    is_ready: bool
    hint: str
    state: TransportState | None

    @property
    def trouble(self) -> str:
        return tell_error(self.state) if self.state and self.state.failures else ""

    @property
    def last(self) -> SafeString | str:
        return when(self.state.worked_at) if self.state and self.state.worked_at else ""


@admin.register(Notice)
class NoticeAdmin(ReadOnlyAdmin[Notice]):
    about = _("What happened, and who was told.")
    when_empty = _("The first event makes the first row.")
    owner_path = "user_id"
    page_field = "created_at"
    list_display = ("time", "what", "reader", "told")
    list_filter = (
        time_filter("from", _("from"), "created_at__gte"),
        time_filter("to", _("to"), "created_at__lt"),
        event_filter("event"),
        text_filter("user", _("user"), "user__username"),
    )
    sortable_by = ()
    fieldsets = (
        (None, {"fields": ("time", "what", "reader", "handed_out")}),
        (_("Text"), {"fields": ("subject", "text")}),
        (_("Deliveries"), {"fields": ("all_deliveries",)}),
    )

    time = time_column("created_at", _("time"))
    handed_out = time_column("spread_at", _("handed out"))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Notice]:
        deliveries = Prefetch("deliveries", Delivery.objects.order_by("pk"))
        return super().get_queryset(request).select_related("user").prefetch_related(deliveries)

    @admin.display(description=_("event"))
    def what(self, notice: Notice) -> Any:
        return find_event(notice.event).title

    @admin.display(description=_("for"))
    def reader(self, notice: Notice) -> Any:
        return notice.user.get_username() if notice.user else _("operators")

    @admin.display(description=_("deliveries"))
    def told(self, notice: Notice) -> SafeString | str:
        rows = ((way_label(row.transport), state_badge(row)) for row in notice.deliveries.all())
        found = format_html_join(" ", '<span class="nowrap">{} {}</span>', rows)
        return found or (gettext("nobody wants it") if notice.spread_at else "–")

    @admin.display(description=_("subject"))
    def subject(self, notice: Notice) -> str:
        return make_part(notice, 1, read_config()).subject

    @admin.display(description=_("text"))
    def text(self, notice: Notice) -> SafeString:
        """As the reader of this page would get it."""
        part = make_part(notice, 1, read_config(), shows_codes=False)
        return format_html_join(SafeString("<br>"), "{}", ((row,) for row in part.text.split("\n")))

    @admin.display(description=_("deliveries"))
    def all_deliveries(self, notice: Notice) -> SafeString | str:
        rows = (
            (
                link("notifications_delivery_change", row.pk, text=way_label(row.transport)),
                row.hint,
                state_badge(row),
                tell_error(row),
            )
            for row in notice.deliveries.all()
        )
        return format_html_join("", "<p>{} {} {} {}</p>", rows) or "–"


@admin.register(Delivery)
class DeliveryAdmin(ReadOnlyAdmin[Delivery]):
    about = _("Messages on their way to people, one row for each way.")
    when_empty = _("Set up a way, and send a test by the button above.")
    owner_path = "notice__user_id"
    page_field = "created_at"
    change_list_template = "admin/notifications/delivery/change_list.html"
    list_display = ("time", "what", "reader", "way", "shown_state", "attempts")
    list_filter = (
        time_filter("from", _("from"), "created_at__gte"),
        time_filter("to", _("to"), "created_at__lt"),
        event_filter("notice__event"),
        choice_filter(
            "way",
            _("way"),
            lambda: [(name, one.label) for name, one in TRANSPORTS.items()],
            "transport",
        ),
        choice_filter("state", _("state"), lambda: DeliveryState.choices, "state", indexed=True),
        text_filter("user", _("user"), "notice__user__username"),
    )
    list_select_related = ("notice__user",)
    sortable_by = ()
    actions: Any = ("send_again",)
    fieldsets = (
        (None, {"fields": ("time", "what", "reader", "way", "of_notice")}),
        (
            _("state"),
            {"fields": ("shown_state", "times", "attempts", "told_at", "due", "key_text")},
        ),
    )

    time = time_column("created_at", _("time"))
    told_at = time_column("sent_at", _("sent"))

    @admin.display(description=_("event"))
    def what(self, delivery: Delivery) -> Any:
        return find_event(delivery.notice.event).title

    @admin.display(description=_("for"))
    def reader(self, delivery: Delivery) -> Any:
        user = delivery.notice.user
        return user.get_username() if user else _("operators")

    @admin.display(description=_("way"))
    def way(self, delivery: Delivery) -> SafeString:
        return format_html(
            '{} <span class="under">{}</span>', way_label(delivery.transport), delivery.hint
        )

    @admin.display(description=_("state"))
    def shown_state(self, delivery: Delivery) -> SafeString:
        times = f" ×{delivery.count}" if delivery.count > 1 else ""
        return format_html(
            '{}{} <span class="under">{}</span>',
            state_badge(delivery),
            times,
            tell_error(delivery),
        )

    @admin.display(description=_("notice"))
    def of_notice(self, delivery: Delivery) -> SafeString:
        return link("notifications_notice_change", delivery.notice_id, text=str(delivery.notice))

    @admin.display(description=_("times"))
    def times(self, delivery: Delivery) -> int:
        return delivery.count

    @admin.display(description=_("next attempt"))
    def due(self, delivery: Delivery) -> SafeString | str:
        return when(delivery.next_try_at) if delivery.state == DeliveryState.WAITING else "–"

    @admin.display(description=_("key"))
    def key_text(self, delivery: Delivery) -> SafeString | str:
        return mono(delivery.key)

    def has_send_permission(self, request: HttpRequest) -> bool:
        site: Any = self.admin_site
        return bool(site.rules.may_open(request.user, "notifications.Delivery", "change"))

    @admin.action(description=_("Send again"), permissions=["send"])
    def send_again(self, request: HttpRequest, rows: QuerySet[Delivery]) -> None:
        """In the next round, with attempts counted anew."""
        with transaction.atomic():
            chosen = list(rows.exclude(state=DeliveryState.SENDING))
            for row in chosen:
                Delivery.objects.filter(pk=row.pk).exclude(state=DeliveryState.SENDING).update(
                    state=DeliveryState.WAITING, attempts=0, next_try_at=timezone.now()
                )
                record_act("delivery.resend", request=request, target=row)
        count = len(chosen)
        text = ngettext("%(count)d is sent again.", "%(count)d are sent again.", count)
        messages.success(request, text % {"count": count})

    def get_urls(self) -> list[URLPattern]:
        view, test = self.admin_site.admin_view(self.ways_view), self.test_view
        return [
            path("ways/", view, name="notifications_delivery_ways"),
            path(
                "ways/<slug:name>/test/",
                self.admin_site.admin_view(require_POST(test)),
                name="notifications_delivery_test",
            ),
            *super().get_urls(),
        ]

    def ways_view(self, request: HttpRequest) -> HttpResponse:
        """By which ways operators are told, how they do, and a test of each."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        config, targets = read_config(), read_operator_targets()
        states = {state.transport: state for state in TransportState.objects.all()}
        ways = [
            Way(
                transport,
                transport.is_ready(config),
                transport.hint(targets[name]) if name in targets else "",
                states.get(name),
            )
            for name, transport in TRANSPORTS.items()
        ]
        context = {
            **self.admin_site.each_context(request),
            "title": gettext("Ways to operators"),
            "opts": self.opts,
            "ways": ways,
            "may_send": self.has_send_permission(request),
        }
        return TemplateResponse(request, "admin/notifications/ways.html", context)

    def test_view(self, request: HttpRequest, name: str) -> HttpResponse:
        if not self.has_send_permission(request):
            raise PermissionDenied
        target = read_operator_targets().get(name)
        if name not in TRANSPORTS or target is None:
            raise Http404
        label = str(TRANSPORTS[name].label)
        try:
            delivery = send_test(None, name, target)
        except TooManyTests:
            messages.error(request, gettext("Too many tests in an hour. Please try again later."))
            return HttpResponseRedirect(reverse(WAYS))
        record_act("transport.test", request=request, target=delivery, note=name)
        if delivery.state == DeliveryState.SENT:
            text = gettext("%(way)s: the test was sent. Look whether it arrived.")
            messages.success(request, text % {"way": label})
        else:
            text = gettext("%(way)s: the test failed. %(why)s")
            messages.error(request, text % {"way": label, "why": tell_error(delivery)})
        return HttpResponseRedirect(reverse(WAYS))
