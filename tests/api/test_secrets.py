"""Secrets are planted wherever secrets are stored; no answer may hold one."""

from collections.abc import Callable

import pytest
from constance import config

from channels_app.editing import create_channel
from chatapi.accounts.access_tokens import create_access_token
from chatapi.accounts.models import Role, Token, User
from chatapi.accounts.tokens import TokenSettings, create_token
from chatapi.options.secret_options import seal_secret, secret_names
from relay.models import CallText, StoredResponse
from tests.api.conftest import Api
from tests.api.routes import NUMBER, operations
from tests.pages.rows import make_usage

pytestmark = pytest.mark.django_db
PLANTED = "planted-7f3a"


@pytest.fixture
def planted(make_user: Callable[..., User]) -> list[str]:
    """Texts that must not be seen: in clear, sealed and hashed."""
    root = make_user("boss", Role.ROOT)
    someone = make_user("someone")
    config.TokenRevealEnabled = True
    token = create_token(someone, TokenSettings(name="t"))
    own = create_token(root, TokenSettings(name="own"))
    channel = create_channel(
        {
            "name": "c",
            "kind": "openai",
            "key": f"sk-{PLANTED}",
            "models_text": "m",
            "headers": {"x-secret": PLANTED},
            "proxy_url": f"http://user:{PLANTED}@10.0.0.1:3128",
        }
    )
    access = create_access_token(root, "a", ["self:read"])
    for name in secret_names():
        setattr(config, name, seal_secret(name, PLANTED))
    make_usage(1, user_id=someone.pk)
    StoredResponse.objects.create(
        response_id="r", user_id=1, channel_id=1, sealed=PLANTED, expires_at="2099-01-01T00:00Z"
    )
    CallText.objects.create(request_id="request-1", user_id=someone.pk, prompt_sealed=PLANTED)
    sealed = [channel.key_sealed, channel.proxy_sealed, *Token.objects.values_list("key_sealed")]
    hashes = [*Token.objects.values_list("key_hash", flat=True), access.token.key_hash]
    passwords = User.objects.values_list("password", flat=True)
    keys = [token.key, own.key, access.key, token.key.removeprefix("sk-")]
    return [PLANTED, "k1:", *map(str, sealed), *hashes, *passwords, *keys]


def test_no_reading_shows_a_secret(planted: list[str]) -> None:
    api = Api(User.objects.get(username="boss"))
    numbers = {
        "token": Token.objects.get(name="own").pk,
        "user": User.objects.get(username="someone").pk,
    }
    seen = 0
    for one in operations():
        if one.method != "get" or one.scope.endswith(":write") or one.name == "logout":
            continue
        path = one.path
        if one.has_number:
            path = path.replace(NUMBER, str(numbers.get(one.name, 1)))
        text = api.get(path).content.decode()
        seen += '"success":true' in text
        assert [secret for secret in planted if secret and secret in text] == [], one
    assert seen > 25
