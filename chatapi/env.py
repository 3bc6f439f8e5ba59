"""Every environment variable, once: name, type, default and meaning."""

import functools
import os
import sys
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from chatapi.lib.dsn import Database, InvalidDsn, parse_dsn

type_network = IPv4Network | IPv6Network
SECRET_NAMES = frozenset(
    {
        "SQL_DSN",
        "REDIS_CONN_STRING",
        "SESSION_SECRET",
        "INITIAL_ROOT_PASSWORD",
        "DATA_KEYS",
    }
)


class Env(BaseSettings):
    """The process environment, validated as a whole: all wrong values are reported at once."""

    model_config = SettingsConfigDict(case_sensitive=True, env_file=".env", extra="ignore")

    PORT: Annotated[int, Field(ge=1, le=65535, description="Port that `serve` listens on.")] = 3000
    HOST: Annotated[str, Field(description="Address that `serve` listens on.")] = "0.0.0.0"  # noqa: S104 -- a server in a container must be reachable
    TZ: Annotated[str, Field(description="Time zone of pages, logs and daily limits.")] = "UTC"
    DATA_DIR: Annotated[
        Path,
        Field(
            description="Folder for the SQLite file, the journal, generated secrets. Use a volume."
        ),
    ] = Path("data")
    WEB_WORKERS: Annotated[
        int,
        Field(ge=0, le=64, description="Web worker processes; 0 means one per core, at most 4."),
    ] = 0
    NODE_TYPE: Annotated[
        Literal["master", "slave"],
        Field(
            description="`master` migrates the database and makes the first administrator; "
            "`slave` never does."
        ),
    ] = "master"
    LANGUAGE_CODE: Annotated[
        Literal["en", "zh-hans"],
        Field(description="Language when the client does not ask for one."),
    ] = "en"
    LOG_LEVEL: Annotated[
        Literal["debug", "info", "warning", "error"],
        Field(description="Least level that is logged."),
    ] = "info"

    SQL_DSN: Annotated[
        SecretStr,
        Field(
            description="Database: `user:password@tcp(host:port)/name?tls=skip-verify`, "
            "`mysql://…`, "
            "`postgres://…` or `postgresql://…`. Empty: SQLite in `DATA_DIR`."
        ),
    ] = SecretStr("")
    SQL_MAX_IDLE_CONNS: Annotated[
        int,
        Field(
            ge=1,
            description="How long a node keeps idle connections (PostgreSQL pool): each "
            "process for its share of so many minutes.",
        ),
    ] = 100
    SQL_MAX_OPEN_CONNS: Annotated[
        int,
        Field(
            ge=4,
            description="Most open connections per node (PostgreSQL pool, shared by its "
            "processes).",
        ),
    ] = 1000
    SQL_CONN_MAX_LIFETIME: Annotated[
        int, Field(ge=1, description="Minutes after which a pooled connection is replaced.")
    ] = 60
    SQLITE_BUSY_TIMEOUT: Annotated[
        int, Field(ge=0, description="Milliseconds that SQLite waits for a lock.")
    ] = 10_000

    REDIS_CONN_STRING: Annotated[
        SecretStr,
        Field(
            description="Redis URL: cache, change nudges between nodes, Celery broker. Empty: "
            "none of it."
        ),
    ] = SecretStr("")
    MEMORY_CACHE_ENABLED: Annotated[
        bool,
        Field(
            description="Accepted for compatibility: snapshots in memory are always on, and "
            "always current."
        ),
    ] = False
    SYNC_FREQUENCY: Annotated[
        int,
        Field(
            ge=1,
            description="Seconds between full reloads of the snapshots; changes arrive within "
            "a second anyway.",
        ),
    ] = 600
    BATCH_UPDATE_ENABLED: Annotated[
        bool,
        Field(
            description="`true`: the recorder ships every BATCH_UPDATE_INTERVAL instead of "
            "every 0.5 s."
        ),
    ] = False
    BATCH_UPDATE_INTERVAL: Annotated[
        int,
        Field(
            ge=1,
            le=300,
            description="Seconds between two shipments when BATCH_UPDATE_ENABLED is true.",
        ),
    ] = 5
    JOURNAL_FSYNC: Annotated[
        Literal["interval", "always", "off"],
        Field(
            description="Journal to disk: every 50 ms, before each answer's last byte, or when "
            "the system likes."
        ),
    ] = "interval"
    SHUTDOWN_GRACE: Annotated[
        int, Field(ge=0, le=3600, description="Seconds that open streams get on SIGTERM.")
    ] = 30
    RELAY_TIMEOUT: Annotated[
        int,
        Field(
            ge=0,
            description="Seconds that one attempt at a provider may take in total; 0: the "
            "channel's own, else 600.",
        ),
    ] = 0

    SESSION_SECRET: Annotated[
        SecretStr,
        Field(
            description="Signs sessions. Empty: generated once into DATA_DIR. Same on all nodes."
        ),
    ] = SecretStr("")
    DATA_KEYS: Annotated[
        SecretStr,
        Field(
            description="Key ring for stored secrets, `k2:BASE64,k1:BASE64` of 32 bytes each; "
            "the first encrypts. "
            "Empty: generated once into DATA_DIR. Same on all nodes."
        ),
    ] = SecretStr("")
    INITIAL_ROOT_PASSWORD: Annotated[
        SecretStr,
        Field(
            description="Password of the first administrator. Empty: `123456`, quarantined "
            "until it is changed."
        ),
    ] = SecretStr("")
    TRUSTED_PROXIES: Annotated[
        tuple[type_network, ...],
        NoDecode,
        Field(description="Comma list of addresses or networks whose X-Forwarded-For is believed."),
    ] = ()
    FRONTEND_BASE_URL: Annotated[
        str, Field(description="Slaves only: pages are redirected to this address, `/api` is not.")
    ] = ""
    GLOBAL_API_RATE_LIMIT: Annotated[
        int,
        Field(
            ge=0,
            description="Requests in three minutes to `/api`, of an address whose people are not "
            "signed in; accounts have ten times as many each, staff no limit. 0: no limit. Not "
            "for calls.",
        ),
    ] = 180
    GLOBAL_WEB_RATE_LIMIT: Annotated[
        int, Field(ge=0, description="The same for pages; 0: no limit.")
    ] = 60

    CHANNEL_UPDATE_FREQUENCY: Annotated[
        int | None,
        Field(ge=1, description="Minutes between refreshes of channel balances; empty: never."),
    ] = None
    CHANNEL_TEST_FREQUENCY: Annotated[
        int | None, Field(ge=1, description="Minutes between tests of all channels; empty: never.")
    ] = None
    POLLING_INTERVAL: Annotated[
        int, Field(ge=0, description="Seconds between two channels in those jobs.")
    ] = 0
    TIKTOKEN_CACHE_DIR: Annotated[
        str,
        Field(description="Folder of tokenizer tables. Empty: DATA_DIR/tiktoken, filled offline."),
    ] = ""
    DATA_GYM_CACHE_DIR: Annotated[str, Field(description="As TIKTOKEN_CACHE_DIR, which wins.")] = ""

    @field_validator("CHANNEL_UPDATE_FREQUENCY", "CHANNEL_TEST_FREQUENCY", mode="before")
    @classmethod
    def empty_is_none(cls, value: object) -> object:
        return None if value == "" else value

    @field_validator("TRUSTED_PROXIES", mode="before")
    @classmethod
    def split_networks(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        return tuple(
            ip_network(part.strip(), strict=False) for part in value.split(",") if part.strip()
        )

    @field_validator("TZ")
    @classmethod
    def known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError) as error:
            msg = "not a known time zone"
            raise ValueError(msg) from error
        return value

    @field_validator("SESSION_SECRET")
    @classmethod
    def secret_session_secret(cls, value: SecretStr) -> SecretStr:
        if value.get_secret_value() == "random_string":
            msg = "random_string is the example of the documentation: with it anybody signs in"
            raise ValueError(msg)
        return value

    @field_validator("SQL_DSN")
    @classmethod
    def readable_dsn(cls, value: SecretStr) -> SecretStr:
        try:
            parse_dsn(value.get_secret_value())
        except InvalidDsn as error:
            raise ValueError(str(error)) from error
        return value

    @field_validator("REDIS_CONN_STRING")
    @classmethod
    def redis_scheme(cls, value: SecretStr) -> SecretStr:
        text = value.get_secret_value()
        if text and not text.startswith(("redis://", "rediss://", "unix://")):
            msg = "must start with redis://, rediss:// or unix://"
            raise ValueError(msg)
        return value

    @model_validator(mode="after")
    def slave_has_server(self) -> "Env":
        if self.NODE_TYPE == "slave" and not self.SQL_DSN.get_secret_value():
            msg = "NODE_TYPE=slave needs SQL_DSN: SQLite is for one node"
            raise ValueError(msg)
        return self

    @property
    def database(self) -> Database | None:
        return parse_dsn(self.SQL_DSN.get_secret_value())

    @property
    def web_workers(self) -> int:
        return self.WEB_WORKERS or min(os.cpu_count() or 1, 4)

    @property
    def ship_seconds(self) -> float:
        return float(self.BATCH_UPDATE_INTERVAL) if self.BATCH_UPDATE_ENABLED else 0.5


@functools.cache
def load_env() -> Env:
    """The environment; on wrong values prints each of them and exits with 2."""
    problems = read_secret_files()
    env = None
    try:
        env = Env()
    except ValidationError as error:
        problems += [_describe(item["loc"], item["msg"]) for item in error.errors()]
    if problems or env is None:
        lines = ["Chat API cannot start, these settings are wrong:", *problems]
        sys.stderr.write("\n  ".join(lines) + "\n")
        raise SystemExit(2)
    return env


def read_secret_files() -> list[str]:
    """Fill NAME from the file that NAME_FILE names, for every secret; returns what went wrong."""
    problems = []
    for name in sorted(SECRET_NAMES):
        path = os.environ.get(f"{name}_FILE")
        if not path or name in os.environ:
            continue
        try:
            os.environ[name] = Path(path).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            problems.append(f"{name}_FILE: {error}")
    return problems


def _describe(location: tuple[int | str, ...], message: str) -> str:
    name = ".".join(str(part) for part in location)
    text = message.removeprefix("Value error, ")
    return f"{name}: {text}" if name else text
