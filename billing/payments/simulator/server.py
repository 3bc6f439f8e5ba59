"""The simulated gateways behind one HTTP server."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

from billing.payments.simulator.epay import SimulatedEpay
from billing.payments.simulator.stripe import SimulatedStripe

PAGE = """<!DOCTYPE html><meta charset="utf-8"><title>Simulated payment</title>
<link rel="icon" href="data:,">
<h1>Simulated payment</h1><p>{what}</p>
<form method="post" action="{action}"><button>Pay (no money moves)</button></form>"""


@dataclass(slots=True)
class Gateways:
    """What the server answers for."""

    epay: SimulatedEpay
    stripe: SimulatedStripe
    url: str = ""


class Handler(BaseHTTPRequestHandler):
    """Routes of both gateways."""

    gateways: Gateways

    def do_GET(self) -> None:
        place, query = self._read()
        if place == "/api.php":
            self._send_json(self.gateways.epay.answer(query))
        elif place == "/submit.php":
            self._show_trade(query)
        elif place.startswith("/checkout/"):
            self._show_session(place.removeprefix("/checkout/"))
        elif place.startswith("/v1/checkout/sessions/"):
            self._send_session(place.rpartition("/")[2])
        else:
            self._send(404, "not here")

    def do_POST(self) -> None:
        place, query = self._read()
        length = min(int(self.headers.get("Content-Length") or 0), 100_000)
        form = dict(parse_qsl(self.rfile.read(length).decode(), keep_blank_values=True))
        if place == "/submit.php":
            self._show_trade({**query, **form})
        elif place == "/v1/checkout/sessions":
            key = self.headers.get("Idempotency-Key", "")
            self._send_json(self.gateways.stripe.create(form, key, self.gateways.url))
        elif place == "/pay" and query.get("order") in self.gateways.epay.trades:
            self._go(self.gateways.epay.pay(query["order"]))
        elif place == "/pay" and query.get("session") in self.gateways.stripe.sessions:
            self._go(self.gateways.stripe.pay(query["session"]))
        else:
            self._send(404, "not here")

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 -- the name of the base
        """Silent."""

    def _read(self) -> tuple[str, dict[str, str]]:
        parts = urlsplit(self.path)
        return parts.path, dict(parse_qsl(parts.query, keep_blank_values=True))

    def _show_trade(self, fields: dict[str, str]) -> None:
        trade = self.gateways.epay.submit(fields)
        if trade is None:
            self._send(400, "wrong signature")
            return
        what = f"{trade.fields['name']}: CNY {trade.fields['money']} ({trade.fields['type']})"
        order = quote(trade.fields["out_trade_no"])
        self._send(200, PAGE.format(what=escape(what), action=f"/pay?order={order}"), "text/html")

    def _show_session(self, session_id: str) -> None:
        session = self.gateways.stripe.sessions.get(session_id)
        if session is None:
            self._send(404, "not here")
            return
        what = f"{session['currency'].upper()} {session['amount_total'] / 100:.2f}"
        page = PAGE.format(what=escape(what), action=f"/pay?session={quote(session_id)}")
        self._send(200, page, "text/html")

    def _send_session(self, session_id: str) -> None:
        session = self.gateways.stripe.sessions.get(session_id)
        if session is None:
            self._send_json({"error": {"message": "No such checkout.session"}}, 404)
        else:
            self._send_json(session)

    def _send_json(self, content: object, status: int = 200) -> None:
        self._send(status, json.dumps(content), "application/json")

    def _send(self, status: int, text: str, kind: str = "text/plain") -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _go(self, url: str) -> None:
        self.send_response(303)
        self.send_header("Location", url)
        self.send_header("Content-Length", "0")
        self.end_headers()


def make_server(gateways: Gateways, host: str, port: int) -> ThreadingHTTPServer:
    handler = type("BoundHandler", (Handler,), {"gateways": gateways})
    server = ThreadingHTTPServer((host, port), handler)
    gateways.url = f"http://{host}:{server.server_address[1]}"
    return server


@contextmanager
def running_gateways(gateways: Gateways) -> Iterator[Gateways]:
    """Answers at `gateways.url` while the block lasts."""
    with make_server(gateways, "127.0.0.1", 0) as server:
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield gateways
        finally:
            server.shutdown()
            thread.join()
