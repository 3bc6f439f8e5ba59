"""Model mapping is followed to its end, and refused where it has none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels_app.field_checks import check_mapping
from channels_app.mapping import MOST_HOPS, MappingCycle, resolve_model


@pytest.mark.parametrize(
    ("mapping", "end"),
    [
        ({}, "a"),
        ({"b": "c"}, "a"),
        ({"a": "a"}, "a"),
        ({"a": "b"}, "b"),
        ({"a": "b", "b": "c", "c": "c"}, "c"),
        ({str(n) if n else "a": str(n + 1) for n in range(MOST_HOPS)}, str(MOST_HOPS)),
    ],
)
def test_chain_is_followed_to_its_end(mapping: dict[str, str], end: str) -> None:
    assert resolve_model("a", mapping) == end


@pytest.mark.parametrize(
    "mapping",
    [
        {"a": "b", "b": "a"},
        {"a": "b", "b": "c", "c": "b"},
        {str(n) if n else "a": str(n + 1) for n in range(50)},
    ],
)
def test_mapping_without_end_is_refused_and_shown(mapping: dict[str, str]) -> None:
    with pytest.raises(MappingCycle, match="a -> "):
        resolve_model("a", mapping)
    with pytest.raises(ValueError, match=" -> "):
        check_mapping(mapping)


NAMES = st.sampled_from("abcdefg")


@given(mapping=st.dictionaries(NAMES, NAMES), model=NAMES)
def test_every_mapping_ends_or_is_refused(mapping: dict[str, str], model: str) -> None:
    try:
        end = resolve_model(model, mapping)
    except MappingCycle:
        with pytest.raises(MappingCycle):
            check_all(mapping)
        return
    assert mapping.get(end, end) == end


def check_all(mapping: dict[str, str]) -> None:
    for name in mapping:
        resolve_model(name, mapping)


@pytest.mark.parametrize("mapping", [[], "a", None, {"a": 1}, {"a": ""}, {"a": "x" * 256}])
def test_mapping_of_another_shape_is_refused(mapping: object) -> None:
    with pytest.raises(ValueError, match="must look like"):
        check_mapping(mapping)
