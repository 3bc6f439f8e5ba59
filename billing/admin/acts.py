"""Pages of rows that only the system writes, with acts of operators beside them."""

from collections.abc import Callable
from copy import copy
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse

from chatapi.console.base import ReadOnlyAdmin, RuledAdmin


class ActingAdmin(ReadOnlyAdmin[Any]):
    """No form of a row can be saved; its acts have addresses of their own, for who may change."""

    def act_url(self, name: str, view: Callable[..., HttpResponse]) -> URLPattern:
        label = f"{self.opts.app_label}_{self.opts.model_name}_{name}"
        guarded: Callable[..., HttpResponse] = self.admin_site.admin_view(view)
        return path(f"<int:pk>/{name}/", guarded, name=label)

    def may_act(self, request: HttpRequest) -> bool:
        return RuledAdmin.may(self, request, "change")

    def find_target(self, request: HttpRequest, pk: int) -> Any:
        """The row, as far as this operator may see and change it."""
        if not self.may_act(request):
            raise PermissionDenied
        row = self.get_object(request, str(pk))
        if row is None:
            raise Http404
        return row

    def show_again(self, request: HttpRequest, pk: int, **shown: Any) -> HttpResponse:
        """The row's page with a form as it was sent: what was typed is not lost when refused."""
        looked_at = copy(request)
        looked_at.method = "GET"
        return self.change_view(looked_at, str(pk), extra_context=shown)

    def back_to(self, pk: int) -> HttpResponse:
        name = f"admin:{self.opts.app_label}_{self.opts.model_name}_change"
        return HttpResponseRedirect(reverse(name, args=[pk]))
