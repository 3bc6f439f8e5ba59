"""By which ways users and operators are told what happened."""

from django.utils.translation import gettext_lazy as _

from chatapi.options.definitions.kinds import Definitions, gettext_noop

TAB = gettext_noop("Notifications")
OPTIONS: Definitions = {
    "QuotaRemindThreshold": (
        1000,
        _("Units below which a balance is called low, unless the user set another limit."),
        "whole",
    ),
    "SMTPServer": ("", _("Mail server; empty: no mail is sent."), "optional_line"),
    "SMTPPort": (
        587,
        _("Port of the mail server. 465: encrypted from the start; others: STARTTLS, required."),
        "port",
    ),
    "SMTPFrom": (
        "",
        _("Sender's address of all mail; empty: the account's."),
        "mailbox",
    ),
    "SMTPAccount": ("", _("Account at the mail server."), "optional_line"),
    "SMTPToken": ("", _("Password of the account at the mail server."), "secret"),
    "SMTPServerIsLocal": (
        False,
        _(
            "The mail server is in this machine or network: encryption is not required, and its "
            "certificate is not checked."
        ),
        bool,
    ),
    "NotificationEmail": (
        "",
        _("Where operators get mail; several with semicolons. Empty: root's e-mail address."),
        "mailboxes",
    ),
    "MutedOperatorEvents": (
        "",
        _(
            "Events that operators are not told of: a comma list of names like recharge_done. "
            "docs/notifications.md has them all."
        ),
        "optional_line",
    ),
    "EmailNotificationsEnabled": (True, _("Tell operators by e-mail."), bool),
    "WxPusherNotificationsEnabled": (True, _("Tell operators by WxPusher."), bool),
    "AppToken": ("", _("Token of the WxPusher application."), "secret"),
    "Uids": ("", _("WxPusher users that are operators; a comma list."), "optional_line"),
    "WxPusherServer": (
        "https://wxpusher.zjiecode.com",
        _("Address of WxPusher."),
        "address",
    ),
    "OperatorWebhookUrl": (
        "",
        _("Webhook that operators' notices are posted to; empty: none."),
        "address",
    ),
    "OperatorWebhookSecret": (
        "",
        _("Secret that operators' webhook calls are signed with."),
        "secret",
    ),
    "TelegramBotToken": (
        "",
        _("Token of the Telegram bot that sends notices, of operators and of users."),
        "secret",
    ),
    "OperatorTelegramChat": (
        "",
        _("Telegram chat that gets operators' notices: its number, or @name."),
        "optional_line",
    ),
    "TelegramServer": (
        "https://api.telegram.org",
        _("Address of Telegram's bot interface, or of a proxy for it."),
        "address",
    ),
    "OperatorBarkUrl": (
        "",
        _("Bark server that gets operators' notices; empty: none."),
        "address",
    ),
    "OperatorBarkKey": ("", _("Device key of operators at the Bark server."), "secret"),
    "OperatorGotifyUrl": (
        "",
        _("Gotify server that gets operators' notices; empty: none."),
        "address",
    ),
    "OperatorGotifyToken": ("", _("Token of the Gotify application."), "secret"),
}
