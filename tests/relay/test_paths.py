"""Paths and methods: what is not there is said in OpenAI's words, and browsers are let in."""

import httpx
import pytest

from tests.harness.gateway import PASSWORD
from tests.relay.live_gateway import LiveGateway

# Method, path, status, code.
ABSENT = [
    ("GET", "/v1/chat/completions", 405, "method_not_allowed"),
    ("PATCH", "/v1/chat/completions", 405, "method_not_allowed"),
    ("DELETE", "/v1/models/m", 405, "method_not_allowed"),
    ("POST", "/v1/chat/completions/", 404, "unknown_url"),
    ("POST", "/v1/chat/../chat/completions", 404, "unknown_url"),
    ("POST", "/v1/%2e%2e/v1/chat/completions", 404, "unknown_url"),
    ("POST", "/v1//chat/completions", 404, "unknown_url"),
    ("POST", "//v1//chat/completions", 404, "unknown_url"),
    ("POST", "/V1/chat/completions", 404, "unknown_url"),
    ("GET", "/v1", 404, "unknown_url"),
    ("GET", "/v1/", 404, "unknown_url"),
    ("GET", "/v1/nothing", 404, "unknown_url"),
    ("GET", "/v1/models/", 404, "unknown_url"),
    ("POST", "/v1/engines//embeddings", 404, "unknown_url"),
    ("POST", "/v1/engines/a/b/embeddings", 404, "unknown_url"),
    ("GET", "/v1/" + "x" * 5000, 404, "unknown_url"),
    ("GET", "/v1/%00%ff<script>", 404, "unknown_url"),
    ("GET", "/v1/files", 501, "api_not_implemented"),
    ("POST", "/v1/fine_tuning/jobs", 501, "api_not_implemented"),
    ("POST", "/v1/assistants", 501, "api_not_implemented"),
    ("GET", "/v1/threads/t/messages", 501, "api_not_implemented"),
    ("GET", "/v1/models/nobody-serves-this", 404, "model_not_found"),
    ("GET", "/v1/models/..%2f..%2fetc", 404, "model_not_found"),
    ("GET", "/v1/models/%00", 404, "model_not_found"),
]


@pytest.mark.parametrize(("method", "path", "status", "code"), ABSENT)
def test_what_is_not_there_is_said_in_openais_shape(
    live: LiveGateway, method: str, path: str, status: int, code: str
) -> None:
    # As it is written here: a URL would be tidied up.
    response = live.call(method, "/", extensions={"target": path.encode()})
    assert response.status_code == status, response.text[:200]
    error = response.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert error["code"] == code
    assert response.headers["x-oneapi-request-id"] in error["message"]
    assert len(error["message"]) < 500


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/models", "/v1/nothing"])
def test_browsers_may_call_from_anywhere_but_bring_no_cookies(live: LiveGateway, path: str) -> None:
    preflight = {
        "origin": "https://app.example",
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization,content-type,x-stainless-os",
    }
    response = live.call("OPTIONS", path, headers=preflight)
    assert (response.status_code, response.content) == (204, b"")
    assert response.headers["access-control-allow-origin"] == "*"
    assert {"GET", "POST"} <= set(response.headers["access-control-allow-methods"].split(", "))
    assert "authorization" in response.headers["access-control-allow-headers"].lower()
    assert "access-control-allow-credentials" not in response.headers
    login = {"username": live.new_user(usd=0), "password": PASSWORD}
    session = httpx.post(f"{live.url}/api/user/login", json=login, trust_env=False).cookies
    cookie = f"sessionid={session['sessionid']}"
    headers = {"origin": "https://app.example", "cookie": cookie}
    answer = live.call("GET", "/v1/models", headers=headers)
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (401, "*")


def test_head_is_answered_without_a_body(live: LiveGateway) -> None:
    response = live.call("HEAD", "/v1/models")
    assert (response.status_code, response.content) == (200, b"")


def test_query_strings_and_strange_headers_change_nothing(live: LiveGateway) -> None:
    live.new_channel("query-model")
    live.take_in()
    odd = {
        "authorization": f"Bearer {live.key}",
        "x-original-url": "/admin",
        "x-forwarded-host": "evil.example",
        "host": "evil.example",
        "user-agent": "'; DROP TABLE x;-- {{7*7}} ${jndi:ldap://x}",
        "cookie": "sessionid=x",
    }
    body = {"model": "query-model", "messages": [{"role": "user", "content": "a"}]}
    path = "/v1/chat/completions?api-version=%00&model=other&key=sk-other"
    response = live.call("POST", path, json=body, headers=odd)
    assert response.status_code == 200
    assert "evil.example" not in str(live.last_request())
