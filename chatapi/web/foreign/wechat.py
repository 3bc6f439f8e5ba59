"""WeChat, through an external server that knows which code belongs to whom.

The protocol of https://github.com/songquanpeng/wechat-server: people scan the picture, ask the
account for a code, and the server tells us whose it is.
"""

from urllib.parse import urlencode

from chatapi.web.foreign.identity import ForeignRefusal, Identity, ask_object, hash_uid, text_of
from chatapi.web.foreign.providers import Provider


def wechat_identity(provider: Provider, code: str) -> Identity:
    """Raises ForeignRefusal."""
    query = urlencode({"code": code})
    found = ask_object(
        f"{provider.address}/api/wechat/user?{query}", {"Authorization": provider.read_secret()}
    )
    openid = text_of(found, "data")
    if found.get("success") is not True or not openid:
        raise ForeignRefusal(detail="wechat: no such code")
    # These differ in upper and lower case.
    return Identity(uid=hash_uid(openid))
