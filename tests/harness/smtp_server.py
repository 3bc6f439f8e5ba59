"""A mail server that speaks as much SMTP as smtplib asks for, and keeps what it was given."""

import base64
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass
class Received:
    """One message, and how it came."""

    sender: str
    recipients: list[str]
    data: bytes
    is_encrypted: bool

    @property
    def mail(self) -> EmailMessage:
        return message_from_bytes(self.data, policy=policy.default)


@dataclass
class MailScript:
    """What the server offers and refuses."""

    starttls: bool = True
    implicit: bool = False
    accounts: dict[str, str] = field(default_factory=dict)
    refuse: dict[str, str] = field(default_factory=dict)
    """Recipient to a whole answer, like "550 no such user"."""
    data_answer: str = "250 taken"
    arrived: int = 0
    """Messages that are there in full, accepted or not."""
    may_accept: threading.Event = field(default_factory=threading.Event)
    received: list[Received] = field(default_factory=list)
    sign_ins: list[tuple[str, str, bool]] = field(default_factory=list)
    port: int = 0

    def __post_init__(self) -> None:
        self.may_accept.set()


class Session(socketserver.StreamRequestHandler):
    server: Any

    def handle(self) -> None:
        self.script: MailScript = self.server.script
        self.is_encrypted = False
        if self.script.implicit and not self._encrypt():
            return
        self.sender, self.recipients = "", list[str]()
        self._say("220 test ESMTP")
        while line := self.rfile.readline(65536):
            word, _space, rest = line.decode().strip().partition(" ")
            if not self._answer(word.upper(), rest):
                return

    def _answer(self, word: str, rest: str) -> bool:
        match word:
            case "EHLO" | "HELO":
                self._greet()
            case "STARTTLS":
                self._say("220 go on")
                return self._encrypt()
            case "AUTH":
                return self._sign_in(rest)
            case "MAIL":
                self.sender, self.recipients = _address(rest), []
                self._say("250 ok")
            case "RCPT":
                address = _address(rest)
                answer = self.script.refuse.get(address, "250 ok")
                if answer.startswith("250"):
                    self.recipients.append(address)
                self._say(answer)
            case "DATA":
                self._take()
            case "QUIT":
                self._say("221 bye")
                return False
            case _:
                self._say("250 ok")
        return True

    def _greet(self) -> None:
        self._say("250-test")
        if self.script.starttls and not self.is_encrypted:
            self._say("250-STARTTLS")
        self._say("250 AUTH PLAIN")

    def _take(self) -> None:
        self._say("354 go on")
        lines = []
        while (line := self.rfile.readline()) not in {b".\r\n", b""}:
            lines.append(line.removeprefix(b".") if line.startswith(b"..") else line)
        self.script.arrived += 1
        self.script.may_accept.wait(60)
        if self.script.data_answer.startswith("250"):
            self.script.received.append(
                Received(self.sender, self.recipients, b"".join(lines), self.is_encrypted)
            )
        self._say(self.script.data_answer)

    def _sign_in(self, rest: str) -> bool:
        how, _space, text = rest.partition(" ")
        assert how == "PLAIN"
        _none, account, password = base64.b64decode(text).decode().split("\0")
        self.script.sign_ins.append((account, password, self.is_encrypted))
        good = self.script.accounts.get(account) == password
        self._say("235 welcome" if good else f"535 wrong password {password}")
        return True

    def _encrypt(self) -> bool:
        try:
            self.request = self.server.tls.wrap_socket(self.request, server_side=True)
        except OSError:
            # The client did not like the certificate.
            return False
        self.rfile, self.wfile = self.request.makefile("rb"), self.request.makefile("wb", 0)
        self.is_encrypted = True
        return True

    def _say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())

    def finish(self) -> None:
        for stream in (self.rfile, self.wfile, self.request):
            try:
                stream.close()
            except OSError:
                continue


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    script: MailScript
    tls: ssl.SSLContext


@contextmanager
def running_mail_server(folder: Path, script: MailScript | None = None) -> Iterator[MailScript]:
    """On 127.0.0.1, with the certificate of `make_certificate` in this folder."""
    script = script or MailScript()
    if not (folder / "server.pem").exists():
        make_certificate(folder)
    server = Server(("127.0.0.1", 0), Session)
    server.script = script
    server.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.tls.load_cert_chain(folder / "server.pem", folder / "server.key")
    script.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield script
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def make_certificate(folder: Path, name: str = "localhost") -> Path:
    """A certificate of its own for `name`; whoever trusts `server.pem` trusts the server."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / "server.pem"
    path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "server.key").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        )
    )
    return path


def _address(text: str) -> str:
    return text.partition("<")[2].partition(">")[0]
