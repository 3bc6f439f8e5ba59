"""The user's orders: the list, and the page where one is paid."""

from urllib.parse import urlsplit

import structlog
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.cache import cache
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from billing.models import Order, OrderState, PaymentNotice
from billing.payments.asking import ask_order
from billing.payments.gateways.base import Checkout, Places
from billing.payments.gateways.epay import METHODS
from billing.payments.notice import GatewayFailed, NotConfigured
from billing.payments.orders import begin_payment, may_be_paid
from billing.payments.prices import price_text
from billing.payments.receiving import Sender
from billing.payments.words import read_reason, read_source
from chatapi.web.address import site_url
from chatapi.web.pages.paging import read_page
from chatapi.web.pages.topup import days_label
from chatapi.web.security import make_policy

log = structlog.get_logger("payments")

TONES = {
    OrderState.PENDING: "warn",
    OrderState.PAID: "good",
    OrderState.CLOSED: "plain",
    OrderState.REFUNDED: "plain",
    OrderState.CHARGED_BACK: "bad",
}
ASK_SECONDS = 10
MOST_NOTICES = 20
NOTIFY = {"epay": "epay_notify", "stripe": "stripe_webhook"}


@require_safe
@login_required
def show_orders(request: HttpRequest) -> HttpResponse:
    page = read_page(request, Order.objects.filter(user_id=request.user.pk or 0))
    for order in page.rows:
        decorate(order)
    return render(request, "user/orders.html", {"page": page})


@require_safe
@login_required
def show_order(request: HttpRequest, number: str) -> HttpResponse:
    """Unpaid, it shows where to pay; who comes back from there sees it change."""
    order = find_own(request, number)
    is_back = "back" in request.GET
    if is_back and may_be_paid(order):
        order = ask_now(order)
    checkout = find_checkout(request, order) if may_be_paid(order) else None
    context = {
        "order": decorate(order),
        "checkout": checkout,
        "is_waiting": is_back and may_be_paid(order),
        "history": list_history(order),
    }
    response = render(request, "user/order.html", context)
    if checkout is not None and checkout.fields:
        # Gateways send the form on to the bank's site, and browsers look at that address too.
        sources = f"{origin_of(checkout.url)} https:"
        response["Content-Security-Policy"] = make_policy(form_action=sources)
    return response


@require_POST
@login_required
def check_order(request: HttpRequest, number: str) -> HttpResponse:
    """Who has paid and sees nothing yet has the gateway asked."""
    order = find_own(request, number)
    if may_be_paid(order) and may_be_paid(ask_now(order)):
        messages.info(request, _("The payment has not arrived yet. Please try again in a minute."))
    return HttpResponseRedirect(reverse("order", args=[order.number]))


def list_history(order: Order) -> list[tuple[PaymentNotice, str, str]]:
    """What the gateway said of the order: notices with their source and what they say, newest
    first.
    """
    notices = order.notices.order_by("-pk")[:MOST_NOTICES]
    return [(one, read_source(one.source), read_reason(one.reason)) for one in notices]


def find_own(request: HttpRequest, number: str) -> Order:
    order = Order.objects.filter(user_id=request.user.pk or 0, number=number[:32]).first()
    if order is None:
        raise Http404
    return order


def ask_now(order: Order) -> Order:
    """The order after its gateway was asked; at most once in ten seconds."""
    if not cache.add(f"payments:ask:{order.pk}", 1, ASK_SECONDS):
        return order
    try:
        ask_order(order, Sender("query"))
    except (GatewayFailed, NotConfigured) as error:
        log.warning("gateway_not_asked", gateway=order.gateway, error=str(error))
    order.refresh_from_db()
    return order


def find_checkout(request: HttpRequest, order: Order) -> Checkout | None:
    site = site_url(request)
    back = f"{site}{reverse('order', args=[order.number])}?back=1"
    places = Places(f"{site}{reverse(NOTIFY[order.gateway])}", back)
    try:
        return begin_payment(order, places)
    except (GatewayFailed, NotConfigured) as error:
        log.warning("payment_not_begun", gateway=order.gateway, error=str(error))
        return None


def decorate(order: Order) -> Order:
    """Adds the texts that the templates show."""
    order.tone = TONES[OrderState(order.state)]  # type: ignore[attr-defined]
    order.price = price_text(order.money, order.currency)  # type: ignore[attr-defined]
    order.validity = days_label(order.valid_days)  # type: ignore[attr-defined]
    order.way = METHODS[order.method][1] if order.method in METHODS else "Stripe"  # type: ignore[attr-defined]
    return order


def origin_of(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
