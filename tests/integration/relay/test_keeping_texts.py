"""Texts of calls on real databases: written in steps, bounded, gone when their time is over."""

import asyncio
import uuid
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from constance import config
from django.db import connections
from django.utils import timezone
from structlog.testing import capture_logs

from chatapi.accounts.people import delete_user
from chatapi.console.jobs import begin_job
from chatapi.console.models import TaskRun
from chatapi.lib.database_threads import DatabaseThreads
from relay.call import Outcome, Said
from relay.call_texts import CUT, MOST_BYTES, CallTexts, cut_middle, read_texts
from relay.models import CallText
from relay.request import parse_request
from relay.text_cleaning import EVERY, NAME, STEP, do_step
from tests.harness.ledgers import new_payer

pytestmark = pytest.mark.usefixtures("database")
REQUEST = parse_request("chat", b'{"model":"m","messages":[{"role":"user","content":"why?"}]}')
MEGABYTE = 1 << 20


def new_call(request: Any = REQUEST, user_id: int = 1) -> Any:
    caller = SimpleNamespace(user_id=user_id)
    return SimpleNamespace(request_id=uuid.uuid4().hex, request=request, caller=caller)


def said(text: str, size: int = 0) -> Outcome:
    return Outcome(said=lambda: Said(lambda: text, size or len(text)))


async def write(texts: CallTexts) -> None:
    threads = DatabaseThreads(1)
    await texts.write(threads)
    await threads.run(connections.close_all)
    threads.close()


def keep(user_id: int, count: int, days: int = 0) -> None:
    names = [uuid.uuid4().hex for _ in range(count)]
    CallText.objects.bulk_create(CallText(request_id=name, user_id=user_id) for name in names)
    CallText.objects.filter(request_id__in=names).update(
        created_at=timezone.now() - timedelta(days=days)
    )


def run() -> int:
    """A whole run of the clean-up; gives its number of steps."""
    TaskRun.objects.filter(name=NAME).delete()
    ticket, steps = begin_job(NAME, ("deleted", "old"), every=EVERY), 0
    while ticket is not None:
        ticket = do_step(ticket)
        steps += 1
    return steps


def test_more_than_a_statement_takes_is_written_once_each() -> None:
    texts, calls = CallTexts(), [new_call() for _ in range(120)]
    for call in [*calls, calls[0]]:
        texts.note(call, said("because \N{SNOWMAN} \x00"))
    asyncio.run(write(texts))
    for call in calls:
        found = read_texts(call.request_id)
        assert found is not None
        assert (found.prompt, found.answer) == ("why?", "because \N{SNOWMAN} \x00")
    assert CallText.objects.filter(request_id=calls[0].request_id).count() == 1


def test_what_a_worker_can_not_hold_is_left_out_and_counted() -> None:
    texts, calls = CallTexts(), [new_call() for _ in range(10)]
    for call in calls:
        texts.note(call, said("x", 20 * MEGABYTE))
    with capture_logs() as lines:
        asyncio.run(write(texts))
    assert [line["calls"] for line in lines if line["event"] == "texts_dropped"] == [7]
    kept = [call for call in calls if read_texts(call.request_id)]
    assert kept == calls[:3]
    texts.note(calls[9], said("y", 60 * MEGABYTE))
    asyncio.run(write(texts))
    assert read_texts(calls[9].request_id) is not None


def test_calls_without_words_leave_nothing() -> None:
    bare = parse_request("embeddings", b'{"model":"m","input":[1,2]}')
    tool = parse_request("moderations", b'{"model":"m","input":""} '.replace(b'""', b'["a"]'))
    texts, silent, asked = CallTexts(), new_call(bare), new_call(tool)
    empty = new_call(
        parse_request("chat", b'{"model":"m","messages":[{"role":"user","content":""}]}')
    )
    for call in (silent, asked, empty):
        texts.note(call, said('{"data": [0.1]}' if call is not empty else ""))
    asyncio.run(write(texts))
    found = read_texts(asked.request_id)
    assert found is not None
    assert (found.prompt, found.answer) == ("a", "")
    assert read_texts(empty.request_id) is None


@pytest.mark.parametrize("letter", ["x", "é", "世", "😀"])
@pytest.mark.parametrize("more", [-1, 0, 1, 7, 100_000])
def test_a_cut_never_falls_into_a_letter(letter: str, more: int) -> None:
    text = letter * (MOST_BYTES // len(letter.encode())) + "y" * max(more, 0)
    text = text[: more or None] if more < 0 else text
    short = cut_middle(text)
    assert "\N{REPLACEMENT CHARACTER}" not in short
    assert (CUT in short) == (len(text.encode()) > MOST_BYTES)
    assert len(short.encode()) <= MOST_BYTES + len(CUT.encode())


def test_texts_leave_after_their_days_and_with_their_user() -> None:
    CallText.objects.all().delete()
    config.ContentRetentionDays = 30
    stays, leaves = new_payer(1000).user, new_payer(1000).user
    keep(stays.pk, STEP + 20, days=31)
    keep(stays.pk, 5, days=29)
    keep(leaves.pk, STEP + 20)
    keep(987_654_321, 2)
    run()
    assert CallText.objects.filter(user_id=stays.pk).count() == 5
    assert CallText.objects.filter(user_id=leaves.pk).count() == STEP + 20
    delete_user(leaves)
    run()
    assert not CallText.objects.filter(user_id=leaves.pk).exists()
    assert TaskRun.objects.get(name=NAME).result == str(STEP + 20)
    assert CallText.objects.count() == 7


def test_zero_days_keep_for_ever() -> None:
    CallText.objects.all().delete()
    config.ContentRetentionDays = 0
    keep(1, 3, days=4000)
    run()
    assert CallText.objects.count() == 3
    config.ContentRetentionDays = 30
