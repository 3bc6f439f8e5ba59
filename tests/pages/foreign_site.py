"""A site to sign in with, on a real port: GitHub, an OpenID provider and a wechat-server in one.

What it says can be changed through its attributes; what it was asked is in `asked`.
"""

import base64
import hashlib
import html
import json
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
from constance import config
from cryptography.hazmat.primitives.asymmetric import ec
from django.test import Client

from chatapi.options.secret_options import seal_secret

BOT = "4242:AAbb"


class ForeignSite:
    def __init__(self, url: str) -> None:
        self.url = url
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.codes: dict[str, dict[str, str]] = {}
        """Code -> what the address it was given for said."""
        self.github: dict[str, Any] = {"id": 583231, "login": "octocat", "name": "Mona"}
        self.emails: Any = [{"email": "mona@example.com", "primary": True, "verified": True}]
        self.claims: dict[str, Any] = {}
        self.signing_key: Any = self.key
        self.algorithm = "ES256"
        self.openids = {"123456": "oAbC"}
        self.asked: list[str] = []

    def allow(self, address: str) -> tuple[str, str]:
        """What a person does there: says yes. Gives the code and the state that come back."""
        query = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        code = f"code-{len(self.codes)}"
        self.codes[code] = query
        return code, query["state"]

    def spend(self, form: dict[str, str]) -> dict[str, str] | None:
        """The code once, with the right secret, return address and verifier."""
        query = self.codes.pop(form.get("code", ""), None)
        if query and "code_challenge" not in query:
            # An address of somebody else's making.
            is_right = not {"code_verifier", "redirect_uri"} & form.keys()
            return query if is_right and form.get("client_secret") == "s3cret" else None
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if (
            query is None
            or form.get("client_secret") != "s3cret"
            or form.get("redirect_uri") != query["redirect_uri"]
            or challenge != query["code_challenge"]
        ):
            return None
        return query

    def id_token(self, query: dict[str, str]) -> str:
        now = int(time.time())
        claims = {
            "iss": self.url,
            "aud": query["client_id"],
            "sub": "Subject-1",
            "iat": now,
            "exp": now + 60,
            "nonce": query["nonce"],
            "preferred_username": "dora",
            "email": "dora@example.com",
            "email_verified": True,
            **self.claims,
        }
        headers = {"kid": "one"}
        return jwt.encode(claims, self.signing_key, algorithm=self.algorithm, headers=headers)

    def answer(  # noqa: PLR0911 -- a table of paths
        self, path: str, query: dict[str, str], form: dict[str, str], bearer: str
    ) -> Any:
        """JSON, or None for a refusal."""
        if path == "/.well-known/openid-configuration":
            return {
                "issuer": self.url,
                "authorization_endpoint": f"{self.url}/authorize",
                "token_endpoint": f"{self.url}/token",
                "jwks_uri": f"{self.url}/keys",
            }
        if path == "/keys":
            public = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(self.key.public_key()))
            return {"keys": [{**public, "kid": "one", "use": "sig", "alg": "ES256"}]}
        if path in {"/token", "/login/oauth/access_token"}:
            spent = self.spend(form)
            if spent is None:
                return {"error": "bad_verification_code"}
            more = {"id_token": self.id_token(spent)} if path == "/token" else {}
            return {"access_token": "gho_1", "token_type": "bearer", **more}
        if path == "/api/v3/user":
            return self.github if bearer == "Bearer gho_1" else None
        if path == "/api/v3/user/emails":
            return self.emails
        if path == "/api/wechat/user":
            openid = self.openids.pop(query.get("code", ""), None)
            is_right = openid is not None and bearer == "wechat-token"
            return {"success": is_right, "message": "", "data": openid if is_right else ""}
        return None


@contextmanager
def running_site() -> Iterator[ForeignSite]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer({})

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            self._answer({name: values[0] for name, values in parse_qs(body).items()})

        def _answer(self, form: dict[str, str]) -> None:
            parts = urlsplit(self.path)
            if parts.path in {"/login/oauth/authorize", "/authorize"}:
                self._say_yes()
                return
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            site.asked.append(parts.path)
            found = site.answer(parts.path, query, form, self.headers.get("Authorization", ""))
            body = json.dumps(found if found is not None else {}).encode()
            self.send_response(200 if found is not None else 404)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def _say_yes(self) -> None:
            """The person there agrees at once, and the browser is sent back."""
            code, state = site.allow(self.path)
            back = f"{site.codes[code]['redirect_uri']}?{urlencode({'code': code, 'state': state})}"
            self.send_response(302)
            self.send_header("Location", back)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_args: Any) -> None:
            """Silence."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    site = ForeignSite(f"http://127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield site
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def set_up(running: ForeignSite) -> None:
    """All four kinds of foreign accounts are switched on and lead to this site."""
    config.GitHubOAuthEnabled = config.WeChatAuthEnabled = config.TelegramOAuthEnabled = True
    config.GitHubClientId, config.GitHubServerAddress = "client", running.url
    config.WeChatServerAddress = running.url
    entry = {"name": "acme", "label": "Acme <b>", "issuer": running.url, "client_id": "client"}
    config.OIDCProviders = json.dumps([entry])
    for name, secret in (
        ("GitHubClientSecret", "s3cret"),
        ("OIDCClientSecrets", "other=x acme=s3cret"),
        ("WeChatServerToken", "wechat-token"),
        ("TelegramBotToken", BOT),
    ):
        setattr(config, name, seal_secret(name, secret))


def leave(client: Client, slug: str, act: str = "start", **more: str) -> str:
    """The address that the page leads to."""
    page = client.post(f"/oauth/{slug}/{act}", more).content.decode()
    found = re.search(r'http-equiv="refresh"\s+content="0; url=([^"]+)"', page)
    assert found, page
    return html.unescape(found[1])


def go(client: Client, site: ForeignSite, slug: str, act: str = "start", **more: str) -> Any:
    """There and back."""
    code, state = site.allow(leave(client, slug, act, **more))
    return client.get(f"/oauth/{slug}", {"code": code, "state": state})


def is_in(client: Client) -> bool:
    return "_auth_user_id" in client.session


def told(client: Client, path: str = "/login") -> str:
    return client.get(path).content.decode()
