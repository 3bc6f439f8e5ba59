"""SQL_DSN is read in all the forms that operators have."""

import string
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatapi.lib.dsn import Database, InvalidDsn, parse_dsn

MYSQL, POSTGRES = "django.db.backends.mysql", "django.db.backends.postgresql"


@pytest.mark.parametrize(
    ("text", "database"),
    [
        ("", None),
        (
            "root:123456@tcp(localhost:3306)/oneapi?tls=skip-verify",
            Database(MYSQL, "oneapi", "root", "123456", "localhost", 3306, "skip-verify"),
        ),
        ("root:p@tcp(db)/n", Database(MYSQL, "n", "root", "p", "db", 3306)),
        ("root@/n", Database(MYSQL, "n", "root", "", "localhost", 3306)),
        ("root:p@/n", Database(MYSQL, "n", "root", "p", "localhost", 3306)),
        ("u:p@w:r@d/x@tcp(h:1)/n", Database(MYSQL, "n", "u", "p@w:r@d/x", "h", 1)),
        ("u:p@tcp([::1]:3307)/n", Database(MYSQL, "n", "u", "p", "::1", 3307)),
        ("u:p@unix(/run/my.sock)/n", Database(MYSQL, "n", "u", "p", "/run/my.sock", None)),
        (
            "u:p@tcp(h)/n?charset=utf8mb4&tls=true",
            Database(MYSQL, "n", "u", "p", "h", 3306, "verify"),
        ),
        ("mysql://u:p@h:3306/n", Database(MYSQL, "n", "u", "p", "h", 3306)),
        ("mysql://u:p%40%2F%3A@h/n", Database(MYSQL, "n", "u", "p@/:", "h", None)),
        ("postgres://u:p@h:5432/n", Database(POSTGRES, "n", "u", "p", "h", 5432)),
        ("postgresql://u@h/n", Database(POSTGRES, "n", "u", "", "h", None)),
        ("postgres://u:p@[::1]:5/n", Database(POSTGRES, "n", "u", "p", "::1", 5)),
        ("postgres:///n?host=/run/pg", Database(POSTGRES, "n", "", "", "/run/pg", None)),
        (
            "postgres://u:p@h/n?sslmode=verify-full",
            Database(POSTGRES, "n", "u", "p", "h", None, "verify"),
        ),
        (
            "postgres://u:p@h/n?sslmode=require",
            Database(POSTGRES, "n", "u", "p", "h", None, "skip-verify"),
        ),
        ("postgres://u:p@h/n?sslmode=disable", Database(POSTGRES, "n", "u", "p", "h", None)),
    ],
)
def test_dsn_is_read(text: str, database: Database | None) -> None:
    assert parse_dsn(text) == database


@pytest.mark.parametrize(
    "text",
    [
        "oneapi",
        "root:hunter2@tcp(h:3306)",
        "root:hunter2@tcp(h:99999)/n",
        "root:hunter2@tcp(h:many)/n",
        "oracle://u:hunter2@h/n",
        "postgres://u:hunter2@h",
        "postgres://u:hunter2@h:99999/n",
        "postgres://u:hunter2@[h/n",
    ],
)
def test_wrong_dsn_is_refused_without_telling_the_password(text: str) -> None:
    with pytest.raises(InvalidDsn) as refusal:
        parse_dsn(text)
    assert "hunter2" not in str(refusal.value)


PASSWORDS = st.text(string.printable.strip() + "é日😀", min_size=1, max_size=20)
NAMES = st.text(string.ascii_letters + string.digits + "_-", min_size=1, max_size=10)


@given(user=NAMES, password=PASSWORDS, name=NAMES, port=st.integers(1, 65535))
def test_any_password_survives_both_forms(user: str, password: str, name: str, port: int) -> None:
    url = f"postgres://{user}:{quote(password, safe='')}@db.example:{port}/{name}"
    database = parse_dsn(url)
    assert database == Database(POSTGRES, name, user, password, "db.example", port)
    assert "password" not in repr(database)
    if "://" not in password:
        go = parse_dsn(f"{user}:{password}@tcp(db.example:{port})/{name}")
        assert go == Database(MYSQL, name, user, password, "db.example", port)


@given(st.text(max_size=60))
def test_arbitrary_text_is_read_or_refused(text: str) -> None:
    try:
        found = parse_dsn(text)
    except InvalidDsn:
        return
    assert found is None or found.vendor in {"postgresql", "mysql"}
