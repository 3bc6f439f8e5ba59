"""What any client asks of any model, free of any dialect: the middle that all dialects meet in.

Parts of turns are what is said, shown, thought, called and answered. What only one dialect knows
travels as Opaque, ServerTool or in `extra`: back into the same dialect it is put as it came, into
another it is dropped and named.
"""

from typing import Any, Literal

import msgspec

CacheTtl = Literal["", "5m", "1h"]
Role = Literal["system", "developer", "user", "assistant"]
ToolMode = Literal["auto", "none", "required", "tool", "allowed"]
OutputKind = Literal["text", "json", "schema"]


class BadConversation(ValueError):
    """The client's request can't be understood; `field` is the path of what is wrong."""

    def __init__(self, field: str, problem: str = "has the wrong type") -> None:
        super().__init__(f"{field} {problem}")
        self.field = field
        self.problem = problem


class Text(msgspec.Struct, omit_defaults=True):
    """Words. `citations` are kept as their dialect wrote them."""

    text: str
    cache: CacheTtl = ""
    citations: list[Any] = []


class Image(msgspec.Struct, omit_defaults=True):
    """A picture: base64 `data` with its media type, or a `url`, or a provider's file."""

    media_type: str = ""
    data: str = ""
    url: str = ""
    file_id: str = ""
    detail: str = ""
    cache: CacheTtl = ""


class Audio(msgspec.Struct, omit_defaults=True):
    """Sound: base64 `data` in `format` (wav, mp3 …); `id` names an answer's sound in later
    turns.
    """

    data: str = ""
    format: str = ""
    transcript: str = ""
    id: str = ""


class File(msgspec.Struct, omit_defaults=True):
    """A document: base64 `data`, a `url`, plain `text`, or a provider's file."""

    media_type: str = ""
    data: str = ""
    url: str = ""
    text: str = ""
    file_id: str = ""
    name: str = ""
    cache: CacheTtl = ""
    extra: dict[str, Any] = {}


class Thinking(msgspec.Struct, omit_defaults=True):
    """What the model thought, with the provider's signature over it (Claude's `signature`,
    Gemini's `thoughtSignature`, the encrypted content of Responses); `redacted` is a whole thought
    that nobody may read.
    """

    text: str = ""
    signature: str = ""
    redacted: str = ""
    id: str = ""


class ToolCall(msgspec.Struct, omit_defaults=True):
    """The model wants a tool to run. `arguments` is JSON text (free text for a custom tool);
    `signature` Gemini's thought signature of this call, `namespace` as its tool has it.
    """

    id: str
    name: str
    arguments: str = ""
    signature: str = ""
    is_custom: bool = False
    cache: CacheTtl = ""
    namespace: str = ""


class ToolResult(msgspec.Struct, omit_defaults=True):
    """What a tool answered; `name` only where the dialect tells it."""

    call_id: str
    parts: list["Text | Image | File | Opaque"]
    name: str = ""
    is_error: bool = False
    is_custom: bool = False
    cache: CacheTtl = ""


class Refusal(msgspec.Struct, omit_defaults=True):
    """The model's refusal in its own words."""

    text: str


class Opaque(msgspec.Struct, omit_defaults=True):
    """A part that only `dialect` knows, as it came."""

    dialect: str
    value: Any


class MoreTools(Opaque, omit_defaults=True):
    """Tools that are declared in the middle of the conversation; for others than `dialect` they
    stand with the rest.
    """

    tools: list["Tool | ServerTool"] = []


Part = Text | Image | Audio | File | Thinking | ToolCall | ToolResult | Refusal | Opaque


class Turn(msgspec.Struct, omit_defaults=True):
    """One message. Tool results stand in user turns. Neighbours may have the same role: who can't
    send that merges them.
    """

    role: Role
    parts: list[Part]
    name: str = ""
    id: str = ""


class Tool(msgspec.Struct, omit_defaults=True):
    """A function that the model may call; `parameters` is its JSON schema. A custom tool takes free
    text, `extra` holds its grammar. Names are told apart within their `namespace`.
    """

    name: str
    description: str = ""
    parameters: dict[str, Any] | None = None
    strict: bool | None = None
    is_custom: bool = False
    cache: CacheTtl = ""
    extra: dict[str, Any] = {}
    namespace: str = ""


class ServerTool(msgspec.Struct, omit_defaults=True):
    """A tool that the provider runs itself. `kind` is web_search, code_execution, url_context,
    file_search, … or the dialect's own name; `value` is the declaration as its dialect wrote it,
    None when the gateway adds the tool.
    """

    kind: str
    dialect: str = ""
    value: Any = None


class Namespace(ServerTool, omit_defaults=True):
    """Tools that their dialect declares together; for others `tool_names` takes them apart."""

    tools: list[Tool] = []


class ToolChoice(msgspec.Struct, omit_defaults=True):
    """Whether and which tools are called; `names` for mode tool (one) and allowed (several)."""

    mode: ToolMode
    names: list[str] = []
    must_call: bool = False


class Reasoning(msgspec.Struct, omit_defaults=True):
    """How much thinking: by `effort` (none, minimal, low, medium, high, xhigh, max) or by a
    `budget` of tokens; None where the client left it to the model.
    """

    is_enabled: bool | None = None
    effort: str | None = None
    budget: int | None = None
    is_adaptive: bool = False
    shows: bool | None = None
    summary: str | None = None


class OutputFormat(msgspec.Struct, omit_defaults=True):
    """What the answer must look like."""

    kind: OutputKind
    name: str = ""
    schema: dict[str, Any] | None = None
    strict: bool | None = None
    description: str = ""


class Conversation(msgspec.Struct, omit_defaults=True):
    """A request for text. `dialect` is where it came from; `extra` its top-level fields that have
    no place here, as decoded JSON. `begins_answer`: the last turn is the beginning of the answer.
    """

    dialect: str
    model: str
    turns: list[Turn]
    is_stream: bool = False
    tools: list[Tool | ServerTool] = []
    tool_choice: ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    stop: list[str] = []
    seed: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    choices: int | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None
    reasoning: Reasoning | None = None
    output: OutputFormat | None = None
    verbosity: str | None = None
    user: str | None = None
    service_tier: str | None = None
    metadata: dict[str, Any] = {}
    modalities: list[str] = []
    begins_answer: bool = False
    extra: dict[str, Any] = {}


def media_of(conversation: Conversation) -> list[Image | File]:
    """All pictures and documents, also those inside tool results: what may have to be fetched."""
    found: list[Image | File] = []
    for turn in conversation.turns:
        for part in turn.parts:
            inside = part.parts if isinstance(part, ToolResult) else [part]
            found += [item for item in inside if isinstance(item, Image | File)]
    return found
