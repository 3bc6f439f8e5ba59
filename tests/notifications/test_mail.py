"""Mail goes by the server of the options: encrypted, to whom it says it is, or not at all."""

import smtplib
import ssl
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.mail import EmailMessage, get_connection
from django.core.mail.message import BadHeaderError

from notifications.mail import ACCEPT_SECONDS, SECONDS, MailUnavailable, PatientSMTP
from tests.harness.smtp_server import MailScript, make_certificate, running_mail_server
from tests.harness.waiting import wait_for

BACKEND = "notifications.mail.OptionsEmailBackend"


def send(subject: str = "Hello", to: str = "carol@example.net") -> int:
    mail = EmailMessage(subject, "Good morning", to=[to], connection=get_connection(BACKEND))
    return mail.send()


def test_what_django_sends_takes_our_server(
    mailing: MailScript, options: Callable[..., None]
) -> None:
    options(SystemName="茶馆\nBcc: eve@example.net", SMTPFrom="shop@example.com")
    assert send("Grüße") == 1
    (received,) = mailing.received
    assert received.is_encrypted
    assert mailing.sign_ins == [("robot@example.com", "Sesam-7", True)]
    assert (received.sender, received.recipients) == ("shop@example.com", ["carol@example.net"])
    assert received.mail["From"] == '"茶馆 Bcc: eve@example.net" <shop@example.com>'
    assert received.mail["Bcc"] is None
    assert received.mail["Subject"] == "Grüße"


def test_what_a_server_takes_long_to_accept_is_waited_for(mail_server: MailScript) -> None:
    """Whoever leaves before the last answer sends again what may have been accepted."""
    patience: list[float | None] = []
    mail_server.may_accept.clear()
    with PatientSMTP("localhost", mail_server.port, timeout=SECONDS) as client:

        def look() -> None:
            wait_for(lambda: mail_server.arrived, "the mail did not arrive")
            patience.append(client.sock.gettimeout())
            mail_server.may_accept.set()

        watcher = threading.Thread(target=look)
        watcher.start()
        client.sendmail("a@example.com", ["b@example.com"], "Subject: Hello\r\n\r\nGood morning")
        watcher.join()
        patience.append(client.sock.gettimeout())
    assert patience == [ACCEPT_SECONDS, SECONDS]
    assert len(mail_server.received) == 1


def test_the_account_is_the_sender_of_old(mailing: MailScript) -> None:
    send()
    assert mailing.received[0].sender == "robot@example.com"


def test_an_unknown_certificate_gets_neither_password_nor_mail(
    mailing: MailScript, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    with pytest.raises(ssl.SSLCertVerificationError):
        send()
    assert (mailing.sign_ins, mailing.received) == ([], [])


def test_another_servers_certificate_is_no_better(
    tmp_path: Path, options: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(make_certificate(tmp_path, "other.example.com")))
    with running_mail_server(tmp_path) as server:
        options(SMTPServer="localhost", SMTPPort=server.port, SMTPFrom="a@example.com")
        with pytest.raises(ssl.SSLCertVerificationError):
            send()
        assert server.received == []


def test_a_server_without_encryption_is_refused(mailing: MailScript) -> None:
    mailing.starttls = False
    with pytest.raises(smtplib.SMTPNotSupportedError):
        send()
    assert (mailing.sign_ins, mailing.received) == ([], [])


def test_a_local_server_needs_none(mailing: MailScript, options: Callable[..., None]) -> None:
    mailing.starttls = False
    options(SMTPServerIsLocal=True)
    assert send() == 1
    assert not mailing.received[0].is_encrypted


def test_a_local_servers_own_certificate_still_hides_the_password(
    mailing: MailScript, options: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    options(SMTPServerIsLocal=True)
    assert send() == 1
    assert mailing.sign_ins == [("robot@example.com", "Sesam-7", True)]


def test_without_a_server_it_says_so(options: Callable[..., None]) -> None:
    with pytest.raises(MailUnavailable):
        send()
    assert (
        get_connection(BACKEND, fail_silently=True).send_messages([EmailMessage(to=["a@b.c"])]) == 0
    )


@pytest.mark.parametrize("line_end", ["\r\n", "\n", "\r"])
def test_a_subject_can_not_add_headers(mailing: MailScript, line_end: str) -> None:
    with pytest.raises(BadHeaderError):
        send(f"Hi{line_end}Bcc: eve@example.net")
    with pytest.raises((BadHeaderError, ValueError)):
        send(to=f"carol@example.net{line_end}Bcc: eve@example.net")
    assert mailing.received == []
