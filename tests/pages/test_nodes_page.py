"""Nodes and workers: what each node tells of itself, and the warning when one falls behind."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from billing.models import Node
from billing.nodes import LARGE_BYTES, NodeVoice
from chatapi.lib.version import VERSION

pytestmark = pytest.mark.django_db
WORKERS = "/admin/billing/worker/"


def text_of(console: Client, path: str) -> str:
    return console.get(path).content.decode()


def test_a_node_tells_its_version_and_what_waits(console: Client) -> None:
    voice = NodeVoice("node-1")
    voice.tell(5)
    voice.tell(2048)
    assert Node.objects.count() == 1
    page = text_of(console, WORKERS)
    assert f"{VERSION} · Python" in page
    assert "2.0\xa0KB" in page
    assert "different versions" not in page
    assert "wait to be recorded" not in text_of(console, "/admin/")


def test_a_node_that_falls_behind_or_silent_is_warned_of(console: Client) -> None:
    NodeVoice("behind").tell(LARGE_BYTES + 1)
    assert text_of(console, "/admin/").count("wait to be recorded") == 1
    NodeVoice("silent").tell(0)
    Node.objects.filter(name="silent").update(seen_at=timezone.now() - timedelta(minutes=3))
    assert text_of(console, "/admin/").count("wait to be recorded") == 2
    page = text_of(console, WORKERS)
    assert "badge-bad" in page
    Node.objects.filter(name="silent").update(seen_at=timezone.now() - timedelta(days=8))
    assert text_of(console, "/admin/").count("wait to be recorded") == 1


def test_different_versions_are_told(console: Client) -> None:
    for name in ("a", "b"):
        NodeVoice(name).tell(0)
    Node.objects.filter(name="b").update(version="0.0.9", host="<b>host</b>")
    page = text_of(console, WORKERS)
    assert "different versions" in page
    assert "<b>host" not in page
