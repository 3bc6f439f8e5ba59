"""Whose signature a thought bears: a provider refuses what it did not sign itself.

A client that talks to models of several providers in one conversation sends all thoughts back to
whoever answers next. So a signature that goes to a client of another dialect is marked with the
family of its signer, and an unsigned thought with a mark alone. The marks are base64, for clients
that read signatures as bytes.
"""

MARK = "cApi"
RESELLERS = frozenset(
    {
        "aigc2d",
        "aiproxy",
        "api2gpt",
        "closeai",
        "custom",
        "newapi",
        "ohmygpt",
        "oneapi",
        "openai-compatible",
        "openai-sb",
        "openaimax",
        "openrouter",
        "unknown",
    }
)
"""Kinds that may have anybody's models behind Chat Completions."""
TAKES_SIGNED_CALLS = RESELLERS | {"gemini"}
"""Where Google's models may be; others refuse a call's
`extra_content` (https://ai.google.dev/gemini-api/docs/thought-signatures).
"""
_FAMILIES = {"anthropic": "Anth", "converse": "Anth", "responses": "Resp", "gemini": "Goog"}
_OTHERS = "Else"
_LENGTH = len(MARK) + len(_OTHERS)


def mark(signature: str, signer: str, dialect: str) -> str:
    """A signature by a provider of the dialect `signer`, for clients of `dialect`; '' for a signer
    that is not known marks nothing.
    """
    if not signer or _family_of(signer) == _family_of(dialect):
        return signature
    return MARK + _family_of(signer) + signature


def own_signature(signature: str, source: str, provider: str) -> str:
    """What of a signature, sent by a client of the dialect `source`, a provider of the dialect
    `provider` takes back; '' where somebody else signed.
    """
    if not is_marked(signature):
        return signature if _family_of(source) == _family_of(provider) else ""
    is_own = signature[len(MARK) : _LENGTH] == _family_of(provider)
    return signature[_LENGTH:] if is_own else ""


def is_marked(signature: str) -> bool:
    return signature.startswith(MARK)


def bears_foreign_signatures(content: bytes, dialect: str, kind: str) -> bool:
    """Whether messages, JSON in a client's dialect, hold what a provider of this dialect and kind
    would refuse, because another one signed it.
    """
    if dialect == "openai":
        return kind not in TAKES_SIGNED_CALLS and b'"extra_content"' in content
    return b'"cApi' in content or b'"redacted_thinking:' in content


def _family_of(dialect: str) -> str:
    return _FAMILIES.get(dialect, _OTHERS)
