"""Options, people, and a mail server."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from constance import config

from chatapi.accounts.models import Role, User
from chatapi.options.secret_options import seal_secret, secret_names
from tests.harness.receiver import Receiver, running_receiver
from tests.harness.smtp_server import MailScript, running_mail_server


@pytest.fixture
def options(db: None) -> Callable[..., None]:
    """Sets options, secrets in clear."""

    def set_options(**values: Any) -> None:
        for name, value in values.items():
            setattr(config, name, seal_secret(name, value) if name in secret_names() else value)

    return set_options


@pytest.fixture
def root(db: None) -> User:
    return make_person("root", Role.ROOT)


@pytest.fixture
def alice(db: None) -> User:
    return make_person("alice")


@pytest.fixture
def mail_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MailScript]:
    """One whose certificate is trusted, with one account."""
    script = MailScript(accounts={"robot@example.com": "Sesam-7"})
    with running_mail_server(tmp_path, script) as running:
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "server.pem"))
        yield running


@pytest.fixture
def mailing(options: Callable[..., None], mail_server: MailScript) -> MailScript:
    """The options say how to reach it."""
    options(
        SMTPServer="localhost",
        SMTPPort=mail_server.port,
        SMTPAccount="robot@example.com",
        SMTPToken="Sesam-7",
    )
    return mail_server


def make_person(name: str, role: int = Role.COMMON) -> User:
    return User.objects.create(username=name, email=f"{name}@example.com", role=role)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with running_receiver() as running:
        yield running
