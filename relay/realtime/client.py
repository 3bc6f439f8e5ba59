"""A client's websocket: refused before it is accepted where that is possible, read and written
within bounds, closed properly.
"""

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec

from chatapi.lib.languages import choose_language
from relay.error_forms import write_error
from relay.errors import CallRefused
from relay.http import CORS, HANGUP_KEY, JSON_TYPE, ClientExchange, ClientLeft, Receive, Scope, Send

KEY_PROTOCOL = "openai-insecure-api-key."
"""Browsers can't set headers: they name their key as a subprotocol."""
REALTIME_PROTOCOL = "realtime"
REFUSING = "websocket.http.response"
SEND_SECONDS = 60.0
"""A client that takes nothing for so long has left."""
CLOSE_SECONDS = 5.0
ABNORMAL = 1006
Message = str | bytes

_encode = msgspec.json.Encoder().encode


class ClientClosed(ClientLeft):
    """The client closed its side, or vanished (1006)."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class ClientSocket(ClientExchange):
    """What admission and the pipeline read of a request, and the socket itself."""

    __slots__ = ("close_code", "is_accepted")

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        super().__init__(scope, receive, send)
        self.is_accepted = False
        self.close_code = ABNORMAL
        key = next((p for p in self.subprotocols if p.startswith(KEY_PROTOCOL)), "")
        if key and not self.headers.get(b"authorization", b"").strip():
            value = f"Bearer {key.removeprefix(KEY_PROTOCOL)}"
            self.headers[b"authorization"] = value.encode("latin-1", "replace")

    @property
    def subprotocols(self) -> list[str]:
        offered: list[str] = self.scope.get("subprotocols") or []
        return offered

    @property
    def language(self) -> str:
        return choose_language(self.header(b"accept-language"))

    # --- Life ---

    async def open(self) -> None:
        """Takes ASGI's first message; the socket is not accepted by that."""
        await self._receive()
        self.watch_for_hangup()

    def watch_for_hangup(self) -> None:
        """As for requests, but only where the server is ours: messages are not ours to take."""
        if HANGUP_KEY in self.scope:
            super().watch_for_hangup()

    def on_shutdown(self, call: Callable[[], None] | None) -> None:
        """Called when the server stops, in place of a close at once."""
        connection = self.scope.get(HANGUP_KEY)
        if connection is not None:
            connection.on_shutdown = call

    async def accept(self) -> None:
        """Raises ClientClosed."""
        chosen = REALTIME_PROTOCOL if REALTIME_PROTOCOL in self.subprotocols else None
        headers = [(b"x-oneapi-request-id", self.request_id.encode())]
        await self._post({"type": "websocket.accept", "subprotocol": chosen, "headers": headers})
        self.is_accepted = self.is_started = True

    async def refuse(self, error: CallRefused) -> None:
        """In place of an accepted handshake: an HTTP answer, or where the server can't give one, an
        error event and a close.
        """
        if self.is_accepted or REFUSING not in (self.scope.get("extensions") or {}):
            if not self.is_accepted:
                await self.accept()
            await self.tell_error(error)
            await self.close(1008, error.code)
            return
        body = write_error("openai", error, self.request_id, self.header(b"accept-language"))
        headers = [JSON_TYPE, CORS, (b"x-oneapi-request-id", self.request_id.encode())]
        if error.retry_after is not None:
            headers.append((b"retry-after", str(error.retry_after).encode()))
        self.is_started = True
        await self._post({"type": f"{REFUSING}.start", "status": error.status, "headers": headers})
        await self._post({"type": f"{REFUSING}.body", "body": body})

    async def close(self, code: int, reason: str = "") -> None:
        """Close an accepted socket; one that takes nothing is cut."""
        told = reason.encode()[:120].decode(errors="ignore")
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._post({"type": "websocket.close", "code": code, "reason": told})
        except TimeoutError:
            self.abort()
        except ClientClosed:
            return

    # --- Messages ---

    async def receive(self) -> Message:
        """The next message; raises ClientClosed."""
        message = await self._receive()
        if message["type"] != "websocket.receive":
            self.is_gone = True
            self.close_code = message.get("code") or ABNORMAL
            raise ClientClosed(self.close_code)
        text: str | None = message.get("text")
        return text if text is not None else message.get("bytes") or b""

    async def post(self, message: Message) -> None:
        """Returns when the client's buffers took it; raises ClientClosed."""
        kind = "text" if isinstance(message, str) else "bytes"
        try:
            async with asyncio.timeout(SEND_SECONDS):
                await self._post({"type": "websocket.send", kind: message})
        except TimeoutError as error:
            self.is_gone = True
            self.abort()
            raise ClientClosed(ABNORMAL) from error

    async def tell_error(self, error: CallRefused) -> None:
        """An error event of the Realtime API, in the client's language. Raises ClientClosed."""
        await self.post(error_event(error, self.request_id, self.language))

    async def _post(self, message: dict[str, Any]) -> None:
        if self.is_gone:
            raise ClientClosed(self.close_code)
        try:
            await self._send(message)
        except (OSError, RuntimeError) as error:
            # RuntimeError: the server has sent a close meanwhile.
            self.is_gone = True
            raise ClientClosed(self.close_code) from error


def error_event(error: CallRefused, request_id: str, language: str) -> str:
    """https://platform.openai.com/docs/api-reference/realtime-server-events/error"""
    told = {
        "type": error.type,
        "code": error.code,
        "message": f"{error.message(language)} (request id: {request_id})",
        "param": error.param,
        "event_id": None,
    }
    return _encode({"type": "error", "event_id": f"event_{request_id}", "error": told}).decode()
