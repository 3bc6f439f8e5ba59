"""The page of what changed in the providers' lists of models, with one click to take it over."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _

from channels_app.admin_actions import start_run
from channels_app.jobs import MODELS
from channels_app.model_watch import dismiss, take_over, watchable_channels
from channels_app.models import Channel, ModelNews
from chatapi.console.audited import recorded

PAGE = "admin:channels_app_channel_news"


class ModelNewsPages:
    """For ChannelAdmin."""

    admin_site: Any
    opts: Any
    get_object: Callable[..., Channel | None]
    has_view_permission: Callable[..., bool]
    has_change_permission: Callable[..., bool]

    def news_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.news_view)
        return [path("model-changes/", view, name="channels_app_channel_news")]

    def news_view(self, request: HttpRequest) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        if request.method == "POST":
            if not self.has_change_permission(request):
                raise PermissionDenied
            self._act(request)
            return HttpResponseRedirect(reverse(PAGE))
        rows = ModelNews.objects.select_related("channel").order_by("channel__name")
        context = {
            **self.admin_site.each_context(request),
            "title": _("Models upstream changed"),
            "opts": self.opts,
            "rows": rows.filter(has_news=True),
            "failed": rows.exclude(error=""),
            "checked": rows.exclude(checked_at=None).count(),
            "may_change": self.has_change_permission(request),
        }
        request.current_app = self.admin_site.name
        return TemplateResponse(request, "admin/channels_app/channel/news.html", context)

    def _act(self, request: HttpRequest) -> None:
        if "look" in request.POST:
            start_run(request, MODELS, watchable_channels())
            return
        channel = self.get_object(request, request.POST.get("channel", ""))
        if channel is None:
            raise Http404
        if "dismiss" in request.POST:
            dismiss(channel)
            messages.success(request, _("Left as it is: %(name)s.") % {"name": channel})
            return
        try:
            with recorded(request, "channel.change", [channel]):
                new, gone = take_over(channel)
        except ValidationError as error:
            messages.error(request, " ".join(error.messages))
            return
        text = _("Models taken over: %(new)d new, %(gone)d taken out.")
        messages.success(request, text % {"new": new, "gone": gone})
