"""Which models the kinds of channels sell, and whose each model is."""

import csv
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

from channels_app.catalogue import Kind

_MODELS = Path(__file__).with_name("data") / "models.csv"
_RESELLERS = "aigc2d ails aiproxy api2gpt azure azure-v1 closeai ohmygpt openai-sb openaimax"
_SELLS_MODELS_OF = dict.fromkeys(_RESELLERS.split(" "), "openai") | {
    "bedrock": "anthropic",
    "vertex": "anthropic",
    "vertex-gemini": "gemini",
    "zai": "zhipu",
}


def default_models(kind: Kind) -> tuple[str, ...]:
    """The models offered when a channel of this kind is made; empty when nobody can know them."""
    offered = _models_of_kinds()
    return offered.get(kind.name) or offered.get(_SELLS_MODELS_OF.get(kind.name, ""), ())


def owner_of(model: str) -> str | None:
    """The name of the kind a model comes from: `owned_by` in the list of models."""
    return _owners_of_models().get(model)


def _read_models() -> Iterator[tuple[str, str, bool]]:
    with _MODELS.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            yield row["kind"], row["model"], row["offered"] == "1"


@cache
def _models_of_kinds() -> Mapping[str, tuple[str, ...]]:
    models: dict[str, list[str]] = {}
    for kind, model, is_offered in _read_models():
        if is_offered:
            models.setdefault(kind, []).append(model)
    return {kind: tuple(names) for kind, names in models.items()}


@cache
def _owners_of_models() -> Mapping[str, str]:
    owners: dict[str, str] = {}
    for kind, model, _is_offered in _read_models():
        owners.setdefault(model, kind)
    return owners
