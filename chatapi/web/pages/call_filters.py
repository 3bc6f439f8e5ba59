"""Which calls of a user the log shows: by time, token, model and how they ended."""

from datetime import datetime, timedelta, tzinfo
from typing import Any

from django import forms
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from billing.models import Usage, UsageStatus
from chatapi.accounts.models import Token
from chatapi.console.zones import start_of_day, whole_hour
from chatapi.web.pages.token_form import MomentField

CHART_DAYS = 7
MOST_TOKENS = 200
ANY = ("", _("any"))


class CallFilters(forms.Form):
    """Of the URL; what can't be read is left out, and said."""

    start = MomentField(label=pgettext_lazy("time", "From"), required=False)
    end = MomentField(label=pgettext_lazy("time", "To"), required=False)
    token = forms.ChoiceField(label=_("Token"), required=False)
    model = forms.CharField(label=_("Model"), required=False, max_length=255)
    status = forms.ChoiceField(
        label=_("Status"), required=False, choices=lambda: [ANY, *UsageStatus.choices]
    )

    def __init__(self, data: Any, *, user_id: int, zone: tzinfo) -> None:
        super().__init__(data, auto_id="filter_%s")
        for name in ("start", "end"):
            moment: Any = self.fields[name]
            moment.zone = zone
        self.zone = zone
        token: Any = self.fields["token"]
        names = Token.objects.filter(user_id=user_id).order_by("-pk").values_list("pk", "name")
        token.choices = [ANY, *((str(pk), name) for pk, name in names[:MOST_TOKENS])]
        self.is_valid()

    def value(self, name: str) -> Any:
        """None without a filter, and for one that can't be read."""
        return self.cleaned_data.get(name) or None

    @property
    def is_active(self) -> bool:
        return any(self.value(name) for name in self.fields)

    def find_calls(self, wallet_id: int) -> QuerySet[Usage]:
        """Through the wallet, because that is what the table is indexed by."""
        rows = Usage.objects.filter(wallet_id=wallet_id)
        conditions = {
            "created_at__gte": self.value("start"),
            "created_at__lt": self.value("end"),
            "token_id": self.value("token"),
            "model": self.value("model"),
            "status": self.value("status"),
        }
        return rows.filter(**{name: value for name, value in conditions.items() if value})

    def chart_start(self) -> datetime:
        """Charts without a start are of the last days, and all of whole hours."""
        start: datetime | None = self.value("start")
        today = start_of_day(timezone.now(), self.zone)
        return whole_hour(start or today - timedelta(days=CHART_DAYS - 1))

    def chart_conditions(self) -> dict[str, Any]:
        """Columns of HourlyUsage."""
        conditions = {"token_id": self.value("token"), "model": self.value("model")}
        return {name: value for name, value in conditions.items() if value}
