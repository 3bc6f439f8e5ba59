"""Django's way of sending mail, with the mail server of the options: all mail goes this way.

The server's certificate is checked, and without encryption nothing is sent, unless the options say
that the server is a local one.
"""

import smtplib
import ssl
from collections.abc import Sequence
from email.utils import formataddr
from functools import cached_property
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage
from django.core.mail.backends.smtp import EmailBackend

from chatapi.options.snapshot import read_values
from notifications.config import MailServer, read_mail_server

SECONDS = 10
ACCEPT_SECONDS = 30
"""For the last answer to a message: servers look for viruses meanwhile, and one that is not waited
for may deliver what is then sent again.
"""
IMPLICIT_TLS_PORT = 465


class MailUnavailable(OSError):
    """No mail server is set. An OSError, like all that goes wrong between here and a server."""


class Patient:
    """Waits longer where a repeat would be a second mail."""

    sock: Any

    def data(self, msg: Any) -> tuple[int, bytes]:
        self.sock.settimeout(ACCEPT_SECONDS)
        answer: tuple[int, bytes] = super().data(msg)  # type: ignore[misc] # of smtplib.SMTP
        self.sock.settimeout(SECONDS)
        return answer


class PatientSMTP(Patient, smtplib.SMTP):
    pass


class PatientSMTPOverTls(Patient, smtplib.SMTP_SSL):
    pass


class LocalSMTP(PatientSMTP):
    """Encrypts before it tells a password where the server can, whoever signed its certificate."""

    def login(self, *args: Any, **kwargs: Any) -> tuple[int, bytes]:
        self.ehlo_or_helo_if_needed()
        if self.has_extn("starttls"):
            self.starttls(context=unchecked_context())
        return super().login(*args, **kwargs)


class OptionsEmailBackend(EmailBackend):
    """EMAIL_BACKEND. `server` is for those that have read the options already."""

    def __init__(
        self, *, server: MailServer | None = None, fail_silently: bool = False, **_others: Any
    ) -> None:
        self.server = server or read_mail_server()
        is_implicit = self.server.port == IMPLICIT_TLS_PORT
        super().__init__(
            host=self.server.host,
            port=self.server.port,
            username=self.server.account,
            password=self.server.password,
            use_ssl=is_implicit,
            use_tls=not is_implicit and not self.server.is_local,
            timeout=SECONDS,
            fail_silently=fail_silently,
        )

    @property
    def connection_class(self) -> type[smtplib.SMTP]:
        if self.use_ssl:
            return PatientSMTPOverTls
        return LocalSMTP if self.server.is_local else PatientSMTP

    @cached_property
    def ssl_context(self) -> ssl.SSLContext:
        return unchecked_context() if self.server.is_local else ssl.create_default_context()

    def open(self) -> bool | None:
        if not self.server.is_set:
            if self.fail_silently:
                return None
            raise MailUnavailable("no mail server, or no sender, is set")
        try:
            return super().open()
        except OSError:
            # Django leaves a connection open that got only half of the way.
            self.close()
            raise

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        for message in email_messages:
            if message.from_email == settings.DEFAULT_FROM_EMAIL:
                message.from_email = sender_header(self.server.sender)
        return super().send_messages(email_messages) or 0


def sender_header(address: str, name: str = "") -> str:
    """`Name <address>`; the name is the site's, on one line whatever an operator typed."""
    shown = " ".join((name or str(read_values()["SystemName"])).split())
    return formataddr((shown, address))


def unchecked_context() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
