"""What a provider's answers are read as, and what a client is given of them."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels_app.catalogue import KINDS
from channels_app.midjourney import (
    BadAnswer,
    ask_for_tasks,
    build_request,
    read_report,
    read_reports,
    read_submission,
    write_submission,
)
from channels_app.routing import ChannelConfig

FLOATS = st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | FLOATS | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)
NAMES = st.sampled_from(
    ["id", "status", "progress", "failReason", "imageUrl", "buttons", "properties", "submitTime"]
)


def channel(**fields: Any) -> ChannelConfig:
    given_ = {"id": 1, "name": "mj", "kind": KINDS[2], "base_url": "http://mj", "key": "secret"}
    return ChannelConfig(models=("midjourney",), groups=("default",), **{**given_, **fields})


def answered(body: dict[str, Any], action: str = "UPSCALE", picture: str = "") -> Any:
    submission = read_submission(json.dumps(body).encode())
    return json.loads(write_submission(submission, action, picture))


@pytest.mark.parametrize(
    ("code", "action", "told"),
    [
        (1, "IMAGINE", 1),
        (21, "UPSCALE", 1),
        (21, "INPAINT", 21),
        (21, "CUSTOMZOOM", 21),
        (22, "IMAGINE", 1),
        (22, "INPAINT", 1),
        (24, "IMAGINE", 24),
    ],
)
def test_exists_and_queued_are_a_success_to_clients(code: int, action: str, told: int) -> None:
    body = {"code": code, "description": "d", "result": "7", "properties": {"a": [1]}, "more": 1.50}
    description = "" if code == 24 else "d"
    assert answered(body, action) == body | {"code": told, "description": description}


def test_picture_of_a_task_that_exists_is_told_at_our_address() -> None:
    properties = {"status": "SUCCESS", "imageUrl": "https://cdn/x.png", "other": "kept"}
    body = {"code": 21, "description": "", "result": 16, "properties": properties}
    submission = read_submission(json.dumps(body).encode())
    assert (submission.task_id, submission.status) == ("16", "SUCCESS")
    assert submission.image_url == "https://cdn/x.png"
    assert answered(body, picture="ours")["properties"] == properties | {"imageUrl": "ours"}


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"{}", b'{"code": null}', b'{"code":"x"}'])
def test_answer_without_a_code_is_none(body: bytes) -> None:
    with pytest.raises(BadAnswer):
        read_submission(body)


@pytest.mark.parametrize(
    ("item", "outcome"),
    [
        ({"status": "SUCCESS", "progress": "100%"}, "SUCCESS"),
        ({"status": "success"}, "SUCCESS"),
        ({"status": "FAILURE", "progress": "100%"}, "FAILURE"),
        ({"status": "CANCEL"}, "FAILURE"),
        ({"status": "IN_PROGRESS", "progress": "40%"}, ""),
        ({"status": "IN_PROGRESS", "failReason": "banned"}, "FAILURE"),
        ({"status": "IN_PROGRESS", "progress": "100%"}, ""),
        ({"status": "MODAL"}, ""),
        ({"status": 4, "progress": "100%"}, "SUCCESS"),
        ({"status": 4, "progress": "100%", "failReason": "banned"}, "FAILURE"),
        ({"status": 3, "progress": "50%"}, ""),
        ({}, ""),
    ],
)
def test_outcome(item: dict[str, Any], outcome: str) -> None:
    assert read_report(json.dumps({"id": "7", **item}).encode()).outcome == outcome


def test_report_keeps_buttons_and_properties_as_they_came_and_hides_hosts() -> None:
    body = (
        b'[{"id": 1320098173412546, "buttons": [{"customId": "MJ::x", "n": 1.0}],'
        b' "properties": {"finalPrompt": "a\\u0000b"}, "submitTime": "1700000000000",'
        b' "failReason": "http://10.0.0.7:8080/x did not answer", "prompt": "a\\u0000b"},'
        b' {"status": "SUCCESS"}, 7, null]'
    )
    (report,) = read_reports(body)
    assert report.id == "1320098173412546"
    assert report.buttons == '[{"customId": "MJ::x", "n": 1.0}]'
    assert report.properties == '{"finalPrompt": "a\\u0000b"}'
    assert (report.submit_time, report.prompt) == (1_700_000_000_000, "ab")
    assert "10.0.0.7" not in report.fail_reason


def test_text_that_is_none_spoils_no_other_task() -> None:
    half, broken, whole = read_reports(
        b'[{"id": "1", "prompt": "\\ud83d \\\\ud800 \\ud83d\\ude00"},'
        b' {"id": "2", "prompt": "\xff"}, {"id": "3", "status": "SUCCESS"}]'
    )
    assert (half.prompt, broken.prompt) == ("\ufffd \\ud800 \U0001f600", "\ufffd")
    assert whole.outcome == "SUCCESS"


@given(st.lists(st.dictionaries(NAMES, JSON, min_size=1), max_size=3), JSON)
def test_no_list_of_tasks_breaks_the_reader(items: list[dict[str, Any]], other: Any) -> None:
    assert len(read_reports(json.dumps(items).encode())) <= len(items)
    try:
        found = read_submission(json.dumps(other).encode())
    except BadAnswer:
        return
    assert isinstance(found.code, int)


def test_request_goes_to_the_channel_with_its_key() -> None:
    request = ask_for_tasks(channel(headers=(("X-Extra", "1"),)), ["7", "8"])
    assert (request.method, request.url) == ("POST", "http://mj/mj/task/list-by-condition")
    assert json.loads(request.body) == {"ids": ["7", "8"]}
    headers = dict(request.headers)
    assert (headers["mj-api-secret"], headers["x-extra"]) == ("secret", "1")
    assert build_request(channel(), "GET", "/task/7/image-seed").url == (
        "http://mj/mj/task/7/image-seed"
    )
