"""What operators see: metrics, health, request ids, a line per call."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.harness.waiting import wait_for
from tests.relay.live_gateway import LiveGateway

MODEL, FAILING = "observed-model", "sim-status:code=500:observed"


@pytest.fixture(scope="module")
def served(live: LiveGateway) -> LiveGateway:
    live.new_channel(f"{MODEL},{FAILING}")
    live.take_in()
    return live


def metric(live: LiveGateway, name: str, **labels: str) -> float:
    """The sum of all lines of a metric that carry these labels; 0 before it was first counted."""
    text = live.call("GET", "/metrics", headers={}).text
    wanted = [f'{label}="{value}"' for label, value in labels.items()]
    lines = [line for line in text.splitlines() if line.split("{")[0].split(" ")[0] == name]
    found = [line for line in lines if all(part in line for part in wanted)]
    return sum(float(line.rsplit(" ", 1)[1]) for line in found)


# name -> (labels, how much a whole call, a stream and a failed call add)
COUNTED: dict[str, tuple[dict[str, str], float]] = {
    "chatapi_calls_total": ({"endpoint": "chat", "status": "ok"}, 2),
    "chatapi_tokens_total": ({"kind": "completion"}, 40),
    "chatapi_units_total": ({}, 2 * 345),
    "chatapi_errors_total": ({"status": "502"}, 1),
    "chatapi_call_seconds_count": ({}, 3),
    "chatapi_first_byte_seconds_count": ({}, 2),
}


def test_metrics_count_calls_tokens_units_and_errors(served: LiveGateway) -> None:
    # What other tests did must be counted before; rows of refunds are no calls.
    served.usage_of(served.chat(MODEL))
    served.gateway.books.wait_until_shipped()
    found = served.gateway.books.usage()
    rows = sum(not row.request_id.startswith("refund-") for row in found)
    wait_for(lambda: metric(served, "chatapi_calls_total") == rows, "not all calls are counted")
    before = {name: metric(served, name, **labels) for name, (labels, _) in COUNTED.items()}
    for response in (served.chat(MODEL), served.chat(MODEL, stream=True), served.chat(FAILING)):
        served.usage_of(response)

    def grown() -> dict[str, float]:
        after = {name: metric(served, name, **labels) for name, (labels, _) in COUNTED.items()}
        return {name: after[name] - before[name] for name in after}

    wanted = {name: by for name, (_, by) in COUNTED.items()}
    wait_for(lambda: grown() == wanted, grown)
    # And it stays so: nothing is counted a second time when it is shipped.
    served.gateway.books.wait_until_shipped()
    assert grown() == wanted


def test_metrics_tell_streams_journal_and_leases(served: LiveGateway) -> None:
    served.chat(MODEL)
    assert "chatapi_open_streams" in served.call("GET", "/metrics", headers={}).text
    wait_for(
        lambda: metric(served, "chatapi_lease_extensions_total") > 0, "no lease was ever extended"
    )
    wait_for(
        lambda: metric(served, "chatapi_journal_lag_bytes") == 0, "the journal is never shipped"
    )


def test_metrics_hold_no_names_that_clients_choose(served: LiveGateway) -> None:
    served.chat("a-model-that-a-client-made-up")
    served.call("POST", "/v1/made-up-by-a-client")
    text = served.call("GET", "/metrics", headers={}).text
    assert "made-up" not in text


def test_health_needs_no_key(served: LiveGateway) -> None:
    for path in ("/healthz", "/readyz"):
        response = httpx.get(served.url + path, trust_env=False)
        assert (response.status_code, response.json()["status"]) == (200, "ok")


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_pages_of_other_sites_can_not_read_what_is_for_operators(
    served: LiveGateway, path: str
) -> None:
    answer = served.call("GET", path, headers={"origin": "https://evil.example"})
    assert answer.status_code == 200
    assert "access-control-allow-origin" not in answer.headers


def test_every_answer_has_a_request_id_of_its_own(served: LiveGateway) -> None:
    answers = [
        served.chat(MODEL),
        served.chat(MODEL, stream=True),
        served.chat(FAILING),
        served.chat(MODEL, key="sk-nobody"),
        served.chat(MODEL, headers={"x-oneapi-request-id": "chosen-by-the-client"}),
        served.call("GET", "/v1/models"),
        served.call("GET", "/v1/models/nothing"),
        served.call("GET", "/v1/nothing"),
        served.call("OPTIONS", "/v1/models"),
        served.call("GET", "/dashboard/billing/subscription"),
        served.call("GET", "/healthz"),
        served.call("GET", "/readyz"),
        served.call("GET", "/metrics"),
    ]
    ids = [answer.headers.get("x-oneapi-request-id", "") for answer in answers]
    missing = [str(answer.url) for answer, name in zip(answers, ids, strict=True) if not name]
    assert missing == []
    assert len(set(ids)) == len(ids)
    assert "chosen-by-the-client" not in ids


def test_each_call_is_one_line_in_the_log(served: LiveGateway) -> None:
    good, failed = served.chat(MODEL, stream=True), served.chat(FAILING)
    lines = wait_for(lambda: lines_of(served.gateway.folder, good, failed), "no lines")
    assert [(line["event"], line["model"]) for line in lines] == [
        ("call", MODEL),
        ("call", FAILING),
    ]
    first, second = lines
    assert (first["status"], first["stream"], first["units"]) == ("ok", True, 345)
    assert (first["prompt_tokens"], first["completion_tokens"]) == (3, 20)
    assert first["total_ms"] >= first["first_byte_ms"] >= 0
    assert (second["status"], second["http_status"], second["units"]) == ("failed", 502, 0)


def lines_of(folder: Path, *responses: httpx.Response) -> list[dict[str, Any]] | None:
    ids = [response.headers["x-oneapi-request-id"] for response in responses]
    text = (folder / "serve.log").read_text(encoding="utf-8")
    found = [line for line in text.splitlines() if any(one in line for one in ids)]
    return [json.loads(line) for line in found] if len(found) >= len(ids) else None


def test_billing_endpoints_tell_credit_in_dollars(served: LiveGateway) -> None:
    user = served.new_user(usd=10)
    limited = served.new_token(user, "--limit-usd", 2)
    unlimited = served.new_token(user)
    for _ in range(3):
        served.usage_of(served.chat(MODEL, key=limited))
    spent = 3 * 345 / 500_000
    for prefix in ("", "/v1"):
        headers = {"authorization": f"Bearer {limited}"}
        total = served.call("GET", f"{prefix}/dashboard/billing/subscription", headers=headers)
        used = served.call("GET", f"{prefix}/dashboard/billing/usage", headers=headers)
        assert total.json()["hard_limit_usd"] == 2
        assert used.json() == {"object": "list", "total_usage": pytest.approx(spent * 100)}
    headers = {"authorization": f"Bearer {unlimited}"}
    total = served.call("GET", "/dashboard/billing/subscription", headers=headers)
    assert total.json()["hard_limit_usd"] == 100_000_000
