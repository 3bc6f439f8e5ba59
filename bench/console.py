"""Measures the console with many calls: how long each page takes, and how many queries.

A fresh database filled by `make_usage`: SQLite with 500,000 calls, and PostgreSQL with 5 million
where TEST_POSTGRES_URL says where a server is. Both are made here and removed afterwards.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

LIMIT_MS = 300
BYTES_PER_CALL = {"sqlite": 800, "postgres": 1500}
TRIES = 5


def main() -> int:
    options = read_options()
    if options.measure:
        return measure()
    failed = 0
    if options.sqlite:
        with tempfile.TemporaryDirectory(prefix="bench-console-") as folder:
            failed += run("sqlite", "", Path(folder), options.sqlite)
    server = os.environ.get("TEST_POSTGRES_URL")
    if server and options.postgres:
        with (
            tempfile.TemporaryDirectory(prefix="bench-console-") as folder,
            fresh_postgres(server) as dsn,
        ):
            failed += run("postgres", dsn, Path(folder), options.postgres)
    elif options.postgres:
        print("PostgreSQL: not measured, TEST_POSTGRES_URL is not set")
    return 1 if failed else 0


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.console", description=__doc__)
    parser.add_argument("--sqlite", type=int, default=500_000, metavar="CALLS")
    parser.add_argument("--postgres", type=int, default=5_000_000, metavar="CALLS")
    parser.add_argument(
        "--measure", action="store_true", help="only measure, in the database of SQL_DSN"
    )
    return parser.parse_args()


def run(vendor: str, dsn: str, folder: Path, calls: int) -> int:
    """Fill and measure in processes of their own, which read where the database is."""
    if not has_room(vendor, folder, calls):
        print(f"{vendor}: too little disk for {calls:,} calls")
        return 1
    environment = {**os.environ, "SQL_DSN": dsn, "DATA_DIR": str(folder), "NODE_TYPE": "master"}

    def call(*words: str) -> int:
        return subprocess.run([sys.executable, *words], env=environment, check=False).returncode

    print(f"\n{vendor}, {calls:,} calls", flush=True)
    made = call("manage.py", "migrate", "--verbosity", "0") or call(
        "manage.py", "make_usage", str(calls)
    )
    return made or call("-m", "bench.console", "--measure")


def has_room(vendor: str, folder: Path, calls: int) -> bool:
    """Twice what it takes; PostgreSQL is taken to write to the same disk."""
    return shutil.disk_usage(folder).free > 2 * BYTES_PER_CALL[vendor] * calls


@contextmanager
def fresh_postgres(server: str) -> Iterator[str]:
    import psycopg  # noqa: PLC0415 -- only where there is a server

    name = f"chatapi_bench_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        try:
            yield urlunsplit(urlsplit(server)._replace(path=f"/{name}"))
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


# --- In the process with the database ---


def measure() -> int:
    """Prints the table; the number of pages that took too long."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chatapi.settings")
    import django  # noqa: PLC0415 -- only in this process

    django.setup()
    from django.conf import settings  # noqa: PLC0415 -- needs the settings
    from django.db import connection  # noqa: PLC0415

    settings.ENV = settings.ENV.model_copy(update={"GLOBAL_WEB_RATE_LIMIT": 0})
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")  # as autovacuum does beside a running gateway
    get = sign_in()
    slow = 0
    print(f"{'page':46} {'first':>8} {'median':>8} {'queries':>8}")
    for name, path in pages(get).items():
        first, median, queries = time_page(get, path)
        is_slow = median > LIMIT_MS
        slow += is_slow
        mark = "  TOO SLOW" if is_slow else ""
        print(f"{name:46} {first:6.0f}ms {median:6.0f}ms {queries:8}{mark}", flush=True)
    return slow


def sign_in() -> Callable[[str], Any]:
    from django.conf import settings  # noqa: PLC0415 -- after setup
    from django.test import Client  # noqa: PLC0415

    from chatapi.accounts.models import Role, User  # noqa: PLC0415

    user, _made = User.objects.get_or_create(username="bench", defaults={"role": Role.ROOT})
    client = Client(headers={"host": "localhost"})
    client.force_login(user, settings.AUTHENTICATION_BACKENDS[0])
    return client.get


def time_page(get: Callable[[str], Any], path: str) -> tuple[float, float, int]:
    """Milliseconds of the first time and of the median one, and the number of queries."""
    from django.db import connection  # noqa: PLC0415 -- after setup
    from django.test.utils import CaptureQueriesContext  # noqa: PLC0415

    times = []
    for _ in range(TRIES):
        started = time.perf_counter()
        answer = get(path)
        if answer.streaming:
            next(iter(answer.streaming_content)), next(iter(answer.streaming_content))
        times.append(1000 * (time.perf_counter() - started))
        # A stream that is left to the garbage collector ends its request in the midst of another.
        answer.close()
        if answer.status_code != 200:
            raise SystemExit(f"{path}: {answer.status_code}")
    with CaptureQueriesContext(connection) as queries:
        get(path).close()
    return times[0], statistics.median(times), len(queries)


def pages(get: Callable[[str], Any]) -> dict[str, str]:
    """What an operator looks at, with filters that find much, little and nothing."""
    from django.utils import timezone  # noqa: PLC0415 -- after setup

    from billing.models import Usage  # noqa: PLC0415
    from chatapi.accounts.models import User  # noqa: PLC0415

    log = "/admin/billing/usage/"
    middle = Usage.objects.filter(pk__gte=Usage.objects.count() // 2).earliest("pk")
    place = f"{int(middle.created_at.timestamp() * 1_000_000)}-{middle.pk}"
    old = timezone.localtime(middle.created_at).strftime("%Y-%m-%dT%H:00")
    rare = User.objects.exclude(username="bench").latest("pk").username
    return {
        "dashboard, 24 hours": "/admin/",
        "dashboard, 7 days": "/admin/?range=7d",
        "dashboard, 30 days": "/admin/?range=30d",
        "log": log,
        "log, next page": log + next_page(get, log),
        "log, page in the middle": f"{log}?older={place}",
        "log, page in the middle, backwards": f"{log}?newer={place}",
        "log, user with most calls": f"{log}?user=alice1",
        "log, user with few calls": f"{log}?user={rare}",
        "log, user, next page": log + next_page(get, f"{log}?user=alice1"),
        "log, common model": f"{log}?model=gpt-4o-mini",
        "log, rare model": f"{log}?model=gpt-5-nano",
        "log, unknown model": f"{log}?model=nobodys",
        "log, common channel": f"{log}?channel={middle.channel_id}",
        "log, unknown channel": f"{log}?channel=999999",
        "log, token": f"{log}?token={middle.token_id}",
        "log, failed": f"{log}?status=failed",
        "log, interrupted": f"{log}?status=interrupted",
        "log, common error": f"{log}?error=upstream_rate_limited",
        "log, rare error": f"{log}?error=gateway_interrupted",
        "log, endpoint without calls (no index)": f"{log}?endpoint=images",
        "log, user and rare model": f"{log}?user=alice1&model=gpt-5-nano",
        "log, rare user and unknown error": f"{log}?user={rare}&error=nothing",
        "log, from a time on": f"{log}?from={old}",
        "log, from a time on, user with most calls": f"{log}?from={old}&user=alice1",
        "log, from a time on, token": f"{log}?from={old}&token={middle.token_id}",
        "log, from a time on, user and model": f"{log}?from={old}&user=alice1&model=gpt-4o-mini",
        "log, from a time on, finished (no index)": f"{log}?from={old}&status=ok",
        "log, up to a time": f"{log}?to={old}",
        "log, up to a time, rare model": f"{log}?to={old}&model=gpt-5-nano",
        "log, request id": f"{log}?q={middle.request_id}",
        "log, CSV, first 2,000 rows": f"{log}export/?model=gpt-4o-mini",
        "one call": f"{log}{middle.pk}/change/",
        "hourly sums": "/admin/billing/hourlyusage/",
        "hourly sums, user": "/admin/billing/hourlyusage/?user=alice1",
        "hourly sums, rare model": "/admin/billing/hourlyusage/?model=gpt-5-nano",
        "ledger": "/admin/billing/ledgerentry/",
        "ledger, user": "/admin/billing/ledgerentry/?user=alice1",
        "lots": "/admin/billing/rechargelot/",
        "budgets": "/admin/billing/budget/",
        "leases": "/admin/billing/lease/",
        "workers": "/admin/billing/worker/",
        "users": "/admin/accounts/user/",
        "tokens": "/admin/accounts/token/",
    }


def next_page(get: Callable[[str], Any], path: str) -> str:
    """The query of the page behind the link to older rows."""
    changelist: Any = get(path).context_data["cl"]
    return str(changelist.older_url)


if __name__ == "__main__":
    sys.exit(main())
