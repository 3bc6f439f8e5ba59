"""Deltas become the items of an answer, and the events that tell of them."""

from channels_app.dialects.reply import (
    AudioDelta,
    CitationDelta,
    Delta,
    ImageDelta,
    LogprobsDelta,
    OpaqueDelta,
    RedactedDelta,
    RefusalDelta,
    SignatureDelta,
    TextDelta,
    ThinkingDelta,
    ToolDelta,
    ToolStarted,
)
from channels_app.dialects.responses.annotations import tokens_of
from channels_app.dialects.responses.open_items import (
    Call,
    Event,
    Item,
    Message,
    Thought,
    event_of,
)
from channels_app.dialects.responses.own import REDACTED

FORMATS = frozenset({"png", "webp", "jpeg", "gif", "svg"})


class Output:
    """`items` are the answer's; one that is still being written stands there as it began.

    Calls stay open to the end: only then is it sure that nothing more of them comes.
    """

    def __init__(self, base: str, signer: str = "") -> None:
        self.items: list[Item] = []
        self.has_refused = False
        self._base, self._signer = base, signer
        self._message: Message | None = None
        self._thought: Thought | None = None
        self._calls: dict[int, Call] = {}
        self._notes: list[CitationDelta] = []

    def add(self, delta: Delta) -> list[Event]:
        match delta:
            case TextDelta(text=text) | AudioDelta(transcript=text):
                return self._say("output_text", text) if text else []
            case RefusalDelta(text=text):
                self.has_refused = True
                return self._say("refusal", text) if text else []
            case ThinkingDelta(text=text):
                return self._think(text) if text else []
            case SignatureDelta():
                return self._sign(delta)
            case RedactedDelta(data=data):
                item = {"type": "reasoning", "summary": [], "encrypted_content": REDACTED + data}
                return self._put("rs", item, item)
            case ToolStarted():
                return self._start_call(delta)
            case ToolDelta(index=index, arguments=text):
                return [self._calls[index].tell(text)] if text and index in self._calls else []
            case ImageDelta():
                return self._show(delta)
            case CitationDelta():
                return self._cite(delta)
            case LogprobsDelta(value=value) if self._message is not None:
                self._message.tokens += tokens_of(value)
                return []
            case OpaqueDelta(dialect="responses", value={"type": str()}):
                return self._put("item", delta.value, delta.value)
            case _:
                return []

    def close(self, status: str = "completed") -> list[Event]:
        """Ends what is open; the last item then has this status."""
        events = self._end_thought() + self._end_message(status)
        for call in self._calls.values():
            events += self._end_call(call, status)
        self._calls.clear()
        return events

    def _begin(self, prefix: str, item: Item) -> tuple[int, str, Event]:
        index = len(self.items)
        name = item.get("id") or f"{prefix}_{self._base}_{index}"
        self.items.append({"id": name, **item})
        return index, name, event_of("output_item.added", output_index=index, item=self.items[-1])

    def _done(self, index: int, rest: Item) -> Event:
        self.items[index] = {**self.items[index], **rest}
        return event_of("output_item.done", output_index=index, item=self.items[index])

    def _put(self, prefix: str, begun: Item, done: Item, middle: str = "") -> list[Event]:
        """An item that comes whole."""
        events = self._end_thought() + self._end_message()
        index, name, added = self._begin(prefix, begun)
        events.append(added)
        if middle:
            events.append(event_of(middle, item_id=name, output_index=index))
        return [*events, self._done(index, done)]

    def _show(self, image: ImageDelta) -> list[Event]:
        if not image.data:
            return self._say("output_text", f"![image]({image.url})") if image.url else []
        begun = {"type": "image_generation_call", "status": "in_progress", "result": None}
        done = {"status": "completed", "result": image.data}
        form = image.media_type.removeprefix("image/")
        if form in FORMATS:
            done["output_format"] = form
        return self._put("ig", begun, done, "image_generation_call.completed")

    def _say(self, kind: str, text: str) -> list[Event]:
        events: list[Event] = []
        message = self._message
        if message is None:
            events = self._end_thought()
            item = {"type": "message", "status": "in_progress", "role": "assistant", "content": []}
            index, name, added = self._begin("msg", item)
            message = self._message = Message(index, name)
            events.append(added)
        if message.kind != kind:
            events += message.begin_part(kind)
            if kind == "output_text":
                notes, self._notes = self._notes, []
                events += [event for note in notes for event in message.cite(note)]
        return [*events, message.say(text)]

    def _cite(self, citation: CitationDelta) -> list[Event]:
        """A source that is told before its text waits for it."""
        if self._message is not None and self._message.kind == "output_text":
            return self._message.cite(citation)
        self._notes.append(citation)
        return []

    def _end_message(self, status: str = "completed") -> list[Event]:
        message, self._message = self._message, None
        if message is None:
            return []
        events = message.end_part()
        rest = {"status": self._status(message.index, status), "content": message.content}
        return [*events, self._done(message.index, rest)]

    def _think(self, text: str) -> list[Event]:
        if self._thought is not None and not self._thought.signature:
            return self._thought.think(text)
        thought, events = self._begin_thought("")
        return events + thought.think(text)

    def _sign(self, delta: SignatureDelta) -> list[Event]:
        events: list[Event] = []
        thought = self._thought
        if thought is None or (thought.signature and delta.id):
            thought, events = self._begin_thought(delta.id)
        thought.signature += delta.signature
        return events

    def _begin_thought(self, name: str) -> tuple[Thought, list[Event]]:
        """The name is the provider's where it is known before the item must be named."""
        events = self._end_thought() + self._end_message()
        item: Item = {"type": "reasoning", "summary": []}
        if name.startswith("rs_"):
            item["id"] = name
        index, name, added = self._begin("rs", item)
        self._thought = Thought(index, name, self._signer)
        return self._thought, [*events, added]

    def _end_thought(self) -> list[Event]:
        thought, self._thought = self._thought, None
        if thought is None:
            return []
        rest, events = thought.end()
        return [*events, self._done(thought.index, rest)]

    def _start_call(self, start: ToolStarted) -> list[Event]:
        events = self._end_thought() + self._end_message()
        if (former := self._calls.pop(start.index, None)) is not None:
            events += self._end_call(former, "completed")
        item = {
            "type": "custom_tool_call" if start.is_custom else "function_call",
            "status": "in_progress",
            "call_id": start.id or f"call_{self._base}_{len(self.items)}",
            "name": start.name,
            "input" if start.is_custom else "arguments": "",
        }
        if start.namespace:
            item["namespace"] = start.namespace
        index, name, added = self._begin("ctc" if start.is_custom else "fc", item)
        self._calls[start.index] = Call(index, name, start.name, start.is_custom)
        return [*events, added]

    def _end_call(self, call: Call, status: str) -> list[Event]:
        rest, events = call.end()
        rest["status"] = self._status(call.index, status)
        return [*events, self._done(call.index, rest)]

    def _status(self, index: int, status: str) -> str:
        """Only what was written last can be incomplete."""
        return status if index == len(self.items) - 1 else "completed"
