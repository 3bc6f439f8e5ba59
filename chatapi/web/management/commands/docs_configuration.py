"""manage.py docs_configuration: writes docs/configuration.md from the code and its introduction."""

import difflib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import translation
from pydantic import SecretStr
from pydantic.fields import FieldInfo

from chatapi.env import SECRET_NAMES, Env
from chatapi.options.registry import OPTION_FIELDSETS, OPTIONS

PAGE = settings.BASE_DIR / "docs" / "configuration.md"
INTRODUCTION = settings.BASE_DIR / "docs" / "configuration.intro.md"
MARKS = {"<!-- variables -->": "variables", "<!-- options -->": "options"}
WRITTEN = (
    "<!-- Written by `make docs` from configuration.intro.md and the code; change those. -->\n\n"
)


class Command(BaseCommand):
    help = "Write docs/configuration.md; with --check only say whether it is current."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--check", action="store_true", help="exit 1 when it is not current")

    def handle(self, *_: Any, **options: Any) -> None:
        with translation.override("en"):
            text = make_page(INTRODUCTION.read_text(encoding="utf-8"))
        if not options["check"]:
            PAGE.write_text(text, encoding="utf-8")
            return
        old = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
        if old != text:
            changes = difflib.unified_diff(old.splitlines(), text.splitlines(), lineterm="", n=0)
            self.stderr.write("\n".join(list(changes)[:20]))
            msg = "docs/configuration.md is not current: make docs"
            raise CommandError(msg)


def make_page(introduction: str) -> str:
    """The introduction with the tables at their marks."""
    tables: Mapping[str, Iterator[str]] = {"variables": variable_rows(), "options": option_rows()}
    text = WRITTEN + introduction
    for mark, name in MARKS.items():
        text = text.replace(mark, "\n".join(tables[name]))
    return text


def variable_rows() -> Iterator[str]:
    yield "| variable | type | default | meaning |"
    yield "|---|---|---|---|"
    for name, field in Env.model_fields.items():
        shown = f"`{name}`" + (" (or `_FILE`)" if name in SECRET_NAMES else "")
        yield f"| {shown} | {type_of(field)} | {default_of(field)} | {field.description} |"


def option_rows() -> Iterator[str]:
    yield "| option | default | meaning |"
    yield "|---|---|---|"
    for group, names in OPTION_FIELDSETS.items():
        yield f"| **{group}** | | |"
        for name in names:
            default, meaning = OPTIONS[name][:2]
            shown = "empty" if default == "" else f"`{default}`"
            yield f"| `{name}` | {shown} | {meaning} |"


def type_of(field: FieldInfo) -> str:
    """As a person would say it, with the limits."""
    kind: Any = field.annotation
    if get_origin(kind) is Literal:
        return " or ".join(f"`{value}`" for value in get_args(kind))
    if kind is bool:
        return "`true` or `false`"
    if kind is SecretStr:
        return "secret"
    if int in (kind, *get_args(kind)):
        return "whole number" + limits_of(field)
    if kind is Path:
        return "folder"
    return "text" if kind is str else "list"


def limits_of(field: FieldInfo) -> str:
    least = next((item.ge for item in field.metadata if hasattr(item, "ge")), None)
    most = next((item.le for item in field.metadata if hasattr(item, "le")), None)
    if most is not None:
        return f", {least} to {most}"
    return f" from {least}" if least else ""


def default_of(field: FieldInfo) -> str:
    value = field.default
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    if value in ("", None, ()):
        return "empty"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"
