"""Our own count of a conversation, for ceilings, and for providers that report no usage. Pure but
for the tokenizer.

Audio is counted by its duration, as the existing product does: 1000 tokens for 36 seconds of
input, half of that for output.
"""

from typing import Any

import msgspec

from billing.pricing import Consumption
from channels_app.tokens import count_tokens_aside
from relay.realtime.events import ClientEvent, ServerEvent, base64_bytes, read_value
from relay.realtime.usage import Report

MOST_TEXT = 64 * 1024
"""Characters kept for counting; what is beyond is taken for the same kind of text."""
PCM_RATE = 24_000
PHONE_BYTES = 8_000
IMAGE_TOKENS = 1105
IN_TOKENS, OUT_TOKENS, PER_SECONDS = 250, 125, 9
BYTES_PER_TOKEN = 4


class Text:
    """Text that may have to be counted; bounded."""

    __slots__ = ("_parts", "kept", "size")

    def __init__(self) -> None:
        self._parts: list[str] = []
        self.kept = 0
        self.size = 0

    def add(self, text: str) -> None:
        self.size += len(text)
        if self.kept < MOST_TEXT:
            self._parts.append(text)
            self.kept += len(text)

    def guess(self) -> int:
        return -(-self.size // BYTES_PER_TOKEN)

    def read(self) -> str:
        return "".join(self._parts)

    async def count(self, model: str) -> int:
        if not self.size:
            return 0
        counted = await count_tokens_aside(model, self.read())
        return counted * self.size // self.kept


class Output:
    """What one response has produced so far."""

    __slots__ = ("audio_bytes", "is_done", "text")

    def __init__(self) -> None:
        self.text = Text()
        self.audio_bytes = 0
        self.is_done = False

    @property
    def is_empty(self) -> bool:
        return not (self.text.size or self.audio_bytes)


class Conversation:
    """What the model reads with its next response: `text`, `audio` and `images` in tokens are
    known, the rest came since and is not counted yet. `copy` gets all text, too.
    """

    def __init__(self, copy: Text | None = None) -> None:
        self._copy = copy
        self.text = self.audio = self.images = 0
        self._fresh = Text()
        self._buffered = 0
        self._in_rate = self._out_rate = 2 * PCM_RATE
        self._instructions = ""
        self.transcriber = ""

    # --- What goes by ---

    def note_client(self, event: ClientEvent) -> None:
        match event.type:
            case "input_audio_buffer.append":
                self._buffered += base64_bytes(event.audio)
            case "conversation.item.create":
                self._add_item(read_value(event.item))
            case "response.create":
                match read_value(event.response):
                    case {"instructions": str(words)}:
                        self._read(words)

    def note_server(self, event: ServerEvent) -> None:
        match event.type:
            case "input_audio_buffer.committed":
                self._add_audio(self._buffered)
                self._buffered = 0
            case "input_audio_buffer.cleared":
                self._buffered = 0
            case "session.created" | "session.updated" | "transcription_session.updated":
                self._read_session(read_value(event.session))

    def note_report(self, report: Report) -> None:
        """The provider knows best; what it has answered is read again with the next response."""
        self.audio = report.audio_in + report.audio_out
        self.images = report.image_in
        self.text = report.input + report.output - self.audio - self.images
        self._fresh = Text()

    async def count(self, model: str, output: Output) -> Consumption:
        """A response that was not reported: what went in and came out. Its own answer counts as
        read from then on.
        """
        fresh, self._fresh = self._fresh, Text()
        try:
            self.text += await fresh.count(model)
        except BaseException:
            self.text += fresh.guess()
            raise
        written = await output.text.count(model)
        return self._add_output(written, output)

    def guess(self, output: Output) -> Consumption:
        """As `count`, without waiting, and nothing changes."""
        spoken = self.tokens_spoken(output)
        prompt = self.expect()
        return msgspec.structs.replace(
            prompt,
            prompt_tokens=max(prompt.prompt_tokens, 1),
            completion_tokens=output.text.guess() + spoken,
            audio_output_tokens=spoken,
        )

    def expect(self) -> Consumption:
        """What the next response will read."""
        return Consumption(
            prompt_tokens=self.text + self._fresh.guess() + self.audio + self.images,
            audio_input_tokens=self.audio,
            image_input_tokens=self.images,
        )

    def tokens_spoken(self, output: Output) -> int:
        return output.audio_bytes * OUT_TOKENS // (PER_SECONDS * self._out_rate)

    # --- How ---

    def _add_output(self, written: int, output: Output) -> Consumption:
        spoken = self.tokens_spoken(output)
        consumption = Consumption(
            prompt_tokens=max(self.text + self.audio + self.images, 1),
            completion_tokens=written + spoken,
            audio_input_tokens=self.audio,
            image_input_tokens=self.images,
            audio_output_tokens=spoken,
        )
        self.text += written
        self.audio += spoken
        return consumption

    def _read(self, words: str) -> None:
        """Apart from what was before."""
        self._fresh.add(f" {words}")
        if self._copy is not None:
            self._copy.add(f"{words}\n")

    def _add_audio(self, count: int) -> None:
        self.audio += count * IN_TOKENS // (PER_SECONDS * self._in_rate)

    def _add_item(self, item: Any) -> None:
        if not isinstance(item, dict):
            return
        for name in ("name", "arguments", "output"):
            if isinstance(item.get(name), str):
                self._read(item[name])
        parts = item.get("content")
        for part in parts if isinstance(parts, list) else ():
            match part:
                case {"type": "input_audio" | "output_audio" | "audio", "audio": str(data)}:
                    self._add_audio(len(data) * 3 // 4)
                case {"type": "input_image"}:
                    self.images += IMAGE_TOKENS
                case {"text": str(words)} | {"transcript": str(words)}:
                    self._read(words)

    def _read_session(self, session: Any) -> None:
        """Formats, the transcriber, and the instructions, in the forms of either generation."""
        if not isinstance(session, dict):
            return
        audio = session.get("audio")
        inputs, outputs = (_inside(audio, side) for side in ("input", "output"))
        self._in_rate = _rate(inputs.get("format"), session.get("input_audio_format"))
        self._out_rate = _rate(outputs.get("format"), session.get("output_audio_format"))
        for found in (inputs.get("transcription"), session.get("input_audio_transcription")):
            match found:
                case {"model": str(name)}:
                    self.transcriber = name
        words = str(session.get("instructions") or "")
        tools = session.get("tools")
        if tools:
            words += msgspec.json.encode(tools).decode()
        if words != self._instructions:
            self._instructions = words
            self._read(words)


def _inside(value: Any, name: str) -> dict[str, Any]:
    found = value.get(name) if isinstance(value, dict) else None
    return found if isinstance(found, dict) else {}


def _rate(new: Any, old: Any) -> int:
    """Bytes per second of an audio format: {"type": "audio/pcm", "rate": 24000}, or "pcm16"."""
    match new:
        case {"type": "audio/pcmu" | "audio/pcma"}:
            return PHONE_BYTES
        case {"rate": int(rate)} if 8_000 <= rate <= 192_000:
            return 2 * rate
        case _:
            pass
    is_phone = isinstance(old, str) and old.startswith("g711")
    return PHONE_BYTES if is_phone else 2 * PCM_RATE
