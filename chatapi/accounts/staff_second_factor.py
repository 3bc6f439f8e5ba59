"""Sends staff without a second factor to set one up, where the option asks for one."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _

from chatapi.accounts.models import User
from chatapi.accounts.second_factor import lacks_required_factor

OPEN = frozenset(
    {"admin:logout", "admin:password_change", "admin:password_change_done", "admin:jsi18n"}
)


def send_to_second_factor(request: HttpRequest) -> HttpResponse | None:
    """The answer in the place of a page of the console; None: it may open."""
    user, match = request.user, request.resolver_match
    if not isinstance(user, User) or (match is not None and match.view_name in OPEN):
        return None
    if not lacks_required_factor(user):
        return None
    messages.warning(request, _("Set up a second factor first: the console asks staff for one."))
    return HttpResponseRedirect(reverse("security"))
