"""JSON schemas that OpenAI takes are taken by Claude too."""

from typing import Any

import pytest
from anthropic import transform_schema
from hypothesis import given
from hypothesis import strategies as st

from channels_app.dialects.claude.schema import BOUNDS, LISTS, MAPS, fit_schema
from tests.unit.channels_app.dialects.test_across import TEXT, ask

MODEL = "claude-sonnet-4-5"
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "age": {"type": "integer", "description": "Years.", "minimum": 0, "exclusiveMaximum": 150},
        "name": {"type": "string", "minLength": 1, "maxLength": 9},
        "day": {"type": "string", "format": "date"},
        "colour": {"type": "string", "format": "color"},
        "some": {"type": "array", "minItems": 1, "items": {"type": "number", "multipleOf": 2}},
        "many": {"type": "array", "maxItems": 3, "minItems": 2, "items": {"$ref": "#/$defs/one"}},
        "minimum": {"oneOf": [{"type": "null"}, {"type": "string", "maxLength": 5}]},
    },
    "required": ["age"],
    "additionalProperties": True,
    "$defs": {"one": {"type": "object", "properties": {}}},
}
TOLD: dict[str, Any] = {
    "type": "object",
    "properties": {
        "age": {"type": "integer", "description": "Years.\n\n{minimum: 0, exclusiveMaximum: 150}"},
        "name": {"type": "string", "description": "{minLength: 1, maxLength: 9}"},
        "day": {"type": "string", "format": "date"},
        "colour": {"type": "string", "description": "{format: color}"},
        "some": {
            "type": "array",
            "minItems": 1,
            "items": {"type": "number", "description": "{multipleOf: 2}"},
        },
        "many": {
            "type": "array",
            "description": "{maxItems: 3, minItems: 2}",
            "items": {"$ref": "#/$defs/one"},
        },
        "minimum": {
            "anyOf": [{"type": "null"}, {"type": "string", "description": "{maxLength: 5}"}]
        },
    },
    "required": ["age"],
    "additionalProperties": False,
    "$defs": {"one": {"type": "object", "properties": {}, "additionalProperties": False}},
}


def test_bounds_become_words_in_formats_and_strict_tools() -> None:
    form = {"type": "json_schema", "json_schema": {"name": "n", "schema": SCHEMA}}
    told = ask("openai", "anthropic", TEXT | {"response_format": form}, MODEL, "anthropic").body
    assert told["output_config"] == {"format": {"type": "json_schema", "schema": TOLD}}
    for is_strict in (True, False):
        function = {"name": "f", "parameters": SCHEMA, "strict": is_strict}
        asked = TEXT | {"tools": [{"type": "function", "function": function}]}
        (tool,) = ask("openai", "anthropic", asked, MODEL, "anthropic").body["tools"]
        assert tool["input_schema"] == (TOLD if is_strict else SCHEMA)


def test_schema_is_what_anthropics_own_sdk_makes_of_it() -> None:
    assert transform_schema(SCHEMA) == TOLD


def test_own_schema_stays_as_it_is() -> None:
    config = {"format": {"type": "json_schema", "schema": SCHEMA}}
    told = ask("anthropic", "anthropic", TEXT | {"output_config": config}, MODEL, "anthropic").body
    assert told["output_config"] == config


@pytest.mark.parametrize(
    ("pattern", "is_taken"),
    [
        ("^[a-z]{2,3}$", True),
        (r"^(?:\d+|x)$", True),
        (r"^(?=a)b", False),
        (r"\bword\b", False),
        (r"(a)\1", False),
    ],
)
def test_patterns_that_claude_can_be_held_to(pattern: str, *, is_taken: bool) -> None:
    told = fit_schema({"type": "string", "pattern": pattern})
    words = {"description": f"{{pattern: {pattern}}}"}
    assert told == {"type": "string"} | ({"pattern": pattern} if is_taken else words)


def test_maps_are_not_made_empty() -> None:
    """An object of any names would be closed to all of them: Claude says what is wrong with it."""
    schema = {"type": "object", "additionalProperties": {"type": "string"}}
    assert fit_schema(schema) == schema


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([*BOUNDS, *MAPS, *LISTS, "type", "items"]), inner)
    ),
    max_leaves=12,
)


@given(schema=st.dictionaries(st.sampled_from([*BOUNDS, *MAPS, "type", "items"]), JSON))
def test_nonsense_is_left_to_claude_to_refuse(schema: dict[str, Any]) -> None:
    assert isinstance(fit_schema(schema), dict)
