"""How calls are relayed."""

from django.utils.translation import gettext_lazy as _

from chatapi.options.definitions.kinds import Definitions, gettext_noop

TAB = gettext_noop("Calls")
OPTIONS: Definitions = {
    "RetryTimes": (3, _("How many other channels are tried when one fails."), "whole"),
    "AutomaticDisableChannelEnabled": (
        True,
        _("Disable a channel whose key its provider refuses again and again."),
        bool,
    ),
    "BlankReplyRetryEnabled": (
        True,
        _("Ask another channel when a provider answers nothing."),
        bool,
    ),
    "ContinueCutStreams": (
        False,
        _(
            "Go on at another channel with a text whose provider broke off in the middle; each try "
            "costs you its prompt again."
        ),
        bool,
    ),
    "OverloadMilliseconds": (
        1000,
        _(
            "A worker that is later than this with all it does refuses new calls with 503 until it "
            "has caught up; 0: never."
        ),
        "whole",
    ),
    "StrictConversion": (
        False,
        _("Refuse a call with what its channel's dialect can't carry, instead of leaving it out."),
        bool,
    ),
    "ResponseStoreHours": (
        0,
        _(
            "Hours to keep responses of channels that keep none, encrypted, so that clients may "
            "continue them by previous_response_id; 0: never."
        ),
        "whole",
    ),
    "OutProxyUrl": (
        "",
        _(
            "http://, https:// or socks5:// address of a proxy by which pictures and documents are "
            "fetched that users point at, and Midjourney's pictures. Channels have proxies of "
            "their own. Empty: none."
        ),
        "proxy",
    ),
    "OutProxyLogin": ("", _("Name and password at that proxy, as name:password."), "secret"),
    "MaxBodyMegabytes": (
        64,
        _("Largest request body in megabytes, also after decompression."),
        "positive",
    ),
    "MaxAnswerMegabytes": (64, _("Largest whole answer of a provider in megabytes."), "positive"),
    "ConnectSeconds": (
        10,
        _("Seconds to connect to a provider; a channel may differ."),
        "positive",
    ),
    "FirstByteSeconds": (
        60,
        _("Seconds until a stream's first byte; a channel may differ."),
        "positive",
    ),
    "IdleSeconds": (
        120,
        _("Seconds between two pieces of an answer; a channel may differ."),
        "positive",
    ),
    "KeepAliveSeconds": (
        15,
        _("Seconds of silence in a stream after which clients get a comment; 0: never."),
        "whole",
    ),
    "TotalSeconds": (
        600,
        _("Seconds that one attempt may take; a channel may differ."),
        "positive",
    ),
}
