"""Makes allauth sign people in the way this project does."""

from ipaddress import ip_address
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _

from chatapi.accounts.devices import is_known_device, remember_device
from chatapi.accounts.models import User
from chatapi.console.audit import record_act
from chatapi.console.site import SESSION_SECONDS
from chatapi.lib.request_address import request_address
from chatapi.web.next_page import first_page, is_own_path
from notifications.outbox import tell

NO_ADDRESS = "0.0.0.0"  # noqa: S104 -- listens nowhere: says that the address is unknown


class AccountAdapter(DefaultAccountAdapter):
    def get_client_ip(self, request: HttpRequest) -> str:
        """The list of sessions takes nothing but addresses; a socket of this machine has none."""
        address = request_address(request)
        try:
            return str(ip_address(address))
        except ValueError:
            return NO_ADDRESS

    def get_login_redirect_url(self, request: HttpRequest) -> str:
        user: Any = request.user
        return first_page(user)

    def is_safe_url(self, url: str | None) -> bool:
        return bool(url) and is_own_path(str(url))

    def add_message(self, *_args: Any, **_kwargs: Any) -> None:
        """Our pages say themselves what happened."""

    def send_notification_mail(self, *_args: Any, **_kwargs: Any) -> None:
        """Our own outbox tells people."""

    def respond_user_inactive(self, request: HttpRequest, _user: Any) -> HttpResponse:
        """Only those get here who have proven who they are."""
        messages.error(request, _("This account is closed."))
        return HttpResponseRedirect(reverse("login"))

    def post_login(self, request: HttpRequest, user: Any, **kwargs: Any) -> HttpResponse:
        """After all steps of signing in, the second factor included."""
        is_known = is_known_device(request, user.get_username()[:150].casefold())
        response: HttpResponse = super().post_login(request, user, **kwargs)
        if user.is_staff:
            record_act("session.begin", request=request, target=user)
            request.session.set_expiry(SESSION_SECONDS)
        remember_device(response, user.get_username())
        if not is_known and not kwargs.get("signup"):
            tell_new_sign_in(request, user)
        return response


def tell_new_sign_in(request: HttpRequest, user: User) -> None:
    data = {
        "address": request_address(request),
        "browser": request.META.get("HTTP_USER_AGENT", "")[:200],
    }
    tell("new_sign_in", data, user=user)
