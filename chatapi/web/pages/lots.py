"""The user's credit: what came in, what is left of it, and until when it is good."""

from django.contrib.auth.decorators import login_required
from django.db.models import F
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from billing.models import LedgerKind, RechargeLot
from billing.models.budget import WalletOwner
from chatapi.web.pages.frame import read_frame
from chatapi.web.pages.paging import read_page

MOST_OPEN = 100


@require_safe
@login_required
def show_lots(request: HttpRequest) -> HttpResponse:
    """First what is left, in the order in which it is used; below it all that ever came in."""
    read_frame(request)
    wallet = WalletOwner.objects.filter(user_id=request.user.pk or 0).values_list(
        "budget_id", flat=True
    )
    lots = RechargeLot.objects.filter(budget_id=wallet.first() or 0)
    now = timezone.now()
    left = list(
        lots.filter(left__gt=0).order_by(F("expires_at").asc(nulls_last=True), "id")[:MOST_OPEN]
    )
    page = read_page(request, lots.select_related("entry"))
    for lot in (*left, *page.rows):
        lot.label = LedgerKind(lot.source).label
        lot.days_left = None if lot.expires_at is None else (lot.expires_at - now).days
        lot.is_over = lot.expires_at is not None and lot.expires_at <= now
    return render(request, "user/lots.html", {"left": left, "page": page})
