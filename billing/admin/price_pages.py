"""The pages that prices have besides list and editor: import, export, calculator, what has none."""

from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from billing.admin.price_calculator import CalculatorForm
from billing.admin.price_use import find_unpriced
from billing.models import Price, PriceDraft
from billing.models.price import PriceOrigin
from billing.price_diff import Applied, PriceChange, apply_changes, compare
from billing.price_import import COUNT_FIELDS, FIELDS, BadPriceList
from billing.price_lists import as_ratios, pack, read_list, read_shipped, unpack
from chatapi.console.audit import record_act
from chatapi.console.exports import stream_csv
from chatapi.console.fields import plain_decimal

LIST_PAGE = "admin:billing_price_changelist"
KEEP = timedelta(days=1)
SHIPPED = "shipped"


class ImportForm(forms.Form):
    """A file, or the lists that come with us."""

    file = forms.FileField(label=gettext_lazy("file"), required=False)
    source = forms.CharField(required=False, widget=forms.HiddenInput)

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        if cleaned.get("source") != SHIPPED and not cleaned.get("file") and not self.errors:
            self.add_error("file", _("Choose a file."))
        return cleaned


class PricePages:
    """For PriceAdmin."""

    admin_site: Any
    opts: Any
    has_view_permission: Callable[..., bool]
    has_change_permission: Callable[..., bool]
    has_delete_permission: Callable[..., bool]

    def own_urls(self) -> list[URLPattern]:
        pages: tuple[tuple[str, str, Callable[..., Any]], ...] = (
            ("import/", "import", self.import_view),
            ("import/<int:pk>/", "diff", self.diff_view),
            ("export/<str:form>/", "export", self.export_view),
            ("calculator/", "calculator", self.calculator_view),
            ("unpriced/", "unpriced", self.unpriced_view),
        )
        return [
            path(address, self.admin_site.admin_view(view), name=f"billing_price_{name}")
            for address, name, view in pages
        ]

    def import_view(self, request: HttpRequest) -> HttpResponse:
        """Reads a list and keeps it as a draft; nothing is changed yet."""
        self._need(self.has_change_permission(request))
        form = ImportForm(request.POST or None, request.FILES or None)
        if request.method == "POST" and form.is_valid():
            try:
                return HttpResponseRedirect(
                    reverse("admin:billing_price_diff", args=[make_draft(request, form).pk])
                )
            except BadPriceList as error:
                form.add_error("file", str(error))
        context = {"title": _("Import prices"), "form": form, "fields": FIELDS}
        return self._page(request, "import", context)

    def diff_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """What the list would change; what is ticked is changed."""
        self._need(self.has_change_permission(request))
        draft = PriceDraft.objects.filter(pk=pk, actor_id=actor_of(request)).first()
        if draft is None:
            raise Http404
        if request.method == "POST":
            return self._apply(request, draft)
        changes = list(
            compare(unpack(draft.entries), {row.model: row for row in Price.objects.all()})
        )
        parts = [
            describe_part("new", changes, is_ticked=True),
            describe_part("changed", changes, is_ticked=True),
            describe_part("gone", changes, is_ticked=False),
        ]
        if not self.has_delete_permission(request):
            parts.pop()
        same = len(draft.entries) - sum(change.state != "gone" for change in changes)
        context = {
            "title": _("Compare prices"),
            "draft": draft,
            "parts": parts,
            "same": same,
            "is_same": not any(change.state != "gone" for change in changes),
        }
        return self._page(request, "diff", context)

    def _apply(self, request: HttpRequest, draft: PriceDraft) -> HttpResponse:
        ticked: dict[str, str] = {}
        for value in request.POST.getlist("take"):
            stamp, _colon, model = value.partition(":")
            ticked[model] = stamp
        if not self.has_delete_permission(request):
            entries = draft.entries
            ticked = {model: stamp for model, stamp in ticked.items() if model in entries}
        try:
            with transaction.atomic():
                done = apply_changes(unpack(draft.entries), ticked, draft.origin)
                if done:
                    record_act(
                        "prices.import",
                        request=request,
                        before=done.before,
                        after=done.after,
                        note=draft.name,
                    )
        except IntegrityError:
            text = _("Nothing was changed: two models have the same name. Rename one in the file.")
            messages.error(request, text)
            return HttpResponseRedirect(request.path)
        tell_applied(request, done)
        if done.moved:
            return HttpResponseRedirect(request.path)
        draft.delete()
        return HttpResponseRedirect(reverse(LIST_PAGE))

    def export_view(self, request: HttpRequest, form: str) -> HttpResponseBase:
        self._need(self.has_view_permission(request))
        if form == "csv":
            head = ("model", *FIELDS)
            return stream_csv(request, "prices.csv", head, lambda: iter([list(price_rows())]))
        if form == "ratios":
            answer = HttpResponse(as_ratios(Price.objects.all()), content_type="application/json")
            answer["Content-Disposition"] = 'attachment; filename="ratios.json"'
            return answer
        raise Http404

    def calculator_view(self, request: HttpRequest) -> HttpResponse:
        self._need(self.has_view_permission(request))
        form = CalculatorForm(request.GET if request.GET.get("model") else None)
        result = form.reckon() if form.is_bound and form.is_valid() else {}
        models = Price.objects.order_by("model").values_list("model", flat=True)
        context = {"title": _("Calculator"), "form": form, "models": models, **result}
        return self._page(request, "calculator", context)

    def unpriced_view(self, request: HttpRequest) -> HttpResponse:
        self._need(self.has_view_permission(request))
        context = {
            "title": _("Models without a price"),
            "rows": find_unpriced(),
            "may_add": self.has_change_permission(request),
        }
        return self._page(request, "unpriced", context)

    def _page(self, request: HttpRequest, name: str, context: dict[str, Any]) -> HttpResponse:
        request.current_app = self.admin_site.name
        whole = {**self.admin_site.each_context(request), "opts": self.opts, **context}
        return TemplateResponse(request, f"admin/billing/price/{name}.html", whole)

    @staticmethod
    def _need(may: bool) -> None:  # noqa: FBT001 -- the answer of a permission
        if not may:
            raise PermissionDenied


def actor_of(request: HttpRequest) -> int:
    user: Any = request.user
    return int(user.pk)


def make_draft(request: HttpRequest, form: ImportForm) -> PriceDraft:
    """Raises BadPriceList. Drafts of yesterday are thrown away."""
    PriceDraft.objects.filter(created_at__lt=timezone.now() - KEEP).delete()
    if form.cleaned_data["source"] == SHIPPED:
        found, name, origin = read_shipped(), _("shipped lists"), PriceOrigin.LIST
    else:
        file = form.cleaned_data["file"]
        known = {price.model: price for price in Price.objects.all()}
        found, name, origin = read_list(file.read(), known), file.name, PriceOrigin.OPERATOR
    return PriceDraft.objects.create(
        actor_id=actor_of(request),
        name=name[:200],
        origin=origin,
        entries=pack(found.entries),
        notes=found.notes[:50],
    )


def describe_part(state: str, changes: Sequence[PriceChange], *, is_ticked: bool) -> dict[str, Any]:
    """One of the three tables. What an operator set is not ticked beforehand."""
    rows = [
        {
            "model": change.model,
            "value": f"{change.stamp}:{change.model}",
            "is_own": change.is_own,
            "is_ticked": is_ticked and not change.is_own,
            "fields": [
                (
                    label_of(item.name),
                    show_value(item.name, item.old),
                    show_value(item.name, item.new),
                )
                for item in change.fields
                if state != "new" or item.new is not None
            ],
        }
        for change in changes
        if change.state == state
    ]
    return {"state": state, "rows": rows, "ticked": sum(bool(row["is_ticked"]) for row in rows)}


def label_of(name: str) -> str:
    return str(capfirst(str(Price._meta.get_field(name).verbose_name)))  # type: ignore[union-attr]


def show_value(name: str, value: Any) -> str:
    if value is None:
        return ""
    return f"{value:,}" if name in COUNT_FIELDS else f"${plain_decimal(value)}"


def price_rows() -> Iterator[list[Any]]:
    for price in Price.objects.order_by("model"):
        yield [price.model, *(export_value(getattr(price, name)) for name in FIELDS)]


def export_value(value: Any) -> Any:
    if value is None or isinstance(value, int):
        return value
    return plain_decimal(value)


def tell_applied(request: HttpRequest, done: Applied) -> None:
    if done:
        text = _("Prices: %(added)d added, %(changed)d changed, %(deleted)d deleted.")
        counts = {
            "added": len(done.added),
            "changed": len(done.changed),
            "deleted": len(done.deleted),
        }
        messages.success(request, text % counts)
    elif not done.moved:
        messages.info(request, _("Nothing was ticked, so nothing was changed."))
    if done.moved:
        text = ngettext(
            "%(count)d price changed since it was shown, and was left alone: %(names)s",
            "%(count)d prices changed since they were shown, and were left alone: %(names)s",
            len(done.moved),
        )
        names = ", ".join(done.moved[:10])
        messages.warning(request, text % {"count": len(done.moved), "names": names})
