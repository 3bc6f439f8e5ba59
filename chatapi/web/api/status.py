"""What anybody may know: the site's name and texts, and whether it is there."""

from typing import Any, ClassVar

from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from chatapi.lib.version import VERSION
from chatapi.options.snapshot import read_values
from chatapi.web.address import site_url
from chatapi.web.api.envelope import answer
from chatapi.web.api.levels import PUBLIC
from chatapi.web.api.views import ApiView, describe

STARTED_AT = int(timezone.now().timestamp())
TAG = "Site"
SHOWN = {
    "system_name": "SystemName",
    "logo": "Logo",
    "footer_html": "Footer",
    "email_verification": "EmailVerificationEnabled",
    "github_oauth": "GitHubOAuthEnabled",
    "github_client_id": "GitHubClientId",
    "wechat_login": "WeChatAuthEnabled",
    "wechat_qrcode": "WeChatAccountQRCodeImageURL",
    "turnstile_check": "TurnstileCheckEnabled",
    "turnstile_site_key": "TurnstileSiteKey",
    "top_up_link": "TopUpLink",
    "chat_link": "ChatLink",
    "price": "Price",
    "quota_per_unit": "QuotaPerUnit",
    "display_in_currency": "DisplayInCurrencyEnabled",
}
"""The old product's names to options; None for those that this installation does not have."""
ALWAYS = {"enable_drawing": True, "enable_data_export": True, "enable_batch_update": False}
"""Switches that there are no longer, as they stand now: clients hide pages where they are off."""


class Status(serializers.Serializer[Any]):
    """What a client needs before anybody signs in."""

    version = serializers.CharField()
    start_time = serializers.IntegerField()
    server_address = serializers.CharField()
    quota_per_unit = serializers.IntegerField()
    display_in_currency = serializers.BooleanField()
    system_name = serializers.CharField()
    logo = serializers.CharField(allow_null=True)
    footer_html = serializers.CharField(allow_null=True)
    email_verification = serializers.BooleanField(allow_null=True)
    github_oauth = serializers.BooleanField(allow_null=True)
    github_client_id = serializers.CharField(allow_null=True)
    wechat_login = serializers.BooleanField(allow_null=True)
    wechat_qrcode = serializers.CharField(allow_null=True)
    turnstile_check = serializers.BooleanField(allow_null=True)
    turnstile_site_key = serializers.CharField(allow_null=True)
    top_up_link = serializers.CharField(allow_null=True)
    chat_link = serializers.CharField(allow_null=True)
    price = serializers.FloatField(allow_null=True)
    enable_drawing = serializers.BooleanField()
    enable_data_export = serializers.BooleanField()
    enable_batch_update = serializers.BooleanField()


class StatusView(ApiView):
    area = PUBLIC

    @describe("The site's name, address and switches", TAG, Status)
    def get(self, request: Request) -> Response:
        values = read_values()
        data = {name: values.get(option) for name, option in SHOWN.items()}
        return answer(
            Status(
                {
                    **data,
                    # Strangers need not know which faults to look for.
                    "version": VERSION if getattr(request.user, "is_staff", False) else "",
                    **ALWAYS,
                    "start_time": STARTED_AT,
                    "server_address": site_url(request),
                }
            ).data
        )


class OptionText(ApiView):
    """One of the operator's texts, as it was written."""

    area = PUBLIC
    option: ClassVar[str] = ""

    @describe("A text of the operator, as it was written", TAG, serializers.CharField)
    def get(self, _request: Request) -> Response:
        return answer(str(read_values().get(self.option, "")))


@csrf_exempt  # nothing is here that could be changed
def show_unknown_path(request: HttpRequest, **_path: str) -> JsonResponse:
    """Any other path below /api/, in the shape of the old product."""
    text = _("There is no %(method)s %(path)s.") % {
        "method": request.method,
        "path": request.path[:200],
    }
    error = {"message": text, "type": "invalid_request_error", "param": None, "code": "not_found"}
    return JsonResponse({"success": False, "message": text, "error": error}, status=404)
