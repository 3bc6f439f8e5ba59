"""manage.py rotate_keys."""

from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandParser

from chatapi.lib.commands import OperatorCommand, Result
from chatapi.web.resealing import reseal_everything


class Command(OperatorCommand):
    help = (
        "Seal all stored secrets with the first key of DATA_KEYS. Give all nodes the new ring "
        "before; older keys may be taken out afterwards, when nothing is unreadable."
    )

    def add_actions(self, parser: CommandParser) -> None:
        parser.set_defaults(run=rotate)


def rotate(_options: dict[str, Any]) -> Result:
    return asdict(reseal_everything())
