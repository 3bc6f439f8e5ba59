"""Whether gateways can reach us: we call our own public addresses, as they would, and know again
what only this installation can answer.
"""

from dataclasses import dataclass

import httpx
from django.core import signing

SALT = "payments.probe"
ANSWER_SALT = "payments.probe.answer"
PARAMETER = "chatapi_probe"
VALID_SECONDS = 120
WAIT_SECONDS = 10.0
LONGEST = 200


@dataclass(frozen=True, slots=True)
class Found:
    """How one address answered; `problem` is '' when it is reached."""

    url: str
    problem: str = ""


def answer_probe(probe: str) -> str:
    """What the one who asks expects to read; '' for what is no probe of ours."""
    if not probe or len(probe) > LONGEST:
        return ""
    try:
        signing.loads(probe, salt=SALT, max_age=VALID_SECONDS)
    except signing.BadSignature:
        return ""
    return signing.Signer(salt=ANSWER_SALT).signature(probe)


def probe_url(url: str, *, method: str) -> Found:
    """Call an address of ours from outside, as far as this machine can."""
    probe = signing.dumps("probe", salt=SALT)
    try:
        answer = httpx.request(
            method,
            url,
            params={PARAMETER: probe},
            timeout=WAIT_SECONDS,
            headers={"User-Agent": "chat-api-probe"},
        )
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return Found(url, type(error).__name__)
    if answer.status_code != 200:
        return Found(url, f"HTTP {answer.status_code}")
    if answer.text.strip() != answer_probe(probe):
        return Found(url, "another site answered")
    return Found(url)
