"""The options app publishes each change of an option. As the lowest of ours it also sets up what
all database connections have.
"""

from typing import Any

from django.apps import AppConfig
from django.db.backends.signals import connection_created

from chatapi.lib.sqlite_turns import queue_writes


class OptionsConfig(AppConfig):
    name = "chatapi.options"
    label = "options"

    def ready(self) -> None:
        from constance.signals import config_updated  # noqa: PLC0415 -- needs the app registry

        config_updated.connect(_publish_option, dispatch_uid="publish-option")
        connection_created.connect(queue_writes, dispatch_uid="queue-writes")


def _publish_option(key: str, **_: Any) -> None:
    from chatapi.options.feed import publish  # noqa: PLC0415 -- needs the app registry

    publish("option", key)
