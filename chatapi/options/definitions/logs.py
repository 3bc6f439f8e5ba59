"""What is kept of calls and acts, and for how long."""

from django.utils.translation import gettext_lazy as _

from chatapi.options.definitions.kinds import Definitions, gettext_noop

TAB = gettext_noop("Logs")
OPTIONS: Definitions = {
    "LogRetentionDays": (
        0,
        _("Days after which calls leave the log; balances and their books stay. 0: never."),
        "kept_days",
    ),
    "ErrorLogRetentionDays": (
        0,
        _("Days after which failed calls that cost nothing leave the log. 0: with the others."),
        "kept_days",
    ),
    "StatisticsRetentionDays": (
        0,
        _("Days after which hourly sums, from which charts are drawn, are deleted. 0: never."),
        "kept_days",
    ),
    "AuditRetentionDays": (
        0,
        _("Days after which entries of the audit log are deleted; at least 180. 0: never."),
        "audit_days",
    ),
    "LogContentEnabled": (
        False,
        _(
            "Keep what was asked and answered, encrypted, for administrators to read; tell your "
            "users of it."
        ),
        bool,
    ),
    "ContentRetentionDays": (
        30,
        _("Days after which what was asked and answered is deleted. 0: never."),
        "kept_days",
    ),
}
