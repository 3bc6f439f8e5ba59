"""What a machine lacks ends a test: as skipped, or as failed where everything is to be tried."""

import os
import shutil
from typing import NoReturn

import pytest


def lacking(reason: str) -> NoReturn:
    """CI sets CHATAPI_REQUIRE_SERVICES: nothing may be missing there."""
    if os.environ.get("CHATAPI_REQUIRE_SERVICES") == "1":
        pytest.fail(reason, pytrace=False)
    # At home the rest can still be tested, and the report says what was not.
    pytest.skip(reason)


def need_program(name: str) -> None:
    if shutil.which(name) is None:
        lacking(f"{name} is not installed")
