"""What was said in a session, where the operator keeps texts: bounded, as it is read anyway."""

import msgspec

from relay.call import Said
from relay.realtime.estimate import Text
from relay.realtime.events import read_text


class Words:
    """`asked` gets what the model reads and what was heard of the user, `told` its responses."""

    def __init__(self) -> None:
        self.asked = Text()
        self._told = Text()

    def hear(self, transcript: msgspec.Raw) -> None:
        self.asked.add(f"{read_text(transcript)}\n")

    def tell(self, response: Text) -> None:
        if response.size:
            self._told.add(f"{response.read()}\n")

    def said(self) -> Said:
        size = 4 * (self.asked.kept + self._told.kept)
        return Said(self._told.read, size, self.asked.read)
