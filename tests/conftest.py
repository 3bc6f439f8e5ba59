"""The cast of all tests: a provider that counts, gateways on every database, alice and bob."""

import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from django.utils import translation
from hypothesis import HealthCheck, settings

from channels_app.simulator.process import running_simulator
from tests.harness.cast import Person, new_person
from tests.harness.gateway import Gateway, running_gateway
from tests.harness.provider import Provider
from tests.harness.services import fresh_store, redis_url, vendor_of, vendor_params

# Tests say what happens, never how fast: other work may share the machine.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")

ROOT = Path(__file__).resolve().parents[1]
RICH = 50_000_000
"""$100: more than any test spends."""


@cache
def _group_of(file: str) -> str:
    """The group that a file's tests are marked with; '' for none."""
    found = re.search(r'xdist_group\("([^"]+)"\)', (ROOT / file).read_text(encoding="utf-8"))
    return found[1] if found else ""


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """With `--dist loadgroup`, all tests of one database run in one process and share its gateway;
    so do those of a file that names a group.

    Marks alone can't say so: xdist 3.8 hands groups on in `item._nodeid`, which pytest 9.2 has no
    more. And this process knows no marks, only ids.
    """
    if config.getvalue("dist") != "loadgroup":
        return None
    from xdist.scheduler import (  # type: ignore[import-untyped]  # noqa: PLC0415 -- may be left out
        LoadGroupScheduling,
    )

    class ByDatabase(LoadGroupScheduling):  # type: ignore[misc]
        def _split_scope(self, nodeid: str) -> str:
            file = nodeid.partition("::")[0]
            return vendor_of(nodeid) or _group_of(file) or str(super()._split_scope(nodeid))

    return ByDatabase(config, log)


@pytest.fixture(autouse=True)
def _english() -> Iterator[None]:
    """A test client's page in Chinese leaves its language behind in the thread."""
    with translation.override("en"):
        yield


@pytest.fixture(scope="session")
def provider() -> Iterator[Provider]:
    with running_simulator() as url:
        yield Provider(url)


@pytest.fixture(scope="session", params=vendor_params())
def gateway(
    request: pytest.FixtureRequest, provider: Provider, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    """One gateway per database with four workers, shared by all tests that leave it running."""
    folder = tmp_path_factory.mktemp(request.param)
    with (
        fresh_store(request.param, folder) as store,
        running_gateway(store, folder, commands=provider.commands()) as running,
    ):
        yield running


@pytest.fixture(scope="session")
def redis() -> str:
    return redis_url()


@pytest.fixture
def person(gateway: Gateway) -> Callable[..., Person]:
    """Makes somebody new: person("carol", units=7)."""

    def make(name: str, *, units: int = RICH, token: tuple[object, ...] = ()) -> Person:
        return new_person(gateway, name, units=units, token=token)

    return make


@pytest.fixture
def alice(gateway: Gateway) -> Person:
    """Rich, with an unlimited token."""
    return new_person(gateway, "alice", units=RICH)


@pytest.fixture
def bob(gateway: Gateway) -> Person:
    """Rich, with an unlimited token; not alice."""
    return new_person(gateway, "bob", units=RICH)
