"""What each node tells of itself, so that the console of any node knows all of them."""

import platform
import socket
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.utils import timezone

from billing.journal_lag import MOST_BYTES
from billing.models import Node
from chatapi.lib.version import VERSION

TELL_SECONDS = 10.0
SILENT = timedelta(minutes=2)
FORGOTTEN = timedelta(days=7)
"""A node that was taken away is shown so long."""
LARGE_BYTES = MOST_BYTES // 4
"""A lag that the dashboard warns of, before operators are told."""


@dataclass(slots=True)
class NodeVoice:
    """Speaks for the node on which the recorder runs."""

    name: str
    started_at: datetime = field(default_factory=timezone.now)

    def tell(self, waiting_bytes: int) -> None:
        Node.objects.update_or_create(
            name=self.name,
            defaults={
                "version": VERSION,
                "python": platform.python_version(),
                "host": socket.gethostname()[:100],
                "seen_at": timezone.now(),
                "started_at": self.started_at,
                "waiting_bytes": waiting_bytes,
            },
        )


def is_silent(node: Node) -> bool:
    return timezone.now() - node.seen_at > SILENT


def read_nodes() -> list[Node]:
    known = Node.objects.filter(seen_at__gte=timezone.now() - FORGOTTEN)
    return list(known.order_by("name"))


def nodes_in_trouble(nodes: Sequence[Node]) -> list[Node]:
    """Those whose calls wait too long to be recorded, or may do so unseen."""
    return [node for node in nodes if node.waiting_bytes > LARGE_BYTES or is_silent(node)]


def has_many_versions(nodes: Sequence[Node]) -> bool:
    return len({node.version for node in nodes if not is_silent(node)}) > 1
