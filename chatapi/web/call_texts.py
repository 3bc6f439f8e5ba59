"""What was asked and answered in a call, in the console: for those who may read it, after their
password, and never without an entry in the audit log.
"""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _

from billing.admin.usage import UsageAdmin
from billing.models import Usage
from chatapi.accounts.roles import may_see_texts
from chatapi.accounts.step_up import ask_for_password
from chatapi.console.audit import record_act
from chatapi.lib.secrets import Undecipherable
from relay.call_texts import CUT, Texts, has_texts, read_texts


class CallAdmin(UsageAdmin):
    """The pages of calls, with the way to their texts."""

    change_form_template = "admin/billing/usage/with_texts.html"

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.texts_view)
        return [path("<int:pk>/texts/", view, name="billing_usage_texts"), *super().get_urls()]

    def page_context(self, request: HttpRequest, obj: Usage | None) -> dict[str, Any]:
        context = super().page_context(request, obj)
        if obj and may_see_texts(request.user) and has_texts(obj.request_id):
            context["texts_url"] = reverse("admin:billing_usage_texts", args=[obj.pk])
        return context

    def texts_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        if not may_see_texts(request.user):
            raise PermissionDenied
        usage = self.get_object(request, str(pk))
        if usage is None:
            raise Http404
        if asked := ask_for_password(request):
            return asked
        record_act("usage.read_texts", request=request, target=usage, note=usage.request_id)
        texts, problem = read_or_tell(usage)
        context = {
            **self.admin_site.each_context(request),
            "title": _("Prompt and answer"),
            "opts": self.opts,
            "usage": usage,
            "texts": texts,
            "problem": problem,
            "is_cut": texts is not None and CUT in texts.prompt + texts.answer,
        }
        return TemplateResponse(request, "admin/billing/usage/texts.html", context)


def read_or_tell(usage: Usage) -> tuple[Texts | None, str]:
    """(the texts, or why there are none)."""
    try:
        texts = read_texts(usage.request_id)
    except Undecipherable:
        return None, _("The texts of this call can't be read with the keys in DATA_KEYS.")
    return texts, "" if texts else _("No texts of this call are kept.")
