"""Background work that is killed at each of its statements: nothing is lost, nothing done twice."""

import json
from collections.abc import Iterator

import pytest

from tests.harness.gateway import Gateway
from tests.harness.services import fresh_store, vendor_params
from tests.harness.telling import tell

PLACES = {
    "Notices": 10,
    "Letters": 5,
    "Orders": 15,
    "Renewals": 8,
    "Balances": 10,
    "Archive": 5,
    "Drawings": 10,
    "Channels": 20,
}
"""At least so many: fewer, and they would not do what they are to do."""
STRIDES = {"sqlite": 1, "postgres": 3, "mariadb": 3}
"""All databases see the same statements: what differs is what they make of half a transaction."""


@pytest.fixture(params=vendor_params())
def prepared(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    """An installation that does not serve."""
    folder = tmp_path_factory.mktemp(f"chores-{request.param}")
    with fresh_store(request.param, folder) as store:
        found = Gateway(store, folder, workers=1, env={})
        try:
            found.prepare([])
            yield found
        finally:
            found.end()


def test_work_that_is_killed_at_each_statement_is_done_once(prepared: Gateway) -> None:
    vendor = prepared.store.vendor
    process = prepared.start_inside("dying", STRIDES[vendor])
    out, _ = process.communicate(timeout=280)

    assert process.returncode == 0
    found = json.loads(out.splitlines()[-1])
    tell(vendor, f"killed at { {name: row['places'] for name, row in found.items()} }")
    assert {name: row["wrong"] for name, row in found.items()} == {name: [] for name in PLACES}
    assert [name for name, row in found.items() if row["places"] < PLACES[name]] == []
