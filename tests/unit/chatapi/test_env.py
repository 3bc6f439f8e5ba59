"""The environment is checked as a whole before anything starts."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[3]
SHOW = "from chatapi.env import load_env; env = load_env(); print(env.{0})"
WRONG = {
    "PORT": "99999",
    "WEB_WORKERS": "-1",
    "TZ": "Mars/Olympus",
    "NODE_TYPE": "boss",
    "LOG_LEVEL": "loud",
    "SQL_DSN": "root:hunter2@nowhere",
    "SQL_MAX_OPEN_CONNS": "many",
    "REDIS_CONN_STRING": "http://hunter2@h",
    "JOURNAL_FSYNC": "sometimes",
    "SHUTDOWN_GRACE": "-5",
    "RELAY_TIMEOUT": "soon",
    "TRUSTED_PROXIES": "10.0.0.0/8,nobody",
    "BATCH_UPDATE_ENABLED": "perhaps",
    "BATCH_UPDATE_INTERVAL": "0",
    "CHANNEL_TEST_FREQUENCY": "0",
    "LANGUAGE_CODE": "xx",
    "SESSION_SECRET": "random_string",
}


def run(folder: Path, *arguments: str, **values: str) -> subprocess.CompletedProcess[str]:
    env = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(PROJECT),
        "DATA_DIR": str(folder),
        **values,
    }
    return subprocess.run(
        [sys.executable, *arguments],
        env=env,
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


def shown(folder: Path, expression: str, **values: str) -> str:
    done = run(folder, "-c", SHOW.format(expression), **values)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_all_wrong_values_are_named_at_once_and_nothing_starts(tmp_path: Path) -> None:
    done = run(tmp_path, str(PROJECT / "manage.py"), "serve", **WRONG)
    assert done.returncode == 2
    named = [line.strip().partition(":")[0] for line in done.stderr.splitlines()[1:]]
    assert sorted(named) == sorted(WRONG)
    assert "hunter2" not in done.stderr + done.stdout
    assert list(tmp_path.iterdir()) == []


def test_wrong_key_ring_is_refused_too(tmp_path: Path) -> None:
    done = run(tmp_path, str(PROJECT / "manage.py"), "serve", DATA_KEYS="k1:c2hvcnQ=")
    assert done.returncode == 2
    assert "DATA_KEYS" in done.stderr
    assert "c2hvcnQ" not in done.stderr


def test_slave_needs_a_database_that_it_can_share(tmp_path: Path) -> None:
    done = run(tmp_path, "-c", SHOW.format("PORT"), NODE_TYPE="slave")
    assert done.returncode == 2
    assert "SQL_DSN" in done.stderr


def test_secrets_may_come_from_files(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("from-the-file\n")
    asked = "SESSION_SECRET.get_secret_value()"
    assert shown(tmp_path, asked, SESSION_SECRET_FILE=str(file)) == "from-the-file"
    both = {"SESSION_SECRET_FILE": str(file), "SESSION_SECRET": "direct"}
    assert shown(tmp_path, asked, **both) == "direct"
    done = run(tmp_path, "-c", SHOW.format("PORT"), SESSION_SECRET_FILE="/no/such/file")
    assert done.returncode == 2
    assert "SESSION_SECRET_FILE" in done.stderr


@pytest.mark.parametrize(
    ("values", "expression", "wanted"),
    [
        ({}, "PORT, env.NODE_TYPE, env.LANGUAGE_CODE", "3000 master en"),
        ({}, "ship_seconds, env.database", "0.5 None"),
        ({"BATCH_UPDATE_ENABLED": "true"}, "ship_seconds", "5.0"),
        ({"CHANNEL_TEST_FREQUENCY": ""}, "CHANNEL_TEST_FREQUENCY", "None"),
        ({"WEB_WORKERS": "3"}, "web_workers", "3"),
        ({"TRUSTED_PROXIES": " 10.0.0.1 ,fd00::/8"}, "TRUSTED_PROXIES[1]", "fd00::/8"),
        ({"SQL_DSN": "root:hunter2@tcp(h)/n"}, "SQL_DSN", "**********"),
        ({"SQL_DSN": "root:hunter2@tcp(h)/n"}, "database.host", "h"),
    ],
)
def test_values_and_defaults_are_read(
    tmp_path: Path, values: dict[str, str], expression: str, wanted: str
) -> None:
    assert shown(tmp_path, expression, **values) == wanted


def test_time_is_utc_unless_something_else_is_set(tmp_path: Path) -> None:
    asked = "import django.conf as c; print(c.settings.TIME_ZONE)"
    settings = {"DJANGO_SETTINGS_MODULE": "chatapi.settings"}
    assert run(tmp_path, "-c", asked, **settings).stdout.strip() == "UTC"
    assert run(tmp_path, "-c", asked, **settings, TZ="Asia/Tokyo").stdout.strip() == "Asia/Tokyo"
