"""What rests now, for pages: as the worker of this process knows it, by itself and from the others
(channels_app.sharing). Where no worker serves, nothing is known.
"""

import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from channels_app.conditions import Reason
from channels_app.health import Health

TEXTS: Mapping[Reason, Any] = {Reason.COOLING: _("cools down"), Reason.OPEN: _("circuit open")}
WATCHED: list[Health] = []
"""That of this process's worker, if there is one."""


@dataclass(frozen=True, slots=True)
class Resting:
    """A model at a channel, or at one key of it (`key` is its tag), that gets no calls now. `why`
    is the label of the failure, as calls note it.
    """

    key: str
    model: str
    text: Any
    why: str
    until: datetime
    seconds: int


def watch(health: Health | None) -> None:
    WATCHED[:] = [] if health is None else [health]


def read_resting() -> dict[int, list[Resting]]:
    """By channel; what rests longest comes first."""
    found: dict[int, list[Resting]] = defaultdict(list)
    monotonic, now = time.monotonic(), timezone.now()
    for health in WATCHED:
        for place, one in health.rests(monotonic):
            reason = Reason.COOLING if one.cools_until > monotonic else Reason.OPEN
            left = one.rests_until - monotonic
            until = now + timedelta(seconds=left)
            resting = Resting(
                place.key, place.model, TEXTS[reason], one.why, until, max(round(left), 1)
            )
            found[place.channel].append(resting)
    for rests in found.values():
        rests.sort(key=lambda one: (-one.seconds, one.model))
    return dict(found)
