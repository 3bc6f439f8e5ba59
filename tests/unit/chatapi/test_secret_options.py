"""Secret options: sealed in the database, bound to their name, never shown."""

import io

import pytest
from constance import config
from constance.models import Constance
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management import call_command

from chatapi.lib.secrets import Undecipherable
from chatapi.options import registry
from chatapi.options.fields import ProxyField
from chatapi.options.registry import OPTIONS
from chatapi.options.secret_options import read_secret, seal_secret
from chatapi.options.snapshot import build_options, read_values

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _two_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FirstKey", "SecondKey"):
        monkeypatch.setitem(registry.OPTIONS, name, ("", "A key.", "secret"))


def test_a_secret_is_sealed_and_read_back() -> None:
    assert read_secret("FirstKey") == ""
    call_command("constance", "set", "FirstKey", " s3cret ", stdout=io.StringIO())
    stored = str(Constance.objects.get(key="FirstKey").value)
    assert "s3cret" not in stored
    assert "s3cret" not in str(read_values()["FirstKey"])
    assert read_secret("FirstKey") == "s3cret"
    call_command("constance", "set", "FirstKey", "", stdout=io.StringIO())
    assert read_secret("FirstKey") == ""


def test_a_secret_cannot_be_moved_to_another_option() -> None:
    call_command("constance", "set", "FirstKey", "s3cret", stdout=io.StringIO())
    config.SecondKey = config.FirstKey
    with pytest.raises(Undecipherable):
        read_secret("SecondKey")


def test_only_secret_options_are_read_as_such() -> None:
    assert settings.CONSTANCE_CONFIG is registry.OPTIONS
    with pytest.raises(KeyError):
        read_secret("SystemName")


def test_proxy_for_pictures_has_its_login_from_a_secret_option() -> None:
    values = {name: entry[0] for name, entry in OPTIONS.items()}
    values["OutProxyUrl"] = "socks5://proxy.example:1080"
    assert build_options(values).out_proxy_url == "socks5://proxy.example:1080"
    values["OutProxyLogin"] = seal_secret("OutProxyLogin", "joe:p@ss:w/rd")
    assert build_options(values).out_proxy_url == "socks5://joe:p%40ss%3Aw%2Frd@proxy.example:1080"
    values["OutProxyLogin"] = seal_secret("EpayKey", "joe:moved")
    assert build_options(values).out_proxy_url == "socks5://proxy.example:1080"


def test_address_of_that_proxy_holds_no_password() -> None:
    assert ProxyField().clean("http://proxy.example:3128/") == "http://proxy.example:3128"
    with pytest.raises(ValidationError):
        ProxyField().clean("http://joe:secret@proxy.example:3128")
