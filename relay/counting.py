"""Our own count of what a call consumed, for providers that report nothing, or nonsense."""

from typing import Any

import msgspec

from billing.pricing import Consumption
from channels_app.dialects.consumed import Consumed
from channels_app.tokens import count_tokens_aside, guess_tokens
from relay.request import CONTENT, CallRequest

MESSAGE_TOKENS = 3
MEDIA_TOKENS = 1105
"""An image of usual size in high detail, by OpenAI's rule."""
MOST_REASONING = 262_144
HIDDEN_PROMPT = 32_768
"""What providers may add to a prompt by themselves: search results, system texts of tools."""


PROMPT_FIELDS = {
    "chat": ("messages", "tools", "functions"),
    "completions": ("prompt", "suffix"),
    "edits": ("input", "instruction"),
    "responses": ("instructions", "input", "tools"),
    "messages": ("system", "messages", "tools"),
    "generate": ("systemInstruction", "system_instruction", "contents", "tools"),
}
"""What of a request the model reads."""
NOT_READ = frozenset(
    {
        "image_url",
        "input_audio",
        "file",
        "file_data",
        "source",
        "inlineData",
        "inline_data",
        "fileData",
        "signature",
        "thoughtSignature",
        "encrypted_content",
        "cache_control",
        "type",
        "role",
    }
)
MEDIA_MARKS = (
    (b'"image_url"', 2),
    (b'"input_audio"', 2),
    (b'"file"', 2),
    (b'"input_image"', 1),
    (b'"input_file"', 1),
    (b'"source"', 1),
    (b'"inlineData"', 1),
    (b'"inline_data"', 1),
    (b'"fileData"', 1),
)
"""What stands how often in a request for one picture, sound or document."""


HELD_ELSEWHERE = ("previous_response_id", "conversation", "prompt", "cachedContent")


def is_plausible(used: Consumed, request: CallRequest, most_output: int | None) -> bool:
    """Whether a report can be true: not nothing, and not beyond what went in and could come out."""
    if request.media is not None:
        return request.media.can_have_used(used)
    if used.prompt_tokens == 0 and used.completion_tokens == 0:
        return False
    if any(name in request.fields for name in HELD_ELSEWHERE):
        # The provider holds most of the conversation: only it knows how long that is.
        return used.completion_tokens <= _most_output(request, most_output)
    most_prompt = 4 * request.body_bytes + HIDDEN_PROMPT
    if (
        used.prompt_tokens > most_prompt
        and used.prompt_tokens > most_prompt + 100_000 * media_count(request)
    ):
        return False
    return used.completion_tokens <= _most_output(request, most_output)


def _most_output(request: CallRequest, most_output: int | None) -> int:
    return max(4 * (most_output or 0) + 1000, MOST_REASONING * request.choices)


def as_consumption(used: Consumed) -> Consumption:
    return Consumption(*msgspec.structs.astuple(used.checked()))


async def count_consumption(
    request: CallRequest, answer: str, *, more_bytes: int = 0
) -> Consumption:
    """Prompt and answer counted by us; `more_bytes` is what the answer had beyond the kept text."""
    text = prompt_text(request)
    media = media_count(request)
    if text is None:
        prompt = guess_tokens(request.body_bytes)
    else:
        lines = text.count("\n") + 1 if request.has_output else 0
        prompt = (
            await count_tokens_aside(request.model, text)
            + MESSAGE_TOKENS * lines
            + media * MEDIA_TOKENS
        )
    completion = await count_answer(request, answer, more_bytes=more_bytes)
    return Consumption(prompt_tokens=max(prompt, 1), completion_tokens=completion)


async def count_answer(request: CallRequest, answer: str, *, more_bytes: int = 0) -> int:
    if not answer:
        return 0
    counted = await count_tokens_aside(request.model, answer)
    if more_bytes:
        counted += counted * more_bytes // max(len(answer.encode("utf-8", "replace")), 1)
    return counted


def guess_consumption(request: CallRequest, answer_bytes: int) -> Consumption:
    """Without any waiting, when there is no time left to count."""
    return Consumption(
        guess_tokens(request.body_bytes), guess_tokens(answer_bytes) if answer_bytes else 0
    )


def guess_prompt(request: CallRequest) -> int:
    """Near the truth rather than generous, without counting: pictures by number, not bytes."""
    media = media_count(request)
    text = prompt_text(request) if media else None
    size = request.body_bytes if text is None else len(text)
    return size // 4 + 1 + media * MEDIA_TOKENS


def prompt_text(request: CallRequest) -> str | None:
    """What the model reads, one message per line; None when it can't be told."""
    names = PROMPT_FIELDS.get(request.endpoint, ("input",))
    parts: list[str] = []
    for name in names:
        raw = request.fields.get(name)
        if raw is None:
            continue
        try:
            _collect(msgspec.json.decode(raw), parts)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None
    return "\n".join(parts)


def _collect(value: Any, parts: list[str]) -> None:
    """All texts; links and data of media are left out, token ids count as a word each."""
    if isinstance(value, str):
        parts.append(value)
    elif isinstance(value, list):
        if value and all(isinstance(item, int) for item in value):
            parts.append(" a" * len(value))
            return
        for item in value:
            _collect(item, parts)
    elif isinstance(value, dict):
        for name, item in value.items():
            if name not in NOT_READ:
                _collect(item, parts)


def media_count(request: CallRequest) -> int:
    """About how many pictures, sounds and documents the request holds."""
    raw = request.fields.get(CONTENT.get(request.endpoint, "input"))
    if raw is None:
        return 0
    data = bytes(raw)
    return sum(data.count(mark) // per_one for mark, per_one in MEDIA_MARKS)
