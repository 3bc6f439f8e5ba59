"""openai-node, installed once into a cache folder outside of the project."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.harness.lacking import lacking
from tests.harness.waiting import wait_for
from tests.relay.live_gateway import LiveGateway

VERSION = "6.30.1"
"""The last that runs on Node 20."""
SCRIPT = Path(__file__).with_name("openai_node_calls.mjs")
MODELS = ("node-model", "sim-tools:node", "sim-status:code=500:node", "sim-tokens:n=10000:rate=50")


@pytest.fixture(scope="module")
def node_folder() -> Path:
    """A folder that has openai-node."""
    missing = [name for name in ("node", "npm") if shutil.which(name) is None]
    if missing:
        lacking(f"{' and '.join(missing)} not installed")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "chatapi-node" / f"openai-{VERSION}"
    if not (folder / "node_modules" / "openai" / "package.json").exists():
        install(folder)
    return folder


def install(folder: Path) -> None:
    """Beside it first: another test process may do the same."""
    draft = folder.with_name(f"{folder.name}.{os.getpid()}")
    draft.mkdir(parents=True)
    command = ["npm", "install", "--prefix", str(draft), "--no-audit", "--no-fund"]
    command += ["--ignore-scripts", f"openai@{VERSION}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=100)
    if done.returncode:
        shutil.rmtree(draft)
        lacking(f"openai-node can't be installed: {done.stderr[-300:]}")
    try:
        draft.rename(folder)
    except OSError:
        shutil.rmtree(draft)


def test_openai_node_streams_calls_tools_and_knows_our_errors(
    live: LiveGateway, node_folder: Path
) -> None:
    live.new_channel(",".join(MODELS))
    live.take_in()
    found = run_script(live, node_folder)
    assert found["whole"] == [20, "stop"]
    assert found["stream"] == [20, []]
    assert found["streamWithUsage"] == [20, [20]]
    assert found["tools"] == [["weather", '{"city":"Paris"}']]
    assert found["embedding"] == 8
    assert found["models"]
    assert found["errors"] == [
        ["AuthenticationError", 401, "invalid_api_key"],
        ["BadRequestError", 400, "invalid_value"],
        ["InternalServerError", 503, "no_available_channel"],
        ["InternalServerError", 502, "upstream_error"],
        ["NotFoundError", 404, "model_not_found"],
    ]
    tally = wait_for(
        lambda: (seen := live.calls_by("request_id", "node-leaver"))["aborted"] and seen,
        "the provider still writes for a client that left",
    )
    assert 5 <= tally["sent_tokens"] < 10_000


def run_script(live: LiveGateway, folder: Path) -> dict[str, Any]:
    # Packages are looked up from where the script is.
    script = folder / f"{os.getpid()}-{SCRIPT.name}"
    shutil.copy(SCRIPT, script)
    try:
        done = subprocess.run(
            ["node", str(script), f"{live.url}/v1", live.key, *MODELS],
            capture_output=True,
            text=True,
            check=False,
            timeout=100,
        )
    finally:
        script.unlink()
    assert done.returncode == 0, done.stderr[-2000:]
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found
