"""The database: reached, new enough, migrated, durable, and of the same time."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime

from django.conf import settings
from django.db import connection

from chatapi.lib.database_clock import database_now
from chatapi.web.doctor.finding import Finding, fail, ok, warn
from chatapi.web.startup import needs_migration

NAMES = {"sqlite": "SQLite", "postgresql": "PostgreSQL", "mysql": "MySQL or MariaDB"}
SKEW_WARN_SECONDS = 2.0
SKEW_FAIL_SECONDS = 60.0
"""A worker that seems silent for ten minutes loses its leases: clocks must agree far better."""


def check_connection() -> Iterator[Finding]:
    connection.ensure_connection()
    version = ".".join(str(part) for part in connection.get_database_version())
    place = "" if connection.vendor == "sqlite" else f" at {settings.DATABASES['default']['HOST']}"
    yield ok("database", f"{NAMES[connection.vendor]} {version}{place}")


def check_migrations() -> Iterator[Finding]:
    if not connection.introspection.table_names():
        yield warn("migrations", "an empty database", "`manage.py serve` makes the tables")
    elif needs_migration():
        advice = "`manage.py serve` migrates at its start; by hand: `manage.py migrate`"
        yield fail("migrations", "the tables are missing or older than this version", advice)
    else:
        yield ok("migrations", "up to date")


def check_durability() -> Iterator[Finding]:
    """A commit must survive a power cut, or calls already deleted from the journal are lost."""
    name = "durability"
    if connection.vendor == "sqlite":
        mode, level = _ask("PRAGMA journal_mode"), int(_ask("PRAGMA synchronous"))
        if mode != "wal" or level < 2:
            advice = "something opened the file with other settings: restart the server"
            yield warn(name, f"journal_mode={mode}, synchronous={level}", advice)
        else:
            yield ok(name, "WAL with synchronous=FULL")
    elif connection.vendor == "postgresql":
        value = _ask("SHOW synchronous_commit")
        if value == "off":
            advice = "set synchronous_commit=on: with off, a crash of the server loses usage rows"
            yield warn(name, "synchronous_commit=off", advice)
        else:
            yield ok(name, f"synchronous_commit={value}")
    else:
        value = str(_ask("SELECT @@innodb_flush_log_at_trx_commit"))
        if value != "1":
            advice = "set it to 1: otherwise a crash of the server loses usage rows"
            yield warn(name, f"innodb_flush_log_at_trx_commit={value}", advice)
        else:
            yield ok(name, "innodb_flush_log_at_trx_commit=1")


def check_clock() -> Iterator[Finding]:
    if connection.vendor == "sqlite":
        yield ok("clock", f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC; the database shares it")
        return
    before = time.time()
    theirs = database_now().timestamp()
    skew = theirs - (before + time.time()) / 2
    found = f"the database's clock differs by {abs(skew):.1f} s"
    advice = "let both machines keep time by NTP (timedatectl set-ntp true)"
    if abs(skew) > SKEW_FAIL_SECONDS:
        yield fail("clock", found, advice)
    elif abs(skew) > SKEW_WARN_SECONDS:
        yield warn("clock", found, advice)
    else:
        yield ok("clock", found)


def _ask(sql: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return str(cursor.fetchone()[0])
