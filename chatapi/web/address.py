"""The address of this site, for links in letters, callbacks of payment providers and previews."""

from django.conf import settings
from django.http import HttpRequest


def letter_url() -> str:
    """The site's address for links in letters: the option ServerAddress, or '' without it.

    Never the request's own: who asks for a letter to somebody else would choose in the Host header
    where the secret in its link goes.
    """
    from constance.utils import get_values_for_keys  # noqa: PLC0415 -- needs the app registry

    return str(get_values_for_keys(["ServerAddress"])["ServerAddress"]).rstrip("/")


def site_url(request: HttpRequest | None = None) -> str:
    """The option ServerAddress, else the request's own; without a slash at the end.

    Where an answer of somebody else depends on it, let the operator set the option: a request's own
    address is what its client says.
    """
    address = letter_url()
    if address:
        return address
    if request is not None:
        return request.build_absolute_uri("/").rstrip("/")
    return f"http://localhost:{settings.ENV.PORT}"
