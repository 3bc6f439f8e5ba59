"""Names of tools as each provider takes them."""

import re
from collections.abc import Iterable
from hashlib import sha256
from typing import NamedTuple

LONGEST = 64
"""OpenAI, DeepSeek, Qwen and Bedrock take no more; Anthropic and Google do, not all who copied them
(https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ToolSpecification.html).
"""
HEX = 8


class Alphabet:
    """What names begin with, and what they hold: sets of characters as in a regular expression."""

    def __init__(self, first: str, rest: str) -> None:
        self._first = re.compile(f"[{first}]")
        self._foreign = re.compile(f"[^{rest}]")
        self._name = re.compile(f"[{first}][{rest}]{{0,{LONGEST - 1}}}")

    def takes(self, name: str) -> bool:
        return self._name.fullmatch(name) is not None

    def spell(self, name: str) -> str:
        """The name in these letters, at whatever length."""
        told = self._foreign.sub("_", name)
        return told if self._first.match(told) else f"_{told}"


USUAL = Alphabet("a-zA-Z0-9_-", "a-zA-Z0-9_-")
"""OpenAI's, Anthropic's and Bedrock's."""
ALPHABETS = {
    "gemini": Alphabet("a-zA-Z_", "a-zA-Z0-9_.:-"),
    "cohere": Alphabet("a-zA-Z_", "a-zA-Z0-9_"),
}
"""https://ai.google.dev/api/caching#FunctionDeclaration, https://docs.cohere.com/reference/chat-v1"""


class Known(NamedTuple):
    """A tool as the client knows it."""

    namespace: str
    name: str

    @property
    def joined(self) -> str:
        """Most of Codex's namespaces end in the underscores that join them to a name."""
        if not self.namespace:
            return self.name
        return f"{self.namespace.removesuffix('__')}__{self.name}"


def name_all(known: Iterable[Known], alphabet: Alphabet) -> dict[Known, str]:
    """A name for each, and for each another one. Names that can stay do, whatever comes before
    them; one that is too long ends in a part of its hash.
    """
    known = list(known)
    sent = {one: one.name for one in known if not one.namespace and alphabet.takes(one.name)}
    taken = set(sent.values())
    for one in known:
        if one in sent:
            continue
        told = spelt = alphabet.spell(one.joined)
        digest = sha256(one.joined.encode("utf-8", "replace")).hexdigest()
        while len(told) > LONGEST or told in taken:
            told = f"{spelt[: LONGEST - HEX - 1]}_{digest[:HEX]}"
            digest = sha256(digest.encode()).hexdigest()
        sent[one] = told
        taken.add(told)
    return sent
