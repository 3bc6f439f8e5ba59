"""A provider's errors reach clients and logs without keys, hosts and organisation ids."""

import datetime as dt
import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.relay.live_gateway import LiveGateway
from tests.relay.scripted_provider import ScriptedProvider, sse_error, stream, whole

KEY = "sk-proj-UpstreamSecretKey123456"
# What providers write into their errors; tests/unit/channels_app/test_failures.py has more.
TEXT = (
    f"Incorrect API key provided: {KEY}. See https://platform.openai.com/account. "
    "Bearer dGhpcyBpcyBhIHNlY3JldA== is not valid for org-Ab12Cd34Ef56. "
    'Post "https://user:pw@azure-eu.example.cloud/v1?api-key=abcdef123456": EOF. '
    "Connect to http://10.1.2.3:8080/internal failed (upstream llm-7.corp.internal:443)."
)
LEAKS = (
    "UpstreamSecret",
    "openai.com",
    "dGhpcyBpcyBhIHNlY3JldA",
    "org-Ab12",
    "azure-eu",
    "abcdef123456",
    "user:pw",
    "10.1.2.3",
    "8080",
    "corp.internal",
)


def error_body(text: str) -> bytes:
    return json.dumps({"error": {"message": text, "type": "t", "code": "c"}}).encode()


MESSAGE = json.dumps({"detail": TEXT}).encode()
# The same text wherever providers put it: form -> (raw answer, whether it is streamed).
FORMS = {
    "an error": ((whole(error_body(TEXT), "400 Bad Request"),), False),
    "an error of the server": ((whole(error_body(TEXT), "500 Internal Server Error"),), False),
    "plain text": ((whole(TEXT.encode(), "502 Bad Gateway"),), False),
    "detail": ((whole(MESSAGE, "422 Unprocessable Entity"),), False),
    "an error with status 200": ((whole(error_body(TEXT)),), False),
    "the first event": (stream(sse_error(TEXT)), True),
    "an event in mid-stream": (
        stream(b'data: {"choices":[{"delta":{"content":"a"}}]}\n\n', sse_error(TEXT)),
        True,
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_no_secret_of_the_provider_is_passed_on(
    live: LiveGateway, scripts: ScriptedProvider, form: str
) -> None:
    pieces, is_stream = FORMS[form]
    model = live.new_name("leaky")
    live.new_channel(model, url=scripts.say(model, *pieces), key=KEY)
    live.take_in()
    response = live.chat(model, stream=is_stream)
    attempts = live.usage_of(response)["attempts"]
    # Our own id of the call is digits for the most part, and may hold a port's by chance.
    own_id = response.headers["x-oneapi-request-id"]
    seen = f"{response.text} {response.headers} {attempts}".replace(own_id, "")
    assert [leak for leak in (*LEAKS, str(scripts.port)) if leak in seen] == []
    assert "Incorrect" in response.text or response.status_code == 502


# What Azure, Zhipu, Tencent and operators' own servers use as keys has no mark of its own.
@pytest.mark.parametrize(
    "key",
    [
        "0123456789abcdef0123456789abcdef",
        "0123456789abcdef0123456789abcdef.AbCdEfGhIjKlMnOp",
        "our-own-vllm-password",
    ],
)
def test_channels_own_key_is_never_passed_on_whatever_it_looks_like(
    live: LiveGateway, scripts: ScriptedProvider, key: str
) -> None:
    model = live.new_name("leaky")
    body = error_body(f"Access denied: key {key} is wrong.")
    url = scripts.say(model, whole(body, "400 Bad Request"))
    live.new_channel(model, url=url, key=key)
    live.take_in()
    response = live.chat(model)
    assert response.status_code == 400
    assert key not in response.text
    assert key not in str(live.usage_of(response)["attempts"])


def test_log_holds_neither_keys_nor_what_clients_said(live: LiveGateway) -> None:
    live.new_channel("logged", key=KEY)
    live.take_in()
    said = "a-very-private-thought"
    response = live.chat("logged", messages=[{"role": "user", "content": said}], stream=True)
    live.usage_of(response)
    log = (live.gateway.folder / "serve.log").read_text()
    assert live.key not in log
    assert KEY not in log
    assert said not in log


def test_unreachable_providers_address_is_not_told(live: LiveGateway) -> None:
    urls = ["http://127.0.0.1:9", "http://no-such-host.invalid", "https://127.0.0.1:9"]
    models = [live.new_name("away") for _ in urls]
    for model, url in zip(models, urls, strict=True):
        live.new_channel(model, url=url)
    live.take_in()
    for model in models:
        response = live.chat(model)
        assert (response.status_code, response.json()["error"]["type"]) == (502, "upstream_error")
        assert not [text for text in ("127.0.0.1", "no-such-host", ":9") if text in response.text]


def test_provider_with_a_certificate_of_its_own_making_is_not_trusted(
    live: LiveGateway, tmp_path: Path
) -> None:
    with self_signed_server(tmp_path) as (url, asked):
        live.new_channel("self-signed", url=url, key=KEY)
        live.take_in()
        response = live.chat("self-signed")
    assert (response.status_code, asked) == (502, [])


@contextmanager
def self_signed_server(folder: Path) -> Iterator[tuple[str, list[str]]]:
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked.append(self.path)

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(write_certificate(folder))
    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        server.socket = context.wrap_socket(
            server.socket, server_side=True, do_handshake_on_connect=False
        )
        thread = threading.Thread(target=server.serve_forever, name="self-signed")
        thread.start()
        try:
            yield f"https://localhost:{server.server_port}", asked
        finally:
            server.shutdown()
            thread.join()


def write_certificate(folder: Path) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = folder / "certificate.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path
