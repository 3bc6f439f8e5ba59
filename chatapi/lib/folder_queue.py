"""The queue of background work in a folder, for installations without Redis.

The library's own transport gives a file its name before it writes it; a reader that comes between
finds it empty, and the worker dies of that. Here a file has its name when it is whole.
"""

import contextlib
import os
import time
from pathlib import Path
from typing import Any
from uuid import uuid4

from kombu.transport import filesystem
from kombu.utils.json import dumps


class Channel(filesystem.Channel):
    """What starts with a dot is nobody's message yet."""

    def _put(self, queue: str, payload: Any, **_: Any) -> None:  # type: ignore[override] # two names above
        name = f"{round(time.monotonic() * 1000)}_{uuid4()}.{queue}.msg"
        folder = Path(self.data_folder_out)
        unfinished = folder / f".{name}"
        unfinished.write_text(dumps(payload), encoding="utf-8")
        unfinished.rename(folder / name)

    def _queue_bind(self, exchange: str, *binding: Any) -> None:
        table = Path(self.control_folder) / f"{exchange}.exchange"
        if not table.exists():
            table.parent.mkdir(exist_ok=True)
            empty = table.parent / f".{uuid4()}"
            empty.write_text("[]", encoding="utf-8")
            # Of two who begin at once the first makes it.
            with contextlib.suppress(FileExistsError):
                os.link(empty, table)
            empty.unlink()
        super()._queue_bind(exchange, *binding)


class Transport(filesystem.Transport):
    """`folder://`, as the settings name it."""

    Channel = Channel
