"""How channels are looked after."""

from django.utils.translation import gettext_lazy as _

from chatapi.options.definitions.kinds import Definitions, gettext_noop

TAB = gettext_noop("Channels")
OPTIONS: Definitions = {
    "ChannelDisableThreshold": (
        5,
        _(
            "Seconds after which a passed test still disables its channel, in tests of all "
            "channels; 0: never."
        ),
        "whole",
    ),
    "ExpectedModelNames": (
        "{}",
        _(
            "Names by which models must call themselves in tests of channels, beside the known "
            'ones: {"gpt-4o": "gpt-4o-2024-11-20"}; an empty name expects nothing of a model.'
        ),
        "names_table",
    ),
    "AutomaticDisableKeywords": (
        "",
        _(
            "Words, one line each, that mean a refused key or no funds where a provider's error "
            "has them in its type, code or message. Not looked for in answers of status 400, 413 "
            "and 422, which may repeat what a user wrote."
        ),
        "content",
    ),
    "AutomaticDisableStatusCodes": (
        "401,402,403",
        _("Statuses that mean a refused key or no funds: a comma list, 401 to 599."),
        "statuses",
    ),
    "DisableStrikes": (
        3,
        _(
            "So many refusals of a key within ten minutes, without a success between them, disable "
            "it, and with its last key the channel."
        ),
        "positive",
    ),
    "ChannelAffinityEnabled": (
        True,
        _(
            "Send calls of a token that begin with the same long prompt, or name the same session, "
            "to the channel that answered last, among those of its priority: providers charge less "
            "for what they have read before."
        ),
        bool,
    ),
    "ModelWatchHours": (
        24,
        _("Hours between two looks at each provider's list of models; 0: never."),
        "whole",
    ),
}
