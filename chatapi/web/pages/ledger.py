"""What moved the user's balance besides calls: top-ups, gifts, expiries."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from billing.models import LedgerEntry
from chatapi.web.pages.frame import read_frame
from chatapi.web.pages.paging import read_page


@require_safe
@login_required
def show_ledger(request: HttpRequest) -> HttpResponse:
    """Without the note and the name of who booked it: those are the operators'."""
    frame = read_frame(request)
    entries = LedgerEntry.objects.filter(budget_id=frame.wallet_id).select_related("lot")
    return render(request, "user/ledger.html", {"page": read_page(request, entries)})
