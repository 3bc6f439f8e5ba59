"""Who may open an account, how people sign in, and what a new account gets."""

from django.utils.translation import gettext_lazy as _

from chatapi.options.definitions.kinds import Definitions, gettext_noop

TAB = gettext_noop("Accounts")
MAIL_DOMAINS = (
    "gmail.com,163.com,126.com,qq.com,outlook.com,hotmail.com,icloud.com,yahoo.com,foxmail.com"
)
OPTIONS: Definitions = {
    "RegisterEnabled": (True, _("New accounts can be opened."), bool),
    "PasswordRegisterEnabled": (True, _("Accounts can be opened with a password."), bool),
    "PasswordLoginEnabled": (
        True,
        _("Users can sign in with a password. Administrators always can, at /admin/login/."),
        bool,
    ),
    "EmailVerificationEnabled": (
        False,
        _("A new account needs an e-mail address, proven by a code. Set up the mail server first."),
        bool,
    ),
    "EmailDomainRestrictionEnabled": (
        False,
        _("Only e-mail addresses of EmailDomainWhitelist are accepted."),
        bool,
    ),
    "EmailDomainWhitelist": (
        MAIL_DOMAINS,
        _("Domains of e-mail addresses that are accepted, as a comma list."),
        str,
    ),
    "EmailAliasRestrictionEnabled": (
        False,
        _("Refuse e-mail addresses with a +, and Gmail addresses that differ only in dots."),
        bool,
    ),
    "UserGroup": ("default", _("Group of new accounts."), "line"),
    "QuotaForNewUser": (0, _("Units that a new account starts with."), "whole"),
    "QuotaForInviter": (0, _("Units for whoever invited the owner of a new account."), "whole"),
    "QuotaForInvitee": (0, _("Units for a new account that was invited."), "whole"),
    "FirstTokenEnabled": (True, _("A new account has a first token, without limits."), bool),
    "TurnstileCheckEnabled": (
        False,
        _("Ask for a proof of being human (Cloudflare Turnstile) at sign-up, sign-in and mails."),
        bool,
    ),
    "TurnstileSiteKey": ("", _("Site key of Turnstile."), "optional_line"),
    "TurnstileSecretKey": ("", _("Secret key of Turnstile."), "secret"),
    "GitHubOAuthEnabled": (False, _("Sign in with GitHub."), bool),
    "GitHubClientId": ("", _("Client ID of the OAuth app at GitHub."), "optional_line"),
    "GitHubClientSecret": ("", _("Client secret of the OAuth app at GitHub."), "secret"),
    "GitHubServerAddress": (
        "",
        _("Address of a GitHub Enterprise server. Empty: github.com."),
        "address",
    ),
    "WeChatAuthEnabled": (False, _("Sign in with WeChat, through a wechat-server."), bool),
    "WeChatServerAddress": ("", _("Address of the wechat-server."), "address"),
    "WeChatServerToken": ("", _("Token of the wechat-server."), "secret"),
    "WeChatAccountQRCodeImageURL": (
        "",
        _("Picture with the QR code of the WeChat account that answers with codes."),
        "picture",
    ),
    "TelegramOAuthEnabled": (False, _("Sign in with Telegram."), bool),
    "TelegramBotToken": ("", _("Token of the Telegram bot."), "secret"),
    "TelegramServerAddress": (
        "",
        _("Address of Telegram's login. Empty: oauth.telegram.org."),
        "address",
    ),
    "OIDCProviders": (
        "",
        _(
            "Further sites to sign in with (OpenID Connect), as a JSON list: "
            '[{"name": "acme", "label": "Acme", "issuer": "https://id.acme.com", '
            '"client_id": "…", "scopes": "openid profile email"}]'
        ),
        "content",
    ),
    "OIDCClientSecrets": (
        "",
        _("Client secrets of these sites, as name=secret with blanks between."),
        "secret",
    ),
}
