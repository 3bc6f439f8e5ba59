"""What OpenAI's models take, by their names. Pure.

https://developers.openai.com/api/docs/guides/reasoning and the page of each model;
https://developers.openai.com/api/docs/guides/latest-model
"""

import re
from functools import lru_cache
from typing import Any

from channels_app.dialects.dialect import Target

OPENAI_KINDS = frozenset({"openai", "azure", "azure-v1"})
"""Who has OpenAI's own models and refuses what they don't take."""
EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
SAMPLING = {"temperature": 1, "top_p": 1, "logprobs": False, "top_logprobs": 0}
"""What the words of sampling are where nobody says anything."""
COMMON_EFFORTS = ("low", "medium", "high")
THINKERS = re.compile(r"o[1-9]|gpt-(?:[5-9]|\d\d|oss)|codex")
"""How the names of models that think begin."""
_VERSION = re.compile(r"gpt-(\d+)(?:\.(\d+))?")
_DULL = re.compile(r"-chat|-search|^o1-(?:mini|preview)")
"""Of these, who takes no effort, or one alone."""
_IDLE = re.compile(r"gpt-5\.[1-4]")
"""Who doesn't think unless asked."""
_NEVER_IDLE = re.compile(r"codex|-astra|gpt-6\.1-sol")


def is_new_model(model: str) -> bool:
    """Whether it refuses `max_tokens` and wants `max_completion_tokens`."""
    name = _bare(model)
    return THINKERS.match(name) is not None and not name.startswith("gpt-oss")


@lru_cache(maxsize=512)
def efforts_of(model: str) -> tuple[str, ...]:
    """The efforts that it takes, least first; none for a model that doesn't think."""
    name = _bare(model)
    if not THINKERS.match(name) or _DULL.search(name):
        return ()
    if "deep-research" in name:
        return ("medium",)
    found = _VERSION.match(name)
    if found is None:
        return COMMON_EFFORTS
    version = (int(found[1]), int(found[2] or 0))
    if "-pro" in name:
        return ("high",) if version == (5, 0) else ("medium", "high", "xhigh")
    least: tuple[str, ...] = ("none",) if version > (5, 0) else ("minimal",)
    if _NEVER_IDLE.search(name):
        least = ()
    most: tuple[str, ...] = ("xhigh",) if version > (5, 1) or "codex-max" in name else ()
    if version > (5, 5):
        most += ("max",)
    return least + COMMON_EFFORTS + most


def thinks(model: str, effort: str | None) -> bool:
    """Whether it thinks when it is told this effort, or none at all."""
    known = efforts_of(model)
    return (
        bool(known)
        and effort != "none"
        and not (effort is None and known[0] == "none" and _IDLE.match(_bare(model)))
    )


def nearest_effort(effort: str, known: tuple[str, ...]) -> str:
    """The one of `known` next below, or else the least: who asks for some thinking gets some. A
    word that is not known stays.
    """
    if effort not in EFFORTS or effort in known:
        return effort
    some = [name for name in known if name != "none"]
    below = [name for name in some if EFFORTS.index(name) < EFFORTS.index(effort)]
    return below[-1] if below else some[0]


def drop_sampling(
    body: dict[str, Any], target: Target, effort: str | None, dropped: list[str]
) -> None:
    """OpenAI refuses it of a model that thinks, in Responses also the usual 1:
    https://developers.openai.com/api/docs/guides/deployment-checklist
    """
    if target.kind in OPENAI_KINDS and thinks(target.model, effort):
        for name, usual in SAMPLING.items():
            if body.pop(name, usual) != usual:
                dropped.append(name)


def _bare(model: str) -> str:
    """Resellers name the vendor too: openai/gpt-5; ft:o4-mini:me::1 was tuned."""
    return model.lower().rpartition("/")[2].removeprefix("ft:")
