"""What the tests of media have in common: priced models behind a provider that is scripted."""

import io
import json
import wave
from collections.abc import Mapping
from typing import Any

import httpx

from tests.relay.live_gateway import LiveGateway
from tests.relay.scripted_provider import ScriptedProvider, whole

FAILED = whole(b'{"error":{"message":"boom","type":"server_error"}}', "500 Internal Server Error")
PICTURE = "aGk="


class Media:
    """Models with a price and channels that answer what a test wants."""

    def __init__(self, live: LiveGateway, scripts: ScriptedProvider) -> None:
        self.live = live
        self.scripts = scripts

    def model(
        self,
        *pieces: bytes,
        prices: Mapping[str, object],
        kind: str = "openai",
        first: tuple[bytes, ...] = (),
        name: str = "",
        settings: Mapping[str, str] | None = None,
        switches: tuple[str, ...] = (),
    ) -> str:
        """A model whose channel says `pieces`, after a better channel said `first`."""
        live = self.live
        model = name or live.new_name("media")
        flags = [word for key, value in prices.items() for word in (f"--{key}", value)]
        live.manage("price", "set", model, *flags)
        more: list[object] = ["--kind", kind, *switches]
        for key, value in (settings or {}).items():
            more += ["--setting", f"{key}={value}"]
        live.new_channel(model, *more, url=self.scripts.say(model, *pieces))
        if first:
            script = f"{model}-first"
            live.new_channel(model, *more, "--priority", 1, url=self.scripts.say(script, *first))
        # Prices are read before channels: the first wait may end in the middle of a reading.
        live.take_in()
        live.take_in()
        return model

    def post(self, path: str, **fields: Any) -> httpx.Response:
        return self.live.call("POST", path, json=fields)

    def charge(self, response: httpx.Response) -> tuple[int, list[list[Any]]]:
        """(units, line items without their amounts and the group)."""
        row = self.live.usage_of(response)
        assert row["uncollected_units"] == 0
        return row["units"], [item[:3] for item in row["line_items"] if len(item) == 4]

    def asked(self, name: str) -> Any:
        return json.loads(self.scripts.asked_once(name).body)


def answer(value: Any, headers: Mapping[str, str] | None = None) -> bytes:
    return whole(json.dumps(value).encode(), headers=headers)


def events(*pairs: tuple[str, Any]) -> bytes:
    return b"".join(
        f"event: {name}\ndata: {json.dumps({'type': name, **data})}\n\n".encode()
        for name, data in pairs
    )


def sound(seconds: float) -> bytes:
    """A WAV file of silence."""
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(8000)
        writer.writeframes(b"\0\0" * int(8000 * seconds))
    return file.getvalue()
