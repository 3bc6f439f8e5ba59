"""JSON schemas as Claude's structured outputs and strict tools take them. Pure.

https://platform.claude.com/docs/en/build-with-claude/structured-outputs#json-schema-limitations:
what Claude is not held to becomes words for it to read, as Anthropic's SDKs write them.
"""

import re
from typing import Any

Schema = dict[str, Any]
MAPS = frozenset({"properties", "$defs", "definitions"})
OBJECTS = ("object", ["object", "null"], ["null", "object"])
LISTS = frozenset({"anyOf", "oneOf", "allOf"})
BOUNDS = frozenset(
    {
        "minimum",
        "maximum",
        "exclusiveMinimum",
        "exclusiveMaximum",
        "multipleOf",
        "minLength",
        "maxLength",
        "minItems",
        "maxItems",
        "uniqueItems",
        "minProperties",
        "maxProperties",
        "pattern",
        "format",
    }
)
FORMATS = frozenset(
    {
        "date-time",
        "time",
        "date",
        "duration",
        "email",
        "hostname",
        "uri",
        "ipv4",
        "ipv6",
        "uuid",
    }
)
_UNKNOWN_PATTERN = re.compile(r"\(\?[^:]|\\[bB1-9]")
"""Look-around, word boundaries, references back."""


def fit_schema(schema: Schema) -> Schema:
    """As it is where it is nested too deep to be looked at."""
    try:
        told: Schema = _fit(schema)
    except RecursionError:
        return schema
    return told


def _fit(schema: Any) -> Any:
    if not isinstance(schema, dict):
        return schema
    told: Schema = {}
    bounds: Schema = {}
    for name, value in schema.items():
        if name in BOUNDS and not _takes(name, value):
            bounds[name] = value
        elif name in MAPS and isinstance(value, dict):
            told[name] = {key: _fit(inner) for key, inner in value.items()}
        elif name in LISTS and isinstance(value, list):
            told[name] = [_fit(inner) for inner in value]
        else:
            told[name] = _fit(value) if name == "items" else value
    if "oneOf" in told and "anyOf" not in told:
        told["anyOf"] = told.pop("oneOf")
    is_open = told.get("properties") or "additionalProperties" not in told
    if is_open and told.get("type") in OBJECTS:
        # Of every object it must be said that it has no more properties.
        told["additionalProperties"] = False
    if bounds:
        words = ", ".join(f"{name}: {value}" for name, value in bounds.items())
        before = f"{told['description']}\n\n" if told.get("description") else ""
        told["description"] = f"{before}{{{words}}}"
    return told


def _takes(name: str, value: Any) -> bool:
    match name:
        case "minItems":
            return value in (0, 1)
        case "format":
            return isinstance(value, str) and value in FORMATS
        case "pattern":
            return isinstance(value, str) and not _UNKNOWN_PATTERN.search(value)
        case _:
            return False
