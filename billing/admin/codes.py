"""The console's pages of redemption codes: batches of new ones, downloads, switching off."""

import uuid
from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext, gettext_noop, ngettext
from django.utils.translation import gettext_lazy as _

from billing.admin.acts import ActingAdmin
from billing.admin.amount_form import AmountForm
from billing.admin.orders import validity_text
from billing.by_hand import lock_people
from billing.models import CodeState, RedemptionCode
from billing.redemptions import MOST_CODES, CodeSettings, make_codes, switch_codes
from chatapi.accounts.step_up import require_fresh_password_in
from chatapi.console.audit import record_act
from chatapi.console.base import RuledAdmin
from chatapi.console.columns import badge, link, money_column, mono, time_column, when
from chatapi.console.exports import stream_csv
from chatapi.console.fields import MomentField, PlainDecimalField, check_ahead
from chatapi.console.filters import choice_filter, text_filter, time_filter
from chatapi.console.money import show_units, usd_text
from chatapi.lib.ids import hash_key
from chatapi.lib.secrets import Undecipherable
from chatapi.options.snapshot import read_values

TONES = {CodeState.UNUSED: "good", CodeState.DISABLED: "warn", CodeState.USED: "plain"}
FOR_EVER = -1
OTHER_RING = gettext_noop(
    "Codes sealed with another key ring can't be read. Put the old DATA_KEYS back, or disable them "
    "and make new ones."
)


class BatchForm(AmountForm):
    """What all codes of a batch have in common. `reference` is made with the page and becomes the
    batch's id: sending the form twice makes one batch.
    """

    name = forms.CharField(label=_("name"), max_length=40)
    amount = PlainDecimalField(label=_("amount in $"), max_digits=20, min_value=0)
    count = forms.IntegerField(label=_("number of codes"), min_value=1, max_value=MOST_CODES)
    valid_days = forms.IntegerField(
        label=_("days of validity"),
        min_value=FOR_EVER,
        max_value=36_500,
        help_text=_("Of the credit, from the redemption on; -1: it never expires."),
    )
    expires_at = MomentField(label=_("redeemable until"), required=False, validators=[check_ahead])
    reference = forms.UUIDField(widget=forms.HiddenInput)

    def clean_valid_days(self) -> int | None:
        days: int = self.cleaned_data["valid_days"]
        if days == 0:
            raise forms.ValidationError(_("A number of days, or -1 for ever."))
        return None if days == FOR_EVER else days


def has_code(rows: QuerySet[Any], text: str) -> QuerySet[Any]:
    return rows.filter(code_hash=hash_key(text.strip()))


@admin.register(RedemptionCode)
class CodeAdmin(ActingAdmin):
    list_select_related = ("redeemed_by",)
    list_display = (
        "name", "shown_hint", "shown_state", "amount", "days", "made", "used", "user", "of_batch",
    )  # fmt: skip
    list_filter: ClassVar[Any] = (
        choice_filter("state", _("state"), lambda: CodeState.choices),
        text_filter("code", _("whole code"), has_code, indexed=True),
        text_filter("batch", _("batch"), "batch", indexed=True),
        text_filter("user", _("redeemed by"), "redeemed_by__username", indexed=True),
        time_filter("from", _("created from"), "created_at__gte"),
    )
    search_fields = ("name__startswith",)
    search_help_text = _("Beginning of the name")
    actions: Any = ("enable", "disable")
    change_list_template = "admin/billing/redemptioncode/change_list.html"
    change_form_template = "admin/billing/redemptioncode/change_form.html"
    fields = (
        "name", "shown_state", "amount", "days", "until", "made", "created_by", "used", "user",
        "of_batch",
    )  # fmt: skip
    readonly_fields = fields

    amount = money_column("units", _("amount"))
    made = time_column("created_at", _("created"))
    used = time_column("redeemed_at", _("redeemed"))

    def page_title(self, obj: RedemptionCode) -> str:
        return str(obj)

    @admin.display(description=_("code"))
    def shown_hint(self, code: RedemptionCode) -> SafeString | str:
        return mono(code.hint)

    @admin.display(description=_("state"))
    def shown_state(self, code: RedemptionCode) -> SafeString:
        state = CodeState(code.state)
        if state == CodeState.UNUSED and code.expires_at and code.expires_at <= timezone.now():
            return badge(_("expired"), "warn")
        return badge(state.label, TONES[state])

    @admin.display(description=_("validity"))
    def days(self, code: RedemptionCode) -> str:
        return validity_text(code.valid_days)

    @admin.display(description=_("redeemable until"))
    def until(self, code: RedemptionCode) -> SafeString | str:
        return when(code.expires_at)

    @admin.display(description=_("redeemed by"))
    def user(self, code: RedemptionCode) -> SafeString | str:
        if code.redeemed_by is None:
            return "–"
        return link("accounts_user_change", code.redeemed_by_id, text=code.redeemed_by.username)

    @admin.display(description=_("batch"))
    def of_batch(self, code: RedemptionCode) -> SafeString:
        return link("billing_redemptioncode_changelist", text=code.batch[:6], batch=code.batch)

    @admin.action(description=_("Enable the selected codes"))
    def enable(self, request: HttpRequest, codes: QuerySet[RedemptionCode]) -> None:
        self._switch(request, codes, enable=True)

    @admin.action(description=_("Disable the selected codes"))
    def disable(self, request: HttpRequest, codes: QuerySet[RedemptionCode]) -> None:
        self._switch(request, codes, enable=False)

    def _switch(
        self, request: HttpRequest, codes: QuerySet[RedemptionCode], *, enable: bool
    ) -> None:
        if not self.may_act(request):
            raise PermissionDenied
        ids = list(codes.values_list("pk", flat=True))
        with transaction.atomic():
            count = switch_codes(ids, enable=enable)
            name = "redemption_code.enable" if enable else "redemption_code.disable"
            record_act(name, request=request, after={"codes": count, "ids": ids[:100]})
        text = ngettext("%(count)d code changed.", "%(count)d codes changed.", count)
        messages.success(request, text % {"count": count})

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.may_act(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Actions need it; the form has nothing to save."""
        return obj is None and self.may_act(request)

    def may(self, request: HttpRequest, verb: str) -> bool:
        return verb in {"view", "change"} and RuledAdmin.may(self, request, verb)

    def get_urls(self) -> list[URLPattern]:
        download = self.admin_site.admin_view(self.download_view)
        return [
            path("batch/<slug:batch>/<str:kind>/", download, name="billing_redemptioncode_batch"),
            self.act_url("show", self.show_view),
            *super().get_urls(),
        ]

    def add_view(
        self,
        request: HttpRequest,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """A batch of new codes; the next page lists them, and offers the files."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        days = read_values()["RedempTionCount"]
        initial = {"count": 1, "valid_days": days or FOR_EVER, "reference": uuid.uuid4()}
        form = BatchForm(request.POST or None, initial=initial)
        if request.method == "POST" and form.is_valid():
            batch = self._make(request, form)
            url = reverse("admin:billing_redemptioncode_changelist")
            return HttpResponseRedirect(f"{url}?batch={batch}")
        context = {
            **self.admin_site.each_context(request),
            "title": gettext("New redemption codes"),
            "opts": self.opts,
            "form": form,
        }
        return TemplateResponse(request, "admin/billing/redemptioncode/batch.html", context)

    def _make(self, request: HttpRequest, form: BatchForm) -> str:
        data = form.cleaned_data
        actor: Any = request.user
        batch: str = data["reference"].hex
        settings = CodeSettings(
            name=data["name"],
            units=form.units,
            valid_days=data["valid_days"],
            expires_at=data["expires_at"],
            created_by=actor.get_username(),
        )
        count = data["count"]
        with transaction.atomic():
            lock_people(actor)
            if RedemptionCode.objects.filter(batch=batch).exists():
                text = gettext("This batch was made already; nothing was made twice.")
                messages.warning(request, text)
                return batch
            make_codes(settings, count, batch)
            after = {"name": settings.name, "units": settings.units, "count": count}
            record_act("redemption_code.create", request=request, after={**after, "batch": batch})
        text = ngettext(
            "%(count)d code of %(amount)s was made.",
            "%(count)d codes of %(amount)s were made.",
            count,
        )
        messages.success(request, text % {"count": count, "amount": usd_text(form.units)})
        return batch

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        batch = request.GET.get("batch", "")
        known = batch if self.may_act(request) and batch.isalnum() else ""
        return super().changelist_view(request, {"batch": known, **(extra_context or {})})

    @require_fresh_password_in
    def show_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The code in clear, in this answer alone."""
        code = self.find_target(request, pk)
        try:
            text = code.read()
        except Undecipherable:
            messages.error(request, gettext(OTHER_RING))
            return self.back_to(pk)
        record_act("redemption_code.show", request=request, target=code)
        context = {
            **self.admin_site.each_context(request),
            "title": str(code),
            "opts": self.opts,
            "code": code,
            "text": text,
            "shown_once": True,
            "amount": show_units(code.units),
        }
        answer = TemplateResponse(request, "admin/billing/redemptioncode/show.html", context)
        answer["Cache-Control"] = "no-store"
        return answer

    @require_fresh_password_in
    def download_view(self, request: HttpRequest, batch: str, kind: str) -> HttpResponse | Any:
        """The codes of a batch that nobody has used, as a text or as a table."""
        if not self.may_act(request):
            raise PermissionDenied
        rows = list(
            RedemptionCode.objects.filter(batch=batch, state=CodeState.UNUSED).order_by("id")
        )
        if not rows or kind not in {"txt", "csv"}:
            raise Http404
        try:
            texts = [row.read() for row in rows]
        except Undecipherable:
            messages.error(request, gettext(OTHER_RING))
            return HttpResponseRedirect(reverse("admin:billing_redemptioncode_changelist"))
        record_act("redemption_code.download", request=request, after={"batch": batch})
        if kind == "csv":
            head = ("name", "code", "usd", "valid_days", "redeemable_until")
            table = [
                (
                    row.name,
                    text,
                    usd_text(row.units)[1:],
                    row.valid_days or FOR_EVER,
                    row.expires_at,
                )
                for row, text in zip(rows, texts, strict=True)
            ]
            return stream_csv(request, f"codes-{batch}.csv", head, lambda: iter([table]))
        return HttpResponse(
            "\n".join([*texts, ""]),
            content_type="text/plain; charset=utf-8",
            headers={
                "Content-Disposition": f'attachment; filename="codes-{batch}.txt"',
                "Cache-Control": "no-store",
            },
        )
