"""Cloudflare Turnstile: asks the browser for a proof, and Cloudflare whether it is one.

https://developers.cloudflare.com/turnstile/get-started/server-side-validation/
"""

import httpx
import structlog
from django.conf import settings
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from chatapi.lib.request_address import request_address
from chatapi.options.secret_options import read_secret
from chatapi.options.snapshot import read_values
from chatapi.web.security import make_policy

ORIGIN = "https://challenges.cloudflare.com"
FIELD = "cf-turnstile-response"
LONGEST_PROOF = 2048
TIMEOUT_SECONDS = 5.0

log = structlog.get_logger("turnstile")


def turnstile_site_key() -> str:
    """Empty where nobody is to be asked."""
    values = read_values()
    return str(values["TurnstileSiteKey"]) if values["TurnstileCheckEnabled"] else ""


def check_turnstile(request: HttpRequest) -> None:
    """Raises ValidationError unless this request brings a proof. A proof is good for one request:
    Cloudflare knows each once.
    """
    if not turnstile_site_key():
        return
    proof = request.POST.get(FIELD, "")
    if not proof or len(proof) > LONGEST_PROOF:
        raise ValidationError(_("Please confirm that you are human."), code="turnstile")
    try:
        answer = httpx.post(
            settings.TURNSTILE_VERIFY_URL,
            data={
                "secret": read_secret("TurnstileSecretKey"),
                "response": proof,
                "remoteip": request_address(request),
            },
            timeout=TIMEOUT_SECONDS,
            trust_env=False,
        )
        is_human = answer.status_code == httpx.codes.OK and answer.json().get("success") is True
    except (httpx.HTTPError, ValueError, AttributeError) as error:
        log.warning("turnstile_unreachable", error=str(error))
        raise ValidationError(
            _("The check whether you are human is out of reach. Please try again in a minute."),
            code="turnstile",
        ) from error
    if not is_human:
        raise ValidationError(_("Please confirm that you are human."), code="turnstile")


def allow_turnstile(response: HttpResponse, **more: str) -> HttpResponse:
    """Lets this page's browser load Turnstile, if it is asked for; `more` as in `make_policy`."""
    if turnstile_site_key():
        more |= {"script_src": ORIGIN, "frame_src": ORIGIN}
    if more:
        response["Content-Security-Policy"] = make_policy(**more)
    return response
