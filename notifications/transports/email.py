"""E-mail, by the mail server of the options."""

import smtplib
import ssl

from django.core.exceptions import ValidationError
from django.core.mail import EmailMultiAlternatives
from django.core.validators import validate_email
from django.utils.translation import gettext_lazy, gettext_noop

from chatapi.options.mail_fields import split_mailboxes
from notifications.config import Config
from notifications.mail import OptionsEmailBackend, sender_header
from notifications.transports.base import Field, Message, Target, Transport, TransportError

NOT_SET = gettext_noop("No mail server is set.")
BAD_ADDRESS = gettext_noop("The e-mail address is not valid.")
BAD_SENDER = gettext_noop("The sender's address is not valid. Set SMTPFrom.")
CERTIFICATE = gettext_noop("The mail server's certificate is not valid:")
NO_TLS = gettext_noop("The mail server offers no encryption.")
NO_SIGN_IN = gettext_noop("The mail server refused the account:")
UNREACHABLE = gettext_noop("The mail server can't be reached:")
NOT_TAKEN = gettext_noop("The mail server did not take the message:")
PERMANENT_FROM = 500


class EmailTransport(Transport):
    name = "email"
    label = gettext_lazy("E-mail")
    fields = (Field("address", gettext_lazy("E-mail address")),)
    is_shared = True

    def is_ready(self, config: Config) -> bool:
        return config.mail.is_set

    def check_field(self, field: Field, text: str) -> str:
        address = super().check_field(field, text)
        validate_email(address)
        return address

    def send(self, target: Target, message: Message, config: Config, *, is_trusted: bool) -> None:  # noqa: ARG002 -- Transport
        if not config.mail.is_set:
            raise TransportError(NOT_SET)
        try:
            _make_mail(target["address"], message, config).send()
        except ValidationError as error:
            raise TransportError(BAD_ADDRESS, permanent=True) from error
        except smtplib.SMTPNotSupportedError as error:
            raise TransportError(NO_TLS) from error
        except ssl.SSLCertVerificationError as error:
            raise TransportError(CERTIFICATE, error.verify_message) from error
        except smtplib.SMTPAuthenticationError as error:
            raise TransportError(NO_SIGN_IN, _said(error.smtp_code, error.smtp_error)) from error
        except smtplib.SMTPRecipientsRefused as error:
            raise _refused_recipients(error) from error
        except smtplib.SMTPResponseException as error:
            # About this message when the server had accepted the account.
            is_final = (
                isinstance(error, smtplib.SMTPDataError) and error.smtp_code >= PERMANENT_FROM
            )
            detail = _said(error.smtp_code, error.smtp_error)
            raise TransportError(NOT_TAKEN, detail, permanent=is_final) from error
        except OSError as error:
            raise TransportError(UNREACHABLE, error.strerror or type(error).__name__) from error


def _make_mail(addresses: str, message: Message, config: Config) -> EmailMultiAlternatives:
    """Raises ValidationError for an address that is none."""
    recipients = split_mailboxes(addresses)
    for address in recipients:
        validate_email(address)
    try:
        validate_email(config.mail.sender)
    except ValidationError as error:
        # An operator can mend it, so nothing is given up for it.
        raise TransportError(BAD_SENDER) from error
    mail = EmailMultiAlternatives(
        # One line: what a user typed may not become a header.
        " ".join(message.subject.split()),
        message.text,
        sender_header(config.mail.sender, config.site_name),
        recipients,
        headers={
            "Message-ID": f"<{message.key}@{config.mail.sender.rpartition('@')[2]}>",
            "Auto-Submitted": "auto-generated",
        },
        connection=OptionsEmailBackend(server=config.mail),
    )
    mail.attach_alternative(message.html, "text/html")
    return mail


def _refused_recipients(error: smtplib.SMTPRecipientsRefused) -> TransportError:
    answers = list(error.recipients.values())
    code, text = answers[0]
    is_final = all(answer[0] >= PERMANENT_FROM for answer in answers)
    return TransportError(NOT_TAKEN, _said(code, text), permanent=is_final)


def _said(code: int, text: bytes | str) -> str:
    shown = text.decode(errors="replace") if isinstance(text, bytes) else text
    return f"{code} {shown}"
