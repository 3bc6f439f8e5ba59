"""How to call this gateway: snippets to copy, with the site's own address in them."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext_lazy as _

from chatapi.web.chat_models import choose_example

KEY = "sk-your-key"
COLOURED = re.compile(
    r"""(?P<s>"[^"\n]*"|'[^'\n]*')|(?P<c>^(?:#|//).*$)"""
    r"""|(?P<k>\b(?:await|const|curl|export|for|from|if|import|in|new|or|True)\b)""",
    re.MULTILINE,
)
"""Strings, comments and words of the languages, each named as its class in user.css."""


@dataclass(frozen=True, slots=True)
class Snippet:
    """A piece of code with a title; `<ROOT>` in it stands for the site's address, `<MODEL>` for
    the model, which is `model` where that is served.
    """

    name: str
    title: Any
    model: str
    text: str
    note: Any = ""

    def at(self, root: str, key: str = KEY, served: Sequence[str] = ()) -> str:
        """As it works here; `served` are the models that its reader can call, if known."""
        model = choose_example(self.model, served)
        text = self.text.replace("<ROOT>", root).replace("<KEY>", key)
        return text.replace("<MODEL>", model)


CODE = (
    Snippet(
        "curl",
        "curl",
        "gpt-4o-mini",
        """curl <ROOT>/v1/chat/completions \\
  -H "Authorization: Bearer <KEY>" \\
  -H "Content-Type: application/json" \\
  -d '{"model": "<MODEL>", "messages": [{"role": "user", "content": "Hello!"}]}'
""",
    ),
    Snippet(
        "python-openai",
        "Python · OpenAI",
        "gpt-4o-mini",
        """# pip install openai
from openai import OpenAI

client = OpenAI(base_url="<ROOT>/v1", api_key="<KEY>")
stream = client.chat.completions.create(
    model="<MODEL>",
    messages=[{"role": "user", "content": "Hello!"}],
    stream=True,
)
for chunk in stream:
    if chunk.choices:
        print(chunk.choices[0].delta.content or "", end="", flush=True)
""",
    ),
    Snippet(
        "python-anthropic",
        "Python · Anthropic",
        "claude-sonnet-4-5",
        """# pip install anthropic
from anthropic import Anthropic

client = Anthropic(base_url="<ROOT>", api_key="<KEY>")
message = client.messages.create(
    model="<MODEL>",
    max_tokens=1024,
    messages=[{"role": "user", "content": "Hello!"}],
)
print(message.content[0].text)
""",
        _("The base URL is the address of this site, without /v1."),
    ),
    Snippet(
        "python-gemini",
        "Python · Gemini",
        "gemini-2.5-flash",
        """# pip install google-genai
from google import genai
from google.genai import types

client = genai.Client(api_key="<KEY>", http_options=types.HttpOptions(base_url="<ROOT>"))
answer = client.models.generate_content(model="<MODEL>", contents="Hello!")
print(answer.text)
""",
        _("The base URL is the address of this site, without /v1."),
    ),
    Snippet(
        "node",
        "Node.js · OpenAI",
        "gpt-4o-mini",
        """// npm install openai
import OpenAI from "openai";

const client = new OpenAI({ baseURL: "<ROOT>/v1", apiKey: "<KEY>" });
const answer = await client.chat.completions.create({
  model: "<MODEL>",
  messages: [{ role: "user", content: "Hello!" }],
});
console.log(answer.choices[0].message.content);
""",
    ),
    Snippet(
        "claude-code",
        "Claude Code",
        "claude-sonnet-4-5",
        """export ANTHROPIC_BASE_URL=<ROOT>
export ANTHROPIC_AUTH_TOKEN=<KEY>
export ANTHROPIC_MODEL=<MODEL>
export ANTHROPIC_DEFAULT_HAIKU_MODEL=<MODEL>
claude
""",
    ),
    Snippet(
        "codex",
        "Codex",
        "gpt-5-codex",
        """# ~/.codex/config.toml; then: export GATEWAY_KEY=<KEY>
model = "<MODEL>"
model_provider = "gateway"

[model_providers.gateway]
name = "Gateway"
base_url = "<ROOT>/v1"
env_key = "GATEWAY_KEY"
wire_api = "responses"
""",
    ),
)
FIRST = ("curl", "python-openai", "node")

CLIENTS = (
    ("Cherry Studio", "<ROOT>", _("Provider of type OpenAI: API host")),
    ("NextChat", "<ROOT>", _("Settings, custom endpoint: endpoint")),
    ("LobeChat", "<ROOT>/v1", _("Settings, OpenAI: API proxy address")),
    ("Open WebUI", "<ROOT>/v1", _("Admin settings, connections, OpenAI API: URL")),
    ("Cline, Roo Code", "<ROOT>/v1", _("Provider “OpenAI Compatible”: base URL")),
)
"""Programs, what they want as an address, and where they ask for it."""


def colour(text: str) -> SafeString:
    """A snippet as HTML, with its strings, comments and words in colours."""
    return mark_safe("".join(_colour(text)))  # noqa: S308 -- every piece is escaped below


def _colour(text: str) -> Iterator[str]:
    end = 0
    for found in COLOURED.finditer(text):
        yield escape(text[end : found.start()])
        yield f'<span class="{found.lastgroup}">{escape(found[0])}</span>'
        end = found.end()
    yield escape(text[end:])


@dataclass(frozen=True, slots=True)
class Example:
    """A snippet as a page shows it."""

    name: str
    title: Any
    html: SafeString
    note: Any

    @property
    def language(self) -> str:
        """The title without the library, for a narrow tab."""
        return str(self.title).partition(" · ")[0]


def read_examples(root: str, key: str = KEY, served: Sequence[str] = ()) -> list[Example]:
    """All snippets, as they work for a reader who can call these models."""
    return [
        Example(one.name, one.title, colour(one.at(root, key, served)), one.note) for one in CODE
    ]


def read_first_examples(root: str, key: str = KEY, served: Sequence[str] = ()) -> list[Example]:
    """Those for a first call: one for each shell or language."""
    return [one for one in read_examples(root, key, served) if one.name in FIRST]
