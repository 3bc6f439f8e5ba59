"""Takes secrets out of what is written into logs: whole, never their first letters."""

import re
from typing import Any

MASK = "***"
_MARKED = re.compile(
    # Keys that providers, payment services and we ourselves begin with a mark; JSON web tokens.
    r"\b(?:(?:sk|pk|rk|at|gsk|hf|xai|whsec|glpat|github_pat|gh[opsu]|xox[abprs])[-_][\w.-]{6,}"
    r"|(?:AIza|AKIA|ya29\.)[\w.-]{10,}|eyJ[\w-]{8,}\.[\w.-]+"
    # What stands for a key in our own pages.
    r"|web(?::|%3A)[\w-]+(?::|%3A)[\w+/=%]{20,})"
    r"|(?<=://)[^\s/@:]*:[^\s/@]+(?=@)"
)
_NAMES = (
    r"(?:[\w-]{0,40}(?:key|secret|token|password|passwd|passphrase|authorization|cookie|sessionid"
    r"|signature)[12]?|sign)"
)
_NAMED = re.compile(
    rf"(?P<name>(?<![\w-]){_NAMES}\\*[\"']?\s*[:=]\s*)(?:[\"']?(?:bearer|basic)\s+)?"
    r"(?:\\+\"[^\"]*\"|\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'|[^\s&\"',;)}\]]+)"
    r"|(?P<bare>\b(?:bearer|basic)\s+)[\w.~+/=-]{6,}",
    re.IGNORECASE,
)
_NAME = re.compile(_NAMES, re.IGNORECASE)
_CARD = re.compile(r"(?<![\w.-])\d(?:[ -]?\d){12,18}(?![\w.-])")


def mask_text(text: str) -> str:
    """Keys by their mark, values after the name of a secret, passwords in URLs, card numbers."""
    text = _NAMED.sub(lambda found: f"{found['name'] or found['bare']}{MASK}", text)
    text = _MARKED.sub(MASK, text)
    return _CARD.sub(lambda found: MASK if _is_card(found[0]) else found[0], text)


def mask_value(value: Any, name: str = "") -> Any:
    """The same in all texts of a value, and whole under the name of a secret."""
    if isinstance(value, str):
        return MASK if value and _NAME.fullmatch(name) else mask_text(value)
    if isinstance(value, bytes):
        return mask_value(value.decode(errors="replace"), name)
    if isinstance(value, dict):
        return {mask_text(str(key)): mask_value(one, str(key)) for key, one in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [mask_value(one, name) for one in value]
    return (
        value if value is None or isinstance(value, bool | int | float) else mask_text(str(value))
    )


def _is_card(text: str) -> bool:
    """By its check digit, so that times and units stay readable."""
    digits = [int(digit) for digit in reversed(text) if digit.isdigit()]
    doubled = (sum(divmod(2 * digit, 10)) for digit in digits[1::2])
    return (sum(digits[::2]) + sum(doubled)) % 10 == 0
