"""Where to go after signing in: only to a page of ours."""

from posixpath import normpath
from urllib.parse import unquote, urlsplit

from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.http import url_has_allowed_host_and_scheme

from chatapi.accounts.models import User

LONGEST = 2000


def wanted_page(request: HttpRequest) -> str:
    """The `next` of the request if it is a path on this site, else ''."""
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    return wanted if is_own_path(wanted) else ""


def is_own_path(path: str) -> bool:
    """A page's, not the JSON API's, where a GET can act in the name of who has just signed in.

    Browsers drop tabs and line breaks and take a backslash for a slash: neither may be there.
    """
    return (
        path.startswith("/")
        and len(path) <= LONGEST
        and "\\" not in path
        and path.isprintable()
        and url_has_allowed_host_and_scheme(path, allowed_hosts=None)
        and not _leads_to_api(path)
    )


def _leads_to_api(path: str) -> bool:
    """Browsers resolve dots, also escaped ones; we decode what they send."""
    parts = normpath(unquote(urlsplit(path).path)).split("/")
    return next(filter(None, parts), "") == "api"


def first_page(user: User) -> str:
    """Where somebody lands who asked for nothing else."""
    if user.is_superuser:
        return reverse("admin:index")
    try:
        return reverse("dashboard")
    except NoReverseMatch:
        return reverse("home")
