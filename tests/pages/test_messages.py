"""Texts: both languages are complete and current, clients read what they always have."""

import gettext
import os
import re
import shutil
from pathlib import Path

import pytest
from django.core.management import call_command
from django.utils import translation
from pytest_django import Settings

from relay import errors
from tests.pages.catalog import Entry, read_catalog

PROJECT = Path(__file__).resolve().parents[2]
FOLDERS = ("billing", "channels_app", "chatapi", "notifications", "relay", "templates", "locale")
CATALOG = PROJECT / "locale" / "zh_Hans" / "LC_MESSAGES" / "django.po"
PLACEHOLDER = re.compile(r"%\([a-z_]+\)[sd]|\{[a-z_]*\}")
CHINESE = re.compile(r"[\u3000-\u9fff\uff00-\uffef]")


def entries() -> list[Entry]:
    return read_catalog(CATALOG)


def test_nothing_is_untranslated_or_guessed() -> None:
    assert len(entries()) > 400
    assert [entry.msgid for entry in entries() if not all(entry.translations)] == []
    assert [entry.msgid for entry in entries() if entry.is_fuzzy] == []


def test_english_texts_are_final() -> None:
    """The msgids are what English readers see, so English needs no catalogue."""
    for entry in entries():
        assert not CHINESE.search(entry.msgid), entry.msgid
        assert not re.fullmatch(r"[a-z]+(_[a-z]+)+|[A-Z_]{4,}", entry.msgid), entry.msgid
        with translation.override("en"):
            assert translation.gettext(entry.msgid) == entry.msgid


def test_placeholders_are_the_same() -> None:
    for entry in entries():
        wanted = sorted(PLACEHOLDER.findall(entry.texts.get("msgid_plural", entry.msgid)))
        for text in entry.translations:
            assert sorted(PLACEHOLDER.findall(text)) == wanted, entry.msgid


def test_what_is_compiled_is_current() -> None:
    with CATALOG.with_suffix(".mo").open("rb") as file:
        compiled = gettext.GNUTranslations(file)
    for entry in entries():
        plural = entry.texts.get("msgid_plural")
        context = entry.texts.get("msgctxt")
        if plural:
            found = compiled.ngettext(entry.msgid, plural, 2)
        elif context:
            found = compiled.pgettext(context, entry.msgid)
        else:
            found = compiled.gettext(entry.msgid)
        assert found == entry.translations[0], f"{entry.msgid}: run `make messages`"


@pytest.mark.skipif(
    shutil.which("xgettext") is None and not os.environ.get("CHATAPI_REQUIRE_SERVICES"),
    reason="gettext is not installed (Debian: gettext)",
)
def test_every_text_is_collected(
    tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What `make messages` would find is what the catalogue has."""
    for folder in FOLDERS:
        shutil.copytree(
            PROJECT / folder,
            tmp_path / folder,
            ignore=shutil.ignore_patterns("__pycache__", "*.csv"),
        )
    settings.LOCALE_PATHS = [tmp_path / "locale"]
    monkeypatch.chdir(tmp_path)
    call_command("makemessages", locale=["zh_Hans"], no_obsolete=True, verbosity=0)
    found = read_catalog(tmp_path / "locale" / "zh_Hans" / "LC_MESSAGES" / "django.po")
    assert {entry.msgid for entry in found} == {entry.msgid for entry in entries()}


# Clients may compare these letter by letter: they are the texts of the existing product.
OLD_TEXTS = [
    (errors.no_key(), "未提供令牌"),
    (errors.unknown_key(), "无效的令牌"),
    (errors.token_exhausted(), "该令牌额度已用尽"),
    (errors.token_expired(), "该令牌已过期"),
    (errors.token_disabled(), "该令牌状态不可用"),
    (errors.model_not_allowed(), "该令牌不支持指定的模型"),
    (errors.user_disabled(), "用户已被封禁"),
    (
        errors.wrong_network("10.0.0.0/8", "192.0.2.1"),
        "该令牌只能在指定网段使用：10.0.0.0/8，当前 ip：192.0.2.1",
    ),
    (errors.may_not_pin(), "普通用户不支持指定渠道"),
    (errors.unknown_channel(), "无效的渠道 Id"),
    (errors.channel_disabled(), "该渠道已被禁用"),
    (errors.channel_not_in_group(), "指定的渠道不属于当前用户分组"),
    (errors.channel_without_model(), "指定的渠道不支持所请求的模型"),
    (errors.no_channel("vip", "gpt-4o"), "当前分组 vip 下对于模型 gpt-4o 无可用渠道"),
    (errors.upstream_saturated(None), "当前分组上游负载已饱和，请稍后再试"),
    (errors.not_enough_user_credit(), "用户额度不足"),
    (errors.not_enough_token_credit(), "令牌额度不足"),
]


@pytest.mark.parametrize(("error", "text"), OLD_TEXTS)
def test_clients_read_what_they_always_have(error: errors.CallRefused, text: str) -> None:
    assert error.message("zh-hans") == text
    assert not CHINESE.search(error.message("en"))
