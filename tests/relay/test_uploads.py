"""What clients upload passes through and becomes no file, whatever its name and whoever dies."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness.gateway import kill
from tests.harness.waiting import wait_for
from tests.relay.live_gateway import LiveGateway, running_live_gateway
from tests.relay.media_calls import Media, answer
from tests.relay.raw_http import RawConnection, request
from tests.relay.scripted_provider import ScriptedProvider

EDITS = "/v1/images/edits"
MEGABYTE = 1 << 20
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"></svg>'
POLYGLOT = b"GIF89a/*" + b"\0" * 100 + b"*/=1;alert(1)//<script>alert(1)</script>%PDF-1.7 PK"
NAMES = (
    "../../../../tmp/planted.png",
    "..\\..\\planted.png",
    "/etc/cron.d/planted",
    "planted.png\0.svg",
    'planted"; name="model',
    "C:\\planted.exe",
    ".planted",
    "planted" * 40,
)


@pytest.fixture(scope="module")
def temp(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("temporary")


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory, temp: Path) -> Iterator[LiveGateway]:
    """A gateway whose temporary files would be in `temp`, and whose worker may be killed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", str(temp))
        with running_live_gateway(tmp_path_factory.mktemp("own")) as live:
            yield live


def files_of(live: LiveGateway, temp: Path) -> set[str]:
    return {str(path) for root in (live.gateway.folder, temp) for path in root.rglob("*")}


@pytest.mark.parametrize("content", [SVG, POLYGLOT, b"", b"\x89PNG" + b"x" * 3 * MEGABYTE])
def test_names_and_contents_reach_the_provider_and_no_disk(
    own: LiveGateway, scripts: ScriptedProvider, temp: Path, content: bytes
) -> None:
    media = Media(own, scripts)
    image = {"data": [{"b64_json": "aGk="}]}
    model = media.model(answer(image), prices={"per-image": "0.04"})
    before = files_of(own, temp)
    files = [("image[]", (name, content, "image/png")) for name in NAMES]
    response = own.call("POST", EDITS, data={"model": model, "prompt": "a"}, files=files)
    assert (response.status_code, response.headers["content-type"]) == (200, "application/json")
    assert response.json() == image
    asked = scripts.asked_once(model)
    assert asked.body.count(b'name="image[]"; filename=') == len(NAMES)
    assert asked.body.count(b'name="model"') == 1
    assert asked.body.count(content) >= len(NAMES)
    own.usage_of(response)
    new = files_of(own, temp) - before
    assert [path for path in new if "journal" not in path and "metrics" not in path] == []
    assert not any("planted" in path for path in files_of(own, temp))


@pytest.mark.parametrize(
    ("path", "megabytes"), [(EDITS, 30), ("/login", 1), ("/admin/billing/price/import/", 8)]
)
def test_a_killed_worker_leaves_no_upload_behind(
    own: LiveGateway, temp: Path, path: str, megabytes: int
) -> None:
    before = files_of(own, temp)
    [worker] = own.gateway.worker_pids()
    head = b"--b\r\ncontent-disposition: form-data; name=file; filename=planted.png\r\n\r\n"
    headers = b"content-type: multipart/form-data; boundary=b\r\ncontent-length: %d\r\n" % (
        megabytes * MEGABYTE + MEGABYTE // 2
    )
    line = b"POST %b HTTP/1.1" % path.encode()
    with RawConnection(own) as connection:
        connection.send(request(own, head, line=line, headers=headers, has_length=False))
        connection.send(b"x" * (megabytes * MEGABYTE))
        assert own.call("GET", "/v1/models").status_code == 200
        kill(worker)
    wait_for(
        lambda: own.gateway.all_workers() and own.gateway.worker_pids() != [worker],
        "no worker took its place",
    )
    left = files_of(own, temp) - before
    assert [path for path in left if "journal" not in path and "metrics" not in path] == []
    assert json.loads(own.call("GET", "/v1/models").content)["object"] == "list"
