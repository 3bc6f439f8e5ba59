"""The tutorial's examples, copied from the page of a customer and run as they are."""

import html
import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import httpx
import pytest

from tests.clients.test_openai_node import node_folder
from tests.harness.gateway import PASSWORD
from tests.harness.lacking import need_program
from tests.relay.live_gateway import LiveGateway

__all__ = ["node_folder"]
MODEL = "tutorial-model"


@pytest.fixture(scope="module")
def examples(live: LiveGateway) -> dict[str, str]:
    """By name, with a key in them as who copies them puts it there."""
    group = live.new_group()
    # Not a kind that has the Responses API itself: the simulator has none.
    live.new_channel(MODEL, "--group", group, "--kind", "openai-compatible")
    user = live.new_user("--group", group)
    key = live.new_token(user)
    live.take_in()
    page = page_of(live, user, "/about")
    found = re.findall(r'<code id="code-([\w-]+)"[^>]*>(.*?)</code>', page, re.DOTALL)
    texts = {name: html.unescape(re.sub(r"<[^>]+>", "", text)) for name, text in found}
    return {name: text.replace("sk-your-key", key) for name, text in texts.items()}


def page_of(live: LiveGateway, user: str, path: str) -> str:
    with httpx.Client(base_url=live.url, trust_env=False, timeout=30) as browser:
        form = browser.get("/login").text
        found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', form)
        assert found is not None
        fields = {"csrfmiddlewaretoken": found[1], "login": user, "password": PASSWORD}
        assert browser.post("/login", data=fields).status_code == 302
        return browser.get(path).text


def run(*command: str, folder: Path, **variables: str) -> str:
    """What it prints; proxies of this machine do not lead to the gateway."""
    kept = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
    done = subprocess.run(
        command,
        cwd=folder,
        env={**kept, **variables},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr[-1000:]
    return done.stdout


def test_every_example_is_run_below(examples: dict[str, str]) -> None:
    python = {"python-openai", "python-anthropic", "python-gemini"}
    assert set(examples) == {"curl", "node", "claude-code", "codex"} | python
    assert all(MODEL in text for text in examples.values())


def test_curl(examples: dict[str, str], tmp_path: Path) -> None:
    need_program("curl")
    answer = json.loads(run("sh", "-c", examples["curl"], folder=tmp_path))
    assert answer["choices"][0]["message"]["content"].strip()


@pytest.mark.parametrize("name", ["python-openai", "python-anthropic", "python-gemini"])
def test_python(examples: dict[str, str], tmp_path: Path, name: str) -> None:
    assert run(sys.executable, "-c", examples[name], folder=tmp_path).strip()


def test_node(examples: dict[str, str], tmp_path: Path, node_folder: Path) -> None:
    (tmp_path / "node_modules").symlink_to(node_folder / "node_modules")
    (tmp_path / "example.mjs").write_text(examples["node"])
    assert run("node", "example.mjs", folder=tmp_path).strip()


def test_what_claude_code_is_told(examples: dict[str, str], tmp_path: Path) -> None:
    """In its place a program that asks what it asks, with what the shell gives it."""
    need_program("curl")
    stand_in = tmp_path / "claude"
    stand_in.write_text(
        "#!/bin/sh\n"
        'for model in "$ANTHROPIC_MODEL" "$ANTHROPIC_DEFAULT_HAIKU_MODEL"; do\n'
        'curl -s "$ANTHROPIC_BASE_URL/v1/messages" -H "Authorization: Bearer $ANTHROPIC_AUTH_TOKEN"'
        ' -H "content-type: application/json" -H "anthropic-version: 2023-06-01" -d "{'
        '\\"model\\": \\"$model\\", \\"max_tokens\\": 50,'
        ' \\"messages\\": [{\\"role\\": \\"user\\", \\"content\\": \\"Hello!\\"}]}"; echo; done\n'
    )
    stand_in.chmod(0o755)
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    lines = run("sh", "-c", examples["claude-code"], folder=tmp_path, PATH=path).splitlines()
    assert [json.loads(line)["type"] for line in lines] == ["message", "message"]


def test_what_codex_is_told(examples: dict[str, str]) -> None:
    told = tomllib.loads(examples["codex"])
    provider = told["model_providers"][told["model_provider"]]
    variable = re.search(rf"export {provider['env_key']}=(\S+)", examples["codex"])
    assert variable is not None
    answer = httpx.post(
        f"{provider['base_url']}/{provider['wire_api']}",
        json={"model": told["model"], "input": "Hello!", "stream": True},
        headers={"authorization": f"Bearer {variable[1]}"},
        trust_env=False,
    )
    assert answer.status_code == 200
    assert "response.completed" in answer.text
