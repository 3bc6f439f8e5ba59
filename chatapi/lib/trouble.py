"""Log lines of what goes wrong for a while."""

import time
from typing import Any


class Trouble:
    """Told when it begins and when it is over, not each time that somebody meets it: a thousand
    calls in a second may. `log` is a structlog logger.
    """

    def __init__(self, log: Any, event: str) -> None:
        self._log = log
        self._event = event
        self._since = 0.0
        self.is_on = False

    def meet(self, **facts: Any) -> None:
        """An error with these facts, unless it is told already."""
        if not self.is_on:
            self.is_on, self._since = True, time.monotonic()
            self._log.error(self._event, **facts)

    def end(self) -> None:
        """All is well, again or still."""
        if self.is_on:
            self.is_on = False
            seconds = round(time.monotonic() - self._since, 1)
            self._log.info(f"{self._event}_over", seconds=seconds)
