"""What a user is told, by which ways, and what was sent lately."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from chatapi.accounts.models import User
from chatapi.web.pages.alerts_forms import AddressForm, BalanceForm, CodeForm, WayForm
from chatapi.web.pages.frame import read_frame
from notifications.addresses import (
    NothingPending,
    TooManyCodes,
    WrongCode,
    ask_confirmation,
    confirm,
    forget_pending,
    read_pending,
)
from notifications.config import Config, read_config
from notifications.events import Event, find_event, user_events
from notifications.models import AlertSettings, Binding, Delivery, DeliveryState
from notifications.recipients import EMAIL, save_choices, store_binding, targets_of, wanted_ways
from notifications.testing import TooManyTests, send_test
from notifications.texts import tell_error
from notifications.transports import TRANSPORTS
from notifications.transports.base import Transport

SHOWN = 20
NEW_SECRET = "new_webhook_secret"  # noqa: S105 -- a name in the session
TONES = {
    DeliveryState.SENT: "good",
    DeliveryState.FAILED: "bad",
    DeliveryState.WAITING: "warn",
    DeliveryState.SENDING: "plain",
}


@dataclass(frozen=True, slots=True)
class Way:
    """A transport as the page shows it; `hint` is '' where the user is not reached by it."""

    transport: Transport
    hint: str
    form: WayForm | None
    is_open: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """An event, and for each shown transport whether it is told."""

    event: Event
    cells: tuple[tuple[Transport, bool], ...]


@require_safe
@login_required
def show_alerts(request: HttpRequest) -> HttpResponse:
    return show(request)


@require_POST
@login_required
def save_balance(request: HttpRequest) -> HttpResponse:
    user, values = owner(request), read_frame(request).values
    form = BalanceForm(
        request.POST, settings_of(user), values["QuotaPerUnit"], values["QuotaRemindThreshold"]
    )
    if not form.is_valid():
        return show(request, balance=form)
    given = form.cleaned_data
    AlertSettings.objects.update_or_create(
        user=user,
        defaults={
            "threshold_units": given["threshold"],
            "is_report_on": given["is_report_on"],
            "report_units": given["report"],
            "report_hours": given["report_hours"],
            "language": given["language"],
        },
    )
    messages.success(request, _("Saved."))
    return back()


@require_POST
@login_required
def save_events(request: HttpRequest) -> HttpResponse:
    """Only of the ways that the page showed: others keep what was chosen."""
    user = owner(request)
    shown = [name for name in request.POST.getlist("way") if name in TRANSPORTS]
    save_choices(user, shown, set(request.POST.getlist("on")))
    messages.success(request, _("Saved."))
    return back()


@require_POST
@login_required
def save_email(request: HttpRequest) -> HttpResponse:
    """Another address is used once its owner has confirmed it."""
    user = owner(request)
    if "own" in request.POST:
        AlertSettings.objects.filter(user=user).update(email="")
        forget_pending(request.session)
        messages.success(request, _("Saved."))
        return back()
    form = AddressForm(request.POST)
    if not form.is_valid():
        return show(request, address=form)
    try:
        ask_confirmation(request.session, user, form.cleaned_data["email"])
    except TooManyCodes:
        form.add_error("email", _("Too many codes were sent today. Please try again tomorrow."))
        return show(request, address=form)
    messages.info(request, _("A code is on its way to the new address. Type it below."))
    return back()


@require_POST
@login_required
def confirm_email(request: HttpRequest) -> HttpResponse:
    form = CodeForm(request.POST)
    if form.is_valid():
        try:
            confirm(request.session, owner(request), form.cleaned_data["code"])
        except NothingPending:
            messages.error(request, _("This code is no longer valid. Ask for a new one."))
            return back()
        except WrongCode:
            form.add_error("code", _("This is not the code."))
        else:
            messages.success(request, _("The new address is confirmed."))
            return back()
    return show(request, code=form)


@require_POST
@login_required
def bind(request: HttpRequest, name: str) -> HttpResponse:
    user, transport = owner(request), find_way(name)
    form = WayForm(request.POST, transport)
    if not form.is_valid():
        return show(request, way=form)
    store_binding(user, name, form.target)
    if "secret" in form.target:
        request.session[NEW_SECRET] = form.target["secret"]
    messages.success(request, _("Saved. Send a test to see whether it arrives."))
    return back()


@require_POST
@login_required
def unbind(request: HttpRequest, name: str) -> HttpResponse:
    find_way(name)
    Binding.objects.filter(user=owner(request), transport=name).delete()
    messages.success(request, _("Removed."))
    return back()


@require_POST
@login_required
def test(request: HttpRequest, name: str) -> HttpResponse:
    user = owner(request)
    target = targets_of(user).get(name)
    if target is None:
        raise Http404
    try:
        delivery = send_test(user, name, target)
    except TooManyTests:
        messages.error(request, _("Too many tests in an hour. Please try again later."))
        return back()
    if delivery.state == DeliveryState.SENT:
        messages.success(request, _("The test was sent. Look whether it arrived."))
    else:
        messages.error(request, f"{_('The test failed.')} {tell_error(delivery)}")
    return back()


def show(request: HttpRequest, **forms: Any) -> HttpResponse:
    """The page; a form with errors takes the place of the empty one."""
    user, values = owner(request), read_frame(request).values
    chosen, config = settings_of(user), read_config()
    targets = targets_of(user, chosen)
    ways = list_ways(config, targets, forms.get("way"))
    told_by = [EMAIL] if targets.get(EMAIL) else []
    told_by += [way.transport.name for way in ways if way.hint]
    secret = request.session.pop(NEW_SECRET, "") if NEW_SECRET in request.session else ""
    context = {
        "page_url": reverse("alerts"),
        "balance": forms.get("balance")
        or BalanceForm(None, chosen, values["QuotaPerUnit"], values["QuotaRemindThreshold"]),
        "address": forms.get("address") or AddressForm(),
        "code": forms.get("code") or CodeForm(),
        "pending": read_pending(request.session),
        "email": targets.get(EMAIL, {}).get("address", ""),
        "is_other_email": bool(chosen.email),
        "sends_mail": TRANSPORTS[EMAIL].is_ready(config),
        "ways": ways,
        "columns": [TRANSPORTS[name] for name in told_by],
        "rows": list_rows(user, told_by),
        "sent": read_sent(user),
        "secret": secret,
        "shown_once": bool(secret),
    }
    return render(request, "user/alerts.html", context)


def list_ways(
    config: Config,
    targets: Mapping[str, Mapping[str, str]],
    bad: WayForm | None,
) -> list[Way]:
    """All but e-mail, where the operator has set what they need."""
    found = []
    for transport in TRANSPORTS.values():
        if transport.name == EMAIL or not transport.is_ready(config):
            continue
        target = targets.get(transport.name)
        is_bad = bad is not None and bad.transport is transport
        form = bad if is_bad else WayForm(None, transport)
        hint = transport.hint(target) if target else ""
        found.append(Way(transport, hint, form, is_open=is_bad))
    return found


def list_rows(user: User, ways: list[str]) -> list[Row]:
    wanted = wanted_ways(user)
    return [
        Row(event, tuple((TRANSPORTS[way], wanted[event.name, way]) for way in ways))
        for event in user_events()
    ]


def read_sent(user: User) -> list[Delivery]:
    rows = Delivery.objects.filter(recipient=f"user:{user.pk}").exclude(state=DeliveryState.FOLDED)
    found = list(rows.select_related("notice").order_by("-pk")[:SHOWN])
    for row in found:
        row.title = find_event(row.notice.event).title  # type: ignore[attr-defined] # for the page
        row.way = way_label(row.transport)  # type: ignore[attr-defined]
        row.tone = TONES.get(DeliveryState(row.state), "plain")  # type: ignore[attr-defined]
        row.trouble = tell_error(row)  # type: ignore[attr-defined]
    return found


def way_label(name: str) -> Any:
    return TRANSPORTS[name].label if name in TRANSPORTS else name


def find_way(name: str) -> Transport:
    """Raises Http404."""
    transport = TRANSPORTS.get(name)
    if transport is None or name == EMAIL or not transport.is_ready(read_config()):
        raise Http404
    return transport


def settings_of(user: User) -> AlertSettings:
    """Not stored before something is chosen."""
    return AlertSettings.objects.filter(user=user).first() or AlertSettings(user=user)


def owner(request: HttpRequest) -> User:
    user: Any = request.user
    return user  # type: ignore[no-any-return]


def back() -> HttpResponse:
    return HttpResponseRedirect(reverse("alerts"))
