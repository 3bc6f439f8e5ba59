"""The queue in a folder: a message that has a name is whole."""

import json
import threading
from pathlib import Path

from kombu import Connection

MESSAGES = 30
LONG = "x" * 1_000_000
"""Takes a moment to write: readers come in between."""


def queue_in(folder: Path) -> Connection:
    (folder / "queue").mkdir(exist_ok=True)
    options = {
        "data_folder_in": str(folder / "queue"),
        "data_folder_out": str(folder / "queue"),
        "control_folder": str(folder / "control"),
    }
    return Connection("folder://", transport_options=options)


def write(folder: Path) -> None:
    with queue_in(folder) as connection, connection.SimpleQueue("work") as queue:
        for _ in range(MESSAGES):
            queue.put(LONG)


def test_what_readers_find_while_messages_are_written_is_whole(tmp_path: Path) -> None:
    writer = threading.Thread(target=write, args=(tmp_path,))
    writer.start()
    seen: set[str] = set()
    while writer.is_alive():
        for path in (tmp_path / "queue").glob("[!.]*.msg"):
            if path.name not in seen:
                json.loads(path.read_bytes())
                seen.add(path.name)
    writer.join()
    assert seen

    with queue_in(tmp_path) as connection, connection.SimpleQueue("work") as queue:
        for _ in range(MESSAGES):
            message = queue.get(timeout=10)
            assert message.payload == LONG
            message.ack()
    assert list((tmp_path / "queue").iterdir()) == []
