"""manage.py doctor: names what is broken, and ends with 1 for it."""

import socket
from typing import Any

from tests.unit.web.conftest import Installation

OTHER_KEYS = "k1:" + "A" * 43 + "="


def states(report: Any) -> dict[str, str]:
    """Check to its worst state."""
    found: dict[str, str] = {}
    for finding in report["checks"]:
        known = found.get(finding["check"], "ok")
        found[finding["check"]] = max(known, finding["state"], key=("ok", "warn", "fail").index)
    return found


def test_fresh_installation_works(fresh: Installation) -> None:
    code, report = fresh.run("doctor")
    assert (code, report["ok"]) == (0, True)
    assert states(report)["migrations"] == "warn"


def test_broken_things_fail_by_name(fresh: Installation) -> None:
    fresh.run("doctor")
    (fresh.folder / "data_keys").chmod(0o644)
    (fresh.folder / "session_secret").chmod(0o640)
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        code, report = fresh.run("doctor", PORT=port, REDIS_CONN_STRING="redis://127.0.0.1:1/0")
    assert (code, report["ok"]) == (1, False)
    failed = [check for check, state in states(report).items() if state == "fail"]
    assert sorted(failed) == ["port", "redis", "secret files"]


def test_misspelt_variable_is_noticed(fresh: Installation) -> None:
    _, report = fresh.run("doctor", SQL_DNS="postgres://db/chatapi")
    advice = [finding["advice"] for finding in report["checks"] if "SQL_DNS" in finding["found"]]
    assert advice == ["did you mean SQL_DSN?"]


def test_variable_of_an_earlier_product_is_told(fresh: Installation) -> None:
    _, report = fresh.run("doctor", SQLITE_PATH="/data/one-api.db")
    advice = [f["advice"] for f in report["checks"] if "SQLITE_PATH" in f["found"]]
    assert len(advice) == 1
    assert "DATA_DIR" in advice[0]


def test_database_that_does_not_answer_fails(fresh: Installation) -> None:
    code, report = fresh.run("doctor", SQL_DSN="postgres://nobody@127.0.0.1:1/none")
    assert code == 1
    assert states(report)["database"] == "fail"


def test_key_ring_that_cannot_read_the_secrets_fails(demo: Installation) -> None:
    assert states(demo.run("doctor")[1])["key ring"] == "ok"
    code, report = demo.run("doctor", DATA_KEYS=OTHER_KEYS)
    assert code == 1
    assert states(report)["key ring"] == "fail"
