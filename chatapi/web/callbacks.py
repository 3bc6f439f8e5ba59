"""Where payment gateways tell us of payments. Nobody signs in here: the signature decides."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST

from billing.models import Verdict
from billing.payments import alarms
from billing.payments.gateways.epay import read_epay, read_pairs
from billing.payments.gateways.registry import EPAY, STRIPE, read_stripe
from billing.payments.notice import NotConfigured, NoticeRefused
from billing.payments.probe import PARAMETER, answer_probe
from billing.payments.receiving import Sender, keep_refused, receive
from chatapi.lib.request_address import request_address

MOST_BYTES = 256 * 1024
PATHS = frozenset({"/api/user/epay/notify", "/api/stripe/webhook"})
GOOD = frozenset({Verdict.CREDITED, Verdict.REPEATED, Verdict.ORPHAN, Verdict.CLOSED})
"""After these the gateway need not tell us again: what it said is stored."""


@csrf_exempt
@require_http_methods(["GET", "POST"])
def hear_epay(request: HttpRequest) -> HttpResponse:
    """`success` in plain text makes the gateway stop; anything else makes it try again later."""
    answer = answer_probe(request.GET.get(PARAMETER, ""))
    if answer:
        return plain(answer)
    sender = Sender("notify", request_address(request))
    try:
        gateway = read_epay()
        body = request.body if request.method == "POST" else b""
        notice = gateway.read_notice(read_pairs(request.META.get("QUERY_STRING", ""), body))
    except NotConfigured:
        alarms.log_unconfigured(EPAY)
        return plain("fail")
    except NoticeRefused as error:
        keep_refused(EPAY, error.reason, error.number, sender)
        return plain("fail")
    return plain("success" if receive(notice, sender) in GOOD else "fail")


@csrf_exempt
@require_POST
def hear_stripe(request: HttpRequest) -> HttpResponse:
    """Any 2xx makes Stripe stop: also for what is well signed and does not fit, which is kept."""
    answer = answer_probe(request.GET.get(PARAMETER, ""))
    if answer:
        return plain(answer)
    sender = Sender("notify", request_address(request))
    try:
        notice = read_stripe().read_notice(
            request.body, request.headers.get("Stripe-Signature", "")
        )
    except NotConfigured:
        alarms.log_unconfigured(STRIPE)
        return plain("not configured", 404)
    except NoticeRefused as error:
        keep_refused(STRIPE, error.reason, error.number, sender)
        return plain("refused", 400)
    return plain(str(receive(notice, sender)))


def plain(text: str, status: int = 200) -> HttpResponse:
    return HttpResponse(text, content_type="text/plain; charset=utf-8", status=status)
