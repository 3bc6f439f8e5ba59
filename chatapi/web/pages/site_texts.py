"""Home, tutorial and announcement: what the operator wrote, or our own."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from chatapi.web.chat_models import chat_models
from chatapi.web.content import Content, read_content
from chatapi.web.pages.frame import Frame, read_frame
from chatapi.web.tutorial import CLIENTS, KEY, read_examples, read_first_examples


@require_safe
def show_home(request: HttpRequest) -> HttpResponse:
    frame = read_frame(request)
    content = read_content(frame.values["HomePageContent"])
    if content:
        return show_content(request, content, "")
    context = {
        "name": frame.name,
        "base_url": f"{frame.address}/v1",
        "examples": read_first_examples(frame.address, KEY, callable_models(request, frame)),
    }
    return render(request, "home.html", context)


def callable_models(request: HttpRequest, frame: Frame) -> list[str]:
    """What the visitor can call; nothing is told to strangers who may not see the prices."""
    user: Any = request.user
    if user.is_authenticated:
        return chat_models(user.group)
    return chat_models("default") if frame.shows_prices else []


@require_safe
def show_about(request: HttpRequest) -> HttpResponse:
    frame = read_frame(request)
    content = read_content(frame.values["About"])
    if content:
        return show_content(request, content, _("Tutorial"))
    root = frame.address
    context = {
        "base_url": f"{root}/v1",
        "snippets": read_examples(root, KEY, callable_models(request, frame)),
        "clients": [(name, text.replace("<ROOT>", root), where) for name, text, where in CLIENTS],
    }
    return render(request, "user/about.html", context)


@require_safe
def show_announcement(request: HttpRequest) -> HttpResponse:
    """With `?part=1` only the text, for the dialog that user.js opens."""
    content = read_content(read_frame(request).values["Notice"])
    if request.GET.get("part"):
        return render(request, "user/parts/announcement.html", {"content": content})
    return show_content(request, content, _("Announcement"))


def show_content(request: HttpRequest, content: Content, title: str) -> HttpResponse:
    """An operator's text as a page; pictures and frames that it needs are allowed to it alone."""
    context = {"content": content, "title": title}
    answer = render(request, "user/content.html", context)
    if content:
        answer["Content-Security-Policy"] = content.policy
    return answer
