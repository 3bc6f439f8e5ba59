"""What a submit is understood as: its action, its price, the task that it follows on."""

import json
from typing import Any

import pytest

from relay.errors import CallRefused
from relay.midjourney.actions import SPEEDS, Refused, read_order
from relay.midjourney.routes import find_route
from relay.midjourney.signing import is_signed, sign

FAST, TURBO, RELAX = (SPEEDS[name] for name in ("/mj/", "/mj-turbo/mj/", "/mj-relax/mj/"))
JOB = "MJ::JOB::{}::1::3dbbd469-36af-4a0f-8f02-df6c579e7011"
ID = "1320098173412546"


def order(path: str, **fields: Any) -> Any:
    return read_order(path, FAST, json.dumps(fields).encode())


@pytest.mark.parametrize(
    ("path", "fields", "action", "origin"),
    [
        ("submit/imagine", {"prompt": "a cat"}, "IMAGINE", ""),
        ("submit/blend", {}, "BLEND", ""),
        ("submit/describe", {}, "DESCRIBE", ""),
        ("submit/shorten", {"prompt": "a cat"}, "SHORTEN", ""),
        ("submit/upload-discord-images", {"base64Array": ["data:x"]}, "UPLOADS", ""),
        ("insight-face/swap", {"sourceBase64": "a", "targetBase64": "b"}, "SWAPFACE", ""),
        ("submit/change", {"taskId": ID, "action": "UPSCALE", "index": 4}, "UPSCALE", ID),
        ("submit/change", {"taskId": int(ID), "action": "VARIATION", "index": 1}, "VARIATION", ID),
        ("submit/change", {"taskId": ID, "action": "REROLL"}, "REROLL", ID),
        ("submit/simple-change", {"content": f"{ID} U1"}, "UPSCALE", ID),
        ("submit/simple-change", {"content": f"  {ID}  v4 "}, "VARIATION", ID),
        ("submit/simple-change", {"content": f"{ID} R"}, "REROLL", ID),
        ("submit/action", {"taskId": ID, "customId": JOB.format("upsample")}, "UPSCALE", ID),
        ("submit/action", {"taskId": ID, "customId": JOB.format("variation")}, "VARIATION", ID),
        ("submit/action", {"taskId": ID, "customId": JOB.format("reroll")}, "REROLL", ID),
        ("submit/action", {"taskId": ID, "customId": JOB.format("pan_left")}, "ACTION", ID),
        ("submit/action", {"taskId": ID, "customId": "MJ::Inpaint::1::3d::SOLO"}, "INPAINT", ID),
        ("submit/action", {"taskId": ID, "customId": "MJ::CustomZoom::3d"}, "CUSTOMZOOM", ID),
        ("submit/action", {"taskId": ID, "customId": "MJ::JOB"}, "ACTION", ID),
        ("submit/action", {"taskId": ID, "customId": "x"}, "ACTION", ID),
        ("submit/modal", {"taskId": ID}, "MODAL", ID),
    ],
)
def test_action_and_origin(path: str, fields: dict[str, Any], action: str, origin: str) -> None:
    found = order(path, **fields)
    assert (found.action, found.origin, found.is_free) == (action, origin, action == "MODAL")


@pytest.mark.parametrize(
    ("path", "fields", "description"),
    [
        ("submit/imagine", {}, "prompt_is_required"),
        ("submit/imagine", {"prompt": " "}, "prompt_is_required"),
        ("submit/imagine", {"prompt": ["a cat"]}, "prompt_is_required"),
        ("submit/upload-discord-images", {"base64Array": []}, "Base64Array_is_required"),
        ("submit/upload-discord-images", {"base64Array": "x"}, "Base64Array_is_required"),
        (
            "insight-face/swap",
            {"sourceBase64": "a"},
            "source_base64_and_target_base64_is_required",
        ),
        ("submit/change", {"action": "UPSCALE", "index": 1}, "task_id_is_required"),
        ("submit/change", {"taskId": ID, "index": 1}, "action_is_required"),
        ("submit/change", {"taskId": ID, "action": "MODAL", "index": 1}, "action_is_required"),
        ("submit/change", {"taskId": ID, "action": "modal", "index": 1}, "action_is_required"),
        (
            "submit/change",
            {"taskId": ID, "action": "UPSCALE", "index": 0},
            "index_can_only_be_1_2_3_4",
        ),
        (
            "submit/change",
            {"taskId": ID, "action": "VARIATION", "index": True},
            "index_can_only_be_1_2_3_4",
        ),
        ("submit/change", {"taskId": ID, "action": "UPSCALE"}, "index_can_only_be_1_2_3_4"),
        ("submit/simple-change", {"taskId": ID}, "content_is_required"),
        ("submit/simple-change", {"content": f"{ID} U5"}, "content_parse_failed"),
        ("submit/simple-change", {"content": f"{ID}U1"}, "content_parse_failed"),
        ("submit/action", {"taskId": ID}, "custom_id_is_required"),
        ("submit/action", {"customId": JOB}, "task_id_is_required"),
        ("submit/modal", {}, "task_id_is_required"),
        ("submit/modal", {"taskId": "../x"}, "task_no_found"),
        (
            "submit/imagine",
            {"prompt": "a", "botType": "a", "BotType": "b"},
            "a_field_is_given_twice",
        ),
    ],
)
def test_what_is_missing_is_named(path: str, fields: dict[str, Any], description: str) -> None:
    with pytest.raises(Refused) as refused:
        order(path, **fields)
    assert refused.value.description == description


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff{}"])
def test_what_is_no_object_is_refused(body: bytes) -> None:
    with pytest.raises(CallRefused) as refused:
        read_order("submit/imagine", FAST, body)
    assert refused.value.status == 400


def test_price_is_that_of_the_action_at_its_speed() -> None:
    body = json.dumps({"taskId": ID, "action": "UPSCALE", "index": 1}).encode()
    names = [read_order("submit/change", speed, body).price_name for speed in (FAST, TURBO, RELAX)]
    assert names == ["mj_upscale", "mj_turbo_upscale", "mj_relax_upscale"]
    assert [speed.model for speed in (FAST, TURBO, RELAX)] == [
        "midjourney",
        "midjourney-turbo",
        "midjourney-relax",
    ]
    assert SPEEDS["/mj-fast/mj/"] == FAST


@pytest.mark.parametrize("prefix", ["/mj", "/mj-fast/mj", "/mj-turbo/mj", "/mj-relax/mj"])
def test_each_speed_has_all_addresses(prefix: str) -> None:
    posts = [
        *(f"submit/{name}" for name in ("imagine", "change", "simple-change", "describe", "blend")),
        *(f"submit/{name}" for name in ("action", "modal", "shorten", "upload-discord-images")),
        "insight-face/swap",
        "notify",
        "notify/1/abc",
        "task/list-by-condition",
    ]
    gets = [f"task/{ID}/fetch", f"task/{ID}/image-seed", f"image/{ID}"]
    found = [find_route(f"{prefix}/{path}") for path in posts + gets]
    assert [route and route[0] for route in found] == ["POST"] * len(posts) + ["GET"] * len(gets)


@pytest.mark.parametrize(
    "path",
    ["/mj/", "/mj/submit", "/mj/task//fetch", "/mj/image/a/b", "/mj-slow/mj/notify", "/mjlog"],
)
def test_no_other_address_is_known(path: str) -> None:
    assert find_route(path) is None


def test_signature_is_good_for_one_text_at_one_place() -> None:
    signature = sign("image", "7")
    assert is_signed("image", "7", signature)
    wrong = [("image", "8", signature), ("notify", "7", signature), ("image", "7", "")]
    wrong += [
        ("image", "7", signature[:-1]),
        ("image", "7", signature.upper()),
        ("image", "7", "é"),
    ]
    assert not any(is_signed(*case) for case in wrong)
