"""Cookies that only this very site can have set: over https their names begin with `__Host-`.

A browser takes such a cookie from https alone, for one host and all of its paths. So neither a
neighbour (evil.example.com for api.example.com) nor somebody on the line to an address without TLS
can slip one in. Django and allauth go on with the plain names: they are changed on the way in and
out. Over plain http, where browsers refuse the prefix, the plain names are what is sent.
"""

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from chatapi.accounts import devices

PREFIX = "__Host-"
NAMES = (settings.SESSION_COOKIE_NAME, settings.CSRF_COOKIE_NAME, devices.COOKIE)


def has_host_cookie(request: HttpRequest) -> bool:
    """Browsers send them over https alone."""
    return any(PREFIX + name in request.COOKIES for name in NAMES)


def read_host_cookies(request: HttpRequest, *, is_strict: bool) -> None:
    """`is_strict`: the request came by https beyond doubt, so that plain names are not believed. In
    doubt they are: a page that was asked for behind an unknown proxy has set them.
    """
    for name in NAMES:
        value = request.COOKIES.get(PREFIX + name)
        if value is not None:
            request.COOKIES[name] = value
        elif is_strict:
            request.COOKIES.pop(name, None)


def write_host_cookies(response: HttpResponse) -> None:
    """For an answer that goes by https."""
    for name in NAMES:
        morsel = response.cookies.pop(name, None)
        if morsel is not None:
            morsel.set(PREFIX + name, morsel.value, morsel.coded_value)
            response.cookies[PREFIX + name] = morsel
    for cookie in response.cookies.values():
        cookie["secure"] = True
