"""When one is told that the balance is low: the old product's alert."""

from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from billing.ledger import balance_units, open_wallet
from chatapi.accounts.models import User
from chatapi.accounts.names import fold_name
from chatapi.lib.money import InvalidAmount, units_from_usd, usd_from_units
from chatapi.options.snapshot import read_values
from chatapi.web.api.envelope import answer
from chatapi.web.api.errors import Refused
from chatapi.web.api.fields import PlainInteger, Text, UnixTime
from chatapi.web.api.mail_proofs import check_code, subject_of
from chatapi.web.api.own_account import TAG
from chatapi.web.api.strangers import page_of
from chatapi.web.api.views import ApiView, describe
from notifications.addresses import PENDING, TooManyCodes, mail_confirmation
from notifications.models import AlertSettings

MOST_HOURS = 8760
MOST_USD = 10**9


class AlertIn(serializers.Serializer[Any]):
    """Below `min_quota` dollars one is told every `alert_interval` hours. Another address than the
    account's own is used once the `code` that is mailed there came back.
    """

    min_quota = PlainInteger(min_value=1, max_value=MOST_USD)
    alert_interval = PlainInteger(min_value=1, max_value=MOST_HOURS)
    email = Text(max_length=254)
    enabled = serializers.BooleanField(required=False, default=True)
    code = Text(max_length=20)


class AlertOut(serializers.Serializer[AlertSettings]):
    """`min_quota` in dollars; `email` empty for the account's own."""

    user_id = serializers.IntegerField()
    min_quota = serializers.SerializerMethodField()
    alert_interval = serializers.IntegerField(source="report_hours")
    email = serializers.CharField()
    enabled = serializers.BooleanField(source="is_report_on")
    last_alert_time = UnixTime(source="reported_at")

    def get_min_quota(self, chosen: AlertSettings) -> float:
        return float(usd_from_units(chosen.report_units, read_values()["QuotaPerUnit"]))


class QuotaAlert(ApiView):
    area = "self"

    @describe("When one is told of a low balance; null: never set", TAG, AlertOut)
    def get(self, _request: Request) -> Response:
        chosen = AlertSettings.objects.filter(user=self.user).first()
        return answer(chosen and AlertOut(chosen).data)

    @describe("Set when one is told of a low balance", TAG, AlertOut, body=AlertIn)
    def post(self, request: Request) -> Response:
        values = self.read_body(AlertIn)
        units = to_units(values["min_quota"])
        if values["enabled"] and units > balance_units(open_wallet(self.user).pk):
            raise Refused(_("The limit is above your balance."))
        email = self._prove(request, values)
        chosen, _is_new = AlertSettings.objects.update_or_create(
            user=self.user,
            defaults={
                "is_report_on": values["enabled"],
                "report_units": units,
                "report_hours": values["alert_interval"],
                "email": email,
            },
        )
        return answer(AlertOut(chosen).data)

    def _prove(self, request: Request, values: dict[str, Any]) -> str:
        """The address as it is stored: '' for the account's own. Raises Refused, DRF's Throttled,
        or ValidationError.
        """
        user, email = self.user, str(values.get("email", ""))
        if not email or fold_name(email) == fold_name(user.email):
            return ""
        if AlertSettings.objects.filter(user=user, email=email).exists():
            return email
        forms.EmailField(max_length=254).clean(email)
        if values.get("code"):
            check_code(page_of(request), PENDING, subject_of(user, email), values["code"])
            return email
        mail_code_there(user, email)
        text = _("A code is on its way to this address. Send the same again, with it as “code”.")
        raise Refused(text)


def to_units(usd: int) -> int:
    """Raises Refused."""
    try:
        return units_from_usd(Decimal(usd), read_values()["QuotaPerUnit"])
    except InvalidAmount as error:
        raise Refused(_("The amount is out of range.")) from error


def mail_code_there(user: User, email: str) -> None:
    """Raises Refused."""
    try:
        mail_confirmation(user, email, subject_of(user, email))
    except TooManyCodes as error:
        text = _("Too many codes were sent today. Please try again tomorrow.")
        raise Refused(text) from error
