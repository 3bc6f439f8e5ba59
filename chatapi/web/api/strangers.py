"""What strangers ask, through the forms and flows of the pages."""

from typing import Any

from django.http import HttpRequest, QueryDict
from django.utils.translation import gettext as _
from rest_framework import exceptions, serializers
from rest_framework.request import Request
from rest_framework.response import Response

from chatapi.accounts.models import User
from chatapi.web.api.envelope import answer, answer_failure
from chatapi.web.api.errors import Refused
from chatapi.web.api.fields import Text
from chatapi.web.api.levels import PUBLIC
from chatapi.web.api.parsing import JsonBody
from chatapi.web.api.views import ApiView
from chatapi.web.turnstile import FIELD


class TurnstileQuery(serializers.Serializer[Any]):
    """The proof that Turnstile gave, where the operator asks for one."""

    turnstile = Text(max_length=2048)


class SignedIn(serializers.Serializer[Any]):
    """`key` is that of a first token, where an account was opened; shown this once."""

    id = serializers.IntegerField()
    username = serializers.CharField()
    display_name = serializers.CharField()
    role = serializers.IntegerField()
    status = serializers.IntegerField()
    group = serializers.CharField()
    key = serializers.CharField(required=False)


class StrangersView(ApiView):
    """JSON by its name alone: no form of a foreign page can send that. The GETs of the old product
    ask for a proof.
    """

    area = PUBLIC
    parser_classes = [JsonBody]


def tell_signed_in(page: HttpRequest, user: User, **more: str) -> Response:
    """After the steps of signing in, of which a second factor is one that only the page has."""
    if page.user.pk != user.pk:
        text = _("Please give your second factor on the page.")
        return answer_failure(text, code="second_factor_required")
    return answer(
        {
            "id": user.pk,
            "username": user.username,
            "display_name": user.display_name or user.username,
            "role": user.role,
            "status": 1,
            "group": user.group,
            **more,
        }
    )


def page_of(request: Request) -> HttpRequest:
    """Django's request inside DRF's, as the flows of the pages want it."""
    found: HttpRequest = request._request  # noqa: SLF001 -- DRF has no other name for it
    return found


def with_proof(request: Request, values: dict[str, Any]) -> HttpRequest:
    """The old product sends Turnstile's proof in the address, the pages in the form."""
    page = page_of(request)
    sent = QueryDict(mutable=True)
    sent[FIELD] = values.get("turnstile", "")
    page.POST = sent  # type: ignore[assignment] # its types know only the reading side
    return page


def tell_form(form: Any) -> Exception:
    """What a form refused: by its throttle, or for what was written."""
    if form.retry_after:
        return exceptions.Throttled(form.retry_after)
    return Refused("; ".join(str(text) for texts in form.errors.values() for text in texts))
