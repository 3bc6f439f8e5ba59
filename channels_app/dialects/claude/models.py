"""What a Claude model takes, by its name: nearly every generation changed what it refuses."""

import re
from dataclasses import dataclass
from functools import lru_cache

_NEW_NAME = re.compile(r"claude-([a-z]+)-(\d{1,2})(?!\d)(?:[-.](\d{1,2})(?!\d))?")
_OLD_NAME = re.compile(r"claude-(\d{1,2})(?:[-.](\d{1,2}))?-([a-z]+)")
_ALWAYS_THINKING = frozenset({"fable", "mythos"})
_UNKNOWN = ("", (4, 0))


@dataclass(frozen=True, slots=True)
class Traits:
    """Limits of a model; the defaults are for others' models behind this dialect."""

    is_claude: bool = False
    can_think: bool = True
    is_adaptive: bool = False
    takes_budget: bool = True
    thinks_unasked: bool = False
    can_stop_thinking: bool = True
    stop_type: str = "disabled"
    """The `thinking.type` that stops it where it can be stopped."""
    takes_sampling: bool = True
    takes_both_samplings: bool = True
    """temperature beside top_p."""
    takes_forced_tools: bool = True
    forces_tools_while_adaptive: bool = False
    takes_system_turns: bool = False
    takes_schema: bool = True
    takes_beginning: bool = False
    """A last turn of the assistant is where its answer begins."""
    efforts: tuple[str, ...] = ()
    most_output: int | None = None
    """Only where a budget of thinking may need more than the client asked for."""


_OTHERS = Traits()


@lru_cache(maxsize=512)
def traits_of(model: str) -> Traits:
    """https://platform.claude.com/docs/en/build-with-claude/adaptive-thinking,
    https://platform.claude.com/docs/en/build-with-claude/effort,
    https://platform.claude.com/docs/en/about-claude/models/whats-new-claude-4-6#prefill-removal,
    https://platform.claude.com/docs/en/models/opus-5-5/migration-guide and its neighbours.
    """
    name = model.lower()
    if "claude" not in name:
        return _OTHERS
    family, version = _family_of(name)
    is_always = family in _ALWAYS_THINKING
    is_opus = family == "opus"
    is_fifth = is_always or version >= (5, 0)
    only_adaptive = is_fifth or (is_opus and version >= (4, 7))
    is_adaptive = only_adaptive or version >= (4, 6)
    is_newest = version >= (5, 5) and family != "haiku"
    has_notes_only = family == "sonnet" and is_newest
    return Traits(
        is_claude=True,
        can_think=version >= (3, 7),
        is_adaptive=is_adaptive,
        takes_budget=not only_adaptive,
        thinks_unasked=is_fifth,
        can_stop_thinking=has_notes_only or not (is_always or is_newest),
        stop_type="between_tools" if has_notes_only else "disabled",
        takes_sampling=not only_adaptive,
        takes_both_samplings=version < (4, 1),
        takes_forced_tools=not (is_newest or (is_always and version >= (5, 1))),
        forces_tools_while_adaptive=is_fifth or (is_opus and version >= (4, 8)),
        takes_system_turns=is_always or version >= (5, 5) or (is_opus and version >= (4, 8)),
        takes_schema=version >= (4, 5) or (is_opus and version >= (4, 1)),
        takes_beginning=not is_adaptive,
        efforts=_efforts(
            is_adaptive=is_adaptive,
            has_xhigh=only_adaptive,
            is_early=is_opus and version == (4, 5),
        ),
        most_output=32000 if is_opus and version < (4, 5) else 64000,
    )


def _efforts(*, is_adaptive: bool, has_xhigh: bool, is_early: bool) -> tuple[str, ...]:
    if has_xhigh:
        return ("low", "medium", "high", "xhigh", "max")
    if is_adaptive:
        return ("low", "medium", "high", "max")
    return ("low", "medium", "high") if is_early else ()


def _family_of(name: str) -> tuple[str, tuple[int, int]]:
    """claude-opus-4-6-20260205, anthropic.claude-opus-4-6-v1, claude-opus-4.6, claude-3-7-sonnet:
    (family, version).
    """
    if found := _NEW_NAME.search(name):
        family, major, minor = found.groups()
        return family, (int(major), int(minor or 0))
    if found := _OLD_NAME.search(name):
        major, minor, family = found.groups()
        return family, (int(major), int(minor or 0))
    if "mythos" in name or "fable" in name:
        return "mythos", (5, 0)
    return _UNKNOWN
