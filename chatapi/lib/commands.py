"""What all `manage.py` commands share: --json, and exit codes 0 (done), 1 (refused or failed), 2
(wrong use).
"""

import json
import sys
from argparse import SUPPRESS, ArgumentParser
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

import structlog
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError, connection

Result = Mapping[str, Any] | Sequence[Mapping[str, Any]]


class OperatorCommand(BaseCommand):
    """A command with actions: `add_actions` declares them, each names its function by
    `set_defaults(run=…)`.
    """

    requires_system_checks = ()
    expected: tuple[type[Exception], ...] = (LookupError, ValueError)
    """Exceptions whose text is for the operator."""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="print JSON")
        self.add_actions(parser)

    def add_actions(self, parser: CommandParser) -> None:
        # What a command can do is all that it adds to this class.
        raise NotImplementedError

    def handle(self, *_: Any, **options: Any) -> None:
        # Standard output is the command's answer, which scripts read.
        structlog.configure(logger_factory=_make_stderr_logger)
        run = options["run"]
        try:
            result = run(options)
        except ValidationError as error:
            raise CommandError("; ".join(describe(error))) from error
        except self.expected as error:
            raise CommandError(str(error)) from error
        except DatabaseError as error:
            raise CommandError(f"database: {error}{_hint()}") from error
        if result is not None:
            self.show(result, as_json=options["json"])

    def show(self, result: Result, *, as_json: bool) -> None:
        if as_json:
            self.stdout.write(json.dumps(result, default=str, ensure_ascii=False))
        elif isinstance(result, Mapping):
            self.stdout.write("\n".join(f"{name:<20} {value}" for name, value in result.items()))
        else:
            self.stdout.write(make_table(result) or "(nothing)")


def _hint() -> str:
    with suppress(DatabaseError):
        if "django_migrations" not in connection.introspection.table_names():
            return "; it is empty: start the server once, or run `manage.py migrate`"
    return ""


def _make_stderr_logger(*_: Any) -> structlog.PrintLogger:
    """Asked for at each line: a program that calls commands may change its standard error."""
    return structlog.PrintLogger(sys.stderr)


def add_action(
    actions: Any, name: str, run: Callable[[dict[str, Any]], Result | None], text: str
) -> ArgumentParser:
    """An action's parser; --json may also stand behind the action."""
    parser: ArgumentParser = actions.add_parser(name, help=text)
    parser.add_argument("--json", action="store_true", default=SUPPRESS, help="print JSON")
    parser.set_defaults(run=run)
    return parser


def describe(error: ValidationError) -> Iterable[str]:
    """The messages, with the field's name where there is one."""
    if hasattr(error, "error_dict"):
        return [f"{name}: {text}" for name, texts in error.message_dict.items() for text in texts]
    return list(error.messages)


def make_table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Columns as wide as their values."""
    if not rows:
        return ""
    names = list(rows[0])
    cells = [[str(row.get(name, "")) for name in names] for row in rows]
    widths = [max(len(name), *(len(line[i]) for line in cells)) for i, name in enumerate(names)]
    lines = [names, *cells]
    return "\n".join(
        "  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True))
        for line in lines
    )
