"""A real gateway on SQLite with one web worker, as clients and its operator see it."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import httpx

from channels_app.simulator.process import running_simulator
from tests.harness.gateway import PASSWORD, Gateway, running_gateway
from tests.harness.services import Store
from tests.harness.waiting import wait_for

MARKER = "marker"
HELLO = [{"role": "user", "content": "one two three"}]


class LiveGateway:
    """`url` is the gateway, `provider` the simulator behind it, `key` the token of a rich user."""

    def __init__(self, gateway: Gateway, http: httpx.Client, provider: httpx.Client) -> None:
        self.gateway = gateway
        self.http = http
        self.provider = provider
        self.url = str(http.base_url).rstrip("/")
        self.manage = gateway.manage
        self._numbers = count(1)
        self.key = self.new_token(self.new_user())
        self.new_channel(MARKER, "--name", MARKER)
        self.take_in()

    # --- As its operator ---

    def new_name(self, prefix: str) -> str:
        return f"{prefix}-{next(self._numbers)}"

    def new_group(self, ratio: object = 1) -> str:
        name = self.new_name("group")
        make = f"Group.objects.create(name={name!r}, ratio={ratio})"
        self.manage("shell", "-c", f"from chatapi.accounts.models import Group; {make}")
        return name

    def new_user(self, *arguments: object, usd: object = 1000) -> str:
        """A user with credit."""
        name = self.new_name("user")
        self.manage("user", "create", name, "--password", PASSWORD, *arguments)
        if usd:
            self.manage("credit", name, usd)
        return name

    def new_token(self, user: str, *arguments: object) -> str:
        """The key of a new token."""
        name = self.new_name("token")
        made = self.manage("token", "create", "--user", user, "--name", name, *arguments)
        return str(made["key"])

    def new_channel(self, models: str, *arguments: object, key: str = "", url: str = "") -> int:
        """The number of a new channel that leads to the simulator, unless `url` says otherwise."""
        name = self.new_name("channel")
        base = url or str(self.provider.base_url)
        fixed = ("--name", name, "--kind", "openai", "--base-url", base, "--key", key or name)
        made = self.manage("channel", "add", *fixed, "--models", models, *arguments)
        return int(made["id"])

    def set_option(self, name: str, value: object) -> None:
        """Change an option, and wait until it holds."""
        self.manage("constance", "set", name, value)
        # Options are read before channels: the first wait may end in the middle of a reading.
        self.take_in()
        self.take_in()

    def take_in(self) -> None:
        """Return when the gateway knows the channels and tokens made so far."""
        marker = self.new_name(MARKER)
        self.manage("channel", "set", MARKER, "--models", marker)
        wait_for(
            lambda: self.call("GET", f"/v1/models/{marker}").status_code == 200,
            "the gateway does not take in changes",
        )

    def usage_of(self, response: httpx.Response) -> dict[str, Any]:
        """The usage row of a call, once it was shipped."""
        return self.usage_row(response.headers["x-oneapi-request-id"])

    def usage_row(self, request_id: str) -> dict[str, Any]:
        rows: list[dict[str, Any]] = wait_for(
            lambda: self.manage("usage", "--request-id", request_id),
            f"no usage row of {request_id}",
        )
        return rows[0]

    def memory(self) -> int:
        """Bytes that the web worker has in memory."""
        (worker,) = self.gateway.worker_pids()
        return int(Path(f"/proc/{worker}/statm").read_text().split()[1]) * 4096

    # --- As a client ---

    def call(self, method: str, path: str, **options: Any) -> httpx.Response:
        """A request with the standing key, unless `headers` say otherwise."""
        options.setdefault("headers", {"authorization": f"Bearer {self.key}"})
        return self.http.request(method, path, **options)

    def chat(
        self, model: str, *, key: str = "", headers: dict[str, str] | None = None, **fields: Any
    ) -> httpx.Response:
        body = {"model": model, "messages": HELLO, **fields}
        sent = {"authorization": f"Bearer {key or self.key}", **(headers or {})}
        return self.http.post("/v1/chat/completions", json=body, headers=sent)

    # --- As the provider ---

    def calls_by(self, kind: str, name: str) -> dict[str, Any]:
        """The simulator's counts of one `model`, `key` or `request_id` (the field `user`)."""
        stats = self.provider.get("/sim/stats").json()
        found: dict[str, Any] = stats[f"by_{kind}"].get(name, {"calls": 0})
        return found

    def all_calls(self) -> int:
        return int(self.provider.get("/sim/stats", params={"ids": "0"}).json()["calls"])

    def last_request(self) -> dict[str, Any]:
        """What the simulator got last."""
        seen: dict[str, Any] = self.provider.get("/sim/last").json()
        return seen


@contextmanager
def running_live_gateway(folder: Path) -> Iterator[LiveGateway]:
    with ExitStack() as stack:
        simulator = stack.enter_context(running_simulator())
        store = Store("sqlite", path=folder)
        # The usual five seconds of grace would be waited for in many tests.
        hurry = [("constance", "set", "DrainSeconds", 1)]
        gateway = stack.enter_context(running_gateway(store, folder, commands=hurry, workers=1))
        provider = stack.enter_context(client_of(simulator))
        http = stack.enter_context(client_of(f"http://127.0.0.1:{gateway.port}"))
        yield LiveGateway(gateway, http, provider)


def client_of(url: str) -> httpx.Client:
    return httpx.Client(base_url=url, trust_env=False, timeout=30)
