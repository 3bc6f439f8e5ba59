"""Mails that belong to signing in: codes, links, warnings. Each is a pair of templates."""

from collections.abc import Mapping
from smtplib import SMTPException
from typing import Any

import structlog
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.utils.translation import gettext as _

from chatapi.options.snapshot import read_values

log = structlog.get_logger("letters")


class LetterNotSent(Exception):
    """The mail server did not take it; what it said is in our log."""

    @property
    def text(self) -> str:
        return _("The mail could not be sent. Please try again later, or tell the operator.")


def send_letter(name: str, to: str, subject: str, context: Mapping[str, Any]) -> None:
    """Sends `mail/NAME.txt` and `.html` in the language that is active. Raises LetterNotSent."""
    site = read_values()["SystemName"]
    values = {**context, "site": site, "subject": subject}
    letter = EmailMultiAlternatives(
        subject=f"{subject} · {site}".replace("\n", " ").replace("\r", " "),
        body=render_to_string(f"mail/{name}.txt", values),
        to=[to],
    )
    letter.attach_alternative(render_to_string(f"mail/{name}.html", values), "text/html")
    try:
        letter.send()
    except (OSError, SMTPException, ValueError) as error:
        # ValueError: a header that no mail may have, such as an address with a line break.
        log.warning("letter_not_sent", letter=name, error=str(error))
        raise LetterNotSent from error
