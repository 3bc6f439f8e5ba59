"""A gateway with its simulated provider, and what was found with them."""

import json
import subprocess
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import uvloop

from bench.gateway import MANAGE, Installation, install, running_gateway
from bench.open_loop import Answers, OpenLoop
from bench.targets import PROJECT, Target
from channels_app.simulator.process import running_simulator

Request = tuple[str, Mapping[str, Any]]
"""Path and body, without the model."""
TAKE_IN_SECONDS = 2.0
CHAT: Request = ("/v1/chat/completions", {"messages": [{"role": "user", "content": "hi"}]})
LONG: Request = (
    "/v1/messages",
    {
        "max_tokens": 20,
        "messages": [
            {"role": role, "content": [{"type": "text", "text": "How are you today?"}]}
            for _ in range(400)
            for role in ("user", "assistant")
        ],
    },
)
"""Costs the gateway, which translates it, many times what it costs its client and its provider."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One figure beside what it should be."""

    run: str
    what: str
    found: str
    wanted: str
    is_met: bool


@dataclass(slots=True)
class Bench:
    """A gateway, the simulated provider, and what was found so far."""

    installation: Installation
    gateway: Target
    provider: str
    findings: list[Finding]

    def add_channel(self, model: str, url: str, key: str, *arguments: str) -> None:
        words = ["channel", "add", f"--name={model}-{key}", "--kind=openai", f"--base-url={url}",
                 f"--key={key}", f"--models={model}", *arguments, "--json"]  # fmt: skip
        self.manage(*words)

    def manage(self, *words: str) -> None:
        subprocess.run(
            [*MANAGE, *words], cwd=PROJECT, env=self.installation.environment, check=True,
            capture_output=True,
        )  # fmt: skip

    def send(
        self, model: str, per_second: float, seconds: float, request: Request = CHAT
    ) -> Answers:
        path, body = request
        loop = OpenLoop(self.gateway, path, {"model": model, **body})
        answers: Answers = uvloop.run(loop.run(per_second, seconds))
        self.gateway.calls += answers.statuses().get(200, 0)
        return answers

    def calls_of(self, key: str) -> int:
        """How often the provider was asked with this key."""
        with urllib.request.urlopen(f"{self.provider}/sim/stats?ids=0", timeout=10) as answer:
            told = json.load(answer)["by_key"]
        return int(told.get(key, {"calls": 0})["calls"])

    def note(self, run: str, what: str, found: object, wanted: str, *, is_met: bool) -> None:
        self.findings.append(Finding(run, what, str(found), wanted, is_met))


@contextmanager
def open_bench() -> Iterator[Bench]:
    with ExitStack() as stack:
        provider = stack.enter_context(running_simulator())
        installation = install(provider)
        gateway, _ = stack.enter_context(running_gateway(installation))
        yield Bench(installation, gateway, provider, [])
