"""Compares what clients got and what the provider produced with what was charged, call by call."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tests.harness.books import UsageRow
from tests.harness.clients import Answer
from tests.harness.provider import PACED, price_of

Counts = Mapping[str, Mapping[str, Any]]


class Reckoning:
    """One user's calls, each of a model of its own; `faults` are charges that are wrong."""

    def __init__(self, answers: Sequence[Answer], counts: Counts, rows: Iterable[UsageRow]) -> None:
        self._rows: dict[str, list[UsageRow]] = defaultdict(list)
        for row in rows:
            self._rows[row.model.removeprefix(PACED)].append(row)
        self.answers = {answer.call.name: answer for answer in answers}
        self.counts = {name: counts[name] for name in self.answers if name in counts}
        self.faults = [
            f"{name}: {fault}"
            for name in self.answers.keys() | self._rows.keys()
            for fault in self._faults_of(name)
        ]

    @property
    def charged(self) -> int:
        return sum(row.amount for rows in self._rows.values() for row in rows)

    @property
    def finished(self) -> int:
        """What the answers cost that were settled as finished, by the provider's own count."""
        return sum(
            self._full_price(name)
            for name, rows in self._rows.items()
            if any(row.status == "ok" for row in rows)
        )

    @property
    def interrupted(self) -> int:
        """What was charged for answers that ended with their worker, or that a client left."""
        return sum(row.amount for row in self._all() if row.status in {"interrupted", "left"})

    @property
    def untraced(self) -> int:
        """Calls that reached the provider and left no row: their worker died before a flush."""
        return sum(not self._rows[name] for name in self.counts)

    def figures(self) -> str:
        """For people to read."""
        answers, counts = self.answers.values(), self.counts.values()
        statuses = Counter(row.status for row in self._all())
        return (
            f"{len(answers)} calls sent, {sum(a.is_complete for a in answers)} received whole, "
            f"{sum(a.status == 0 for a in answers)} without any answer; provider: "
            f"{len(counts)} calls, {sum(count['finished'] for count in counts)} finished; "
            f"rows: {dict(statuses)}, {self.untraced} died before their beginning was journalled; "
            f"units: {self.finished} finished + {self.interrupted} interrupted = {self.charged}"
        )

    def _all(self) -> list[UsageRow]:
        return [row for rows in self._rows.values() for row in rows]

    def _full_price(self, name: str) -> int:
        counts = self.counts[name]
        return price_of(counts["reported_prompt_tokens"], counts["reported_completion_tokens"])

    def _faults_of(self, name: str) -> Iterable[str]:
        answer, counts, rows = self.answers.get(name), self.counts.get(name), self._rows[name]
        if answer is None:
            yield "charged, but never asked for"
            return
        if len(rows) > 1:
            yield f"charged {len(rows)} times"
        if answer.is_complete and not rows:
            yield "received whole, but not charged"
        if counts is not None and counts["calls"] != 1:
            yield f"the provider was called {counts['calls']} times"
        for row in rows:
            yield from self._faults_of_row(answer, counts, row)

    def _faults_of_row(
        self, answer: Answer, counts: Mapping[str, Any] | None, row: UsageRow
    ) -> Iterable[str]:
        if answer.request_id and answer.request_id != row.request_id:
            yield f"the client was told {answer.request_id}, the row says {row.request_id}"
        if answer.is_complete and row.status != "ok":
            yield f"received whole, but {row.status}"
        if row.amount and row.amount != price_of(row.prompt_tokens, row.completion_tokens):
            yield f"{row.amount} is not the price of its tokens"
        if row.uncollected:
            yield f"{row.uncollected} units were not collected"
        if row.status == "ok":
            if counts is None or row.amount != self._full_price(answer.call.name):
                yield f"{row.amount} is not what the provider reported: {counts}"
        elif row.amount and (counts is None or row.completion_tokens > counts["completion_tokens"]):
            yield f"charged {row.completion_tokens} tokens, the provider's count: {counts}"
