"""The console at /admin: what all its pages share."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ConsoleConfig(AppConfig):
    name = "chatapi.console"
    label = "console"
    verbose_name = _("Console")

    def ready(self) -> None:
        from chatapi.console import task_notes  # noqa: F401, PLC0415 -- needs the app registry
