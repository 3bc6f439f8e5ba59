"""The databases that tests run on: where the servers are, and a fresh database for each gateway."""

import os
import re
import sqlite3
import uuid
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import unquote, urlsplit

import psycopg
import pytest
import redis

from tests.harness.lacking import lacking

SERVERS = {
    "postgres": ("TEST_POSTGRES_URL", "postgres://postgres@127.0.0.1:5432/postgres"),
    "mariadb": ("TEST_MARIADB_URL", "mysql://root@127.0.0.1:3306/mysql"),
    "redis": ("TEST_REDIS_URL", "redis://127.0.0.1:6379/15"),
}
VENDORS = ("sqlite", "postgres", "mariadb")
Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Store:
    """One database; `path` is the folder of the SQLite file, the rest says where a server is."""

    vendor: str
    path: Path = Path()
    host: str = ""
    port: int = 0
    user: str = ""
    password: str = ""
    name: str = ""

    @property
    def dsn(self) -> str:
        """As an operator writes it into SQL_DSN."""
        if self.vendor == "sqlite":
            return ""
        if self.vendor == "mariadb":
            return f"{self.user}:{self.password}@tcp({self.host}:{self.port})/{self.name}"
        secret = f":{self.password}" if self.password else ""
        return f"postgres://{self.user}{secret}@{self.host}:{self.port}/{self.name}"

    def connect(self) -> Any:
        """A DB-API connection in autocommit mode, past the gateway and any proxy."""
        if self.vendor == "sqlite":
            return sqlite3.connect(self.path / "chatapi.db", timeout=30, isolation_level=None)
        if self.vendor == "postgres":
            return psycopg.connect(self.dsn, autocommit=True, connect_timeout=5)
        import MySQLdb  # noqa: PLC0415 -- not there where the MariaDB headers are missing

        return MySQLdb.connect(
            host=self.host,
            port=self.port,
            user=self.user,
            password=self.password,
            database=self.name,
            autocommit=True,
            connect_timeout=5,
        )

    def rows(self, sql: str) -> Sequence[Row]:
        """What a query finds, on a connection of its own."""
        with closing(self.connect()) as connection, closing(connection.cursor()) as cursor:
            cursor.execute(sql)
            found: Sequence[Row] = cursor.fetchall()
            return found

    def through(self, port: int) -> "Store":
        """The same database, reached through a proxy on this machine."""
        return replace(self, host="127.0.0.1", port=port)


def vendor_params(*vendors: str) -> list[Any]:
    """Parameters for `pytest.fixture` or `parametrize`, each with the marker of its database."""
    return [
        pytest.param(vendor, marks=[] if vendor == "sqlite" else [getattr(pytest.mark, vendor)])
        for vendor in vendors or VENDORS
    ]


def vendor_of(test_id: str) -> str | None:
    """The database that a test's id names among its parameters."""
    parameters = re.split(r"[\[\]-]", test_id)
    return next((vendor for vendor in VENDORS if vendor in parameters), None)


@contextmanager
def fresh_store(vendor: str, folder: Path) -> Iterator[Store]:
    """An empty database that is dropped afterwards; skips (or fails) where there is no server."""
    if vendor == "sqlite":
        yield Store(vendor, path=folder)
        return
    server = _server(vendor)
    store = replace(server, name=f"chatapi_test_{uuid.uuid4().hex[:16]}")
    charset = " CHARACTER SET utf8mb4" if vendor == "mariadb" else ""
    try:
        server.rows("SELECT 1")
    except Exception as error:  # noqa: BLE001 -- three drivers, each with its own errors
        refuse(vendor, error)
    _execute(server, f"CREATE DATABASE {store.name}{charset}")
    try:
        yield store
    finally:
        force = " WITH (FORCE)" if vendor == "postgres" else ""
        _execute(server, f"DROP DATABASE {store.name}{force}")


def redis_url() -> str:
    """Where Redis is; skips (or fails) where it is not."""
    name, usual = SERVERS["redis"]
    url = os.environ.get(name) or usual
    try:
        with redis.Redis.from_url(url, socket_connect_timeout=2) as client:
            client.ping()
    except redis.RedisError as error:
        refuse("redis", error)
    return url


def refuse(vendor: str, error: Exception) -> NoReturn:
    lacking(f"{vendor} can't be used ({SERVERS[vendor][0]}): {error}")


def _server(vendor: str) -> Store:
    name, usual = SERVERS[vendor]
    parts = urlsplit(os.environ.get(name) or usual)
    return Store(
        vendor,
        host=parts.hostname or "127.0.0.1",
        port=parts.port or (5432 if vendor == "postgres" else 3306),
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        name=parts.path.lstrip("/"),
    )


def _execute(server: Store, sql: str) -> None:
    with closing(server.connect()) as connection, closing(connection.cursor()) as cursor:
        cursor.execute(sql)
