"""The paths of the API. Each answers with and without a slash at the end, as the existing product's
router did; the schema shows the first form.
"""

from collections.abc import Iterator
from functools import partial
from typing import Any

from django.urls import URLPattern, path
from drf_spectacular.views import SpectacularJSONAPIView

from chatapi.web.api import (
    channels,
    commissions,
    docs,
    drawings,
    foreign_accounts,
    logs,
    mail_proofs,
    model_prices,
    offers,
    options,
    orders,
    own_account,
    proofs_elsewhere,
    quota_alert,
    redemptions,
    signing_in,
    statistics,
    status,
    tokens,
    user_tokens,
    users,
)


def text_of(option: str) -> Any:
    return partial(status.OptionText.as_view, option=option)


ROUTES: tuple[tuple[str, Any, str], ...] = (
    ("status", status.StatusView, "status"),
    ("notice", text_of("Notice"), "notice"),
    ("about", text_of("About"), "about"),
    ("home_page_content", text_of("HomePageContent"), "home_page_content"),
    ("midjourney", text_of("Midjourney"), "midjourney_text"),
    ("models", offers.KindModels, "models"),
    ("group/", offers.AllGroups, "groups"),
    ("user/self", own_account.Self, "self"),
    ("user/login", signing_in.Login, "login"),
    ("user/logout", signing_in.Logout, "logout"),
    ("user/register", signing_in.Register, "register"),
    ("verification", mail_proofs.Verification, "verification"),
    ("reset_password", mail_proofs.ResetLink, "reset_link"),
    ("user/reset", mail_proofs.NewPassword, "reset"),
    ("oauth/email/bind", mail_proofs.BindEmail, "bind_email"),
    ("oauth/state", foreign_accounts.State, "foreign_state"),
    ("oauth/wechat", proofs_elsewhere.WeChat, "foreign_wechat"),
    ("oauth/wechat/bind", proofs_elsewhere.BindWeChat, "bind_wechat"),
    ("oauth/telegram/login", proofs_elsewhere.Telegram, "foreign_telegram"),
    ("oauth/telegram/bind", proofs_elsewhere.BindTelegram, "bind_telegram"),
    ("oauth/<slug:slug>", foreign_accounts.Return, "foreign_return"),
    ("user/token", own_account.AccessTokenView, "own_access_token"),
    ("user/models", offers.OwnModels, "own_models"),
    ("user/group", offers.OwnGroups, "own_groups"),
    ("user/", users.Users, "users"),
    ("user/search", users.UserSearch, "user_search"),
    ("user/manage", users.ManageUser, "user_manage"),
    ("user/credit", users.CreditUser, "user_credit"),
    ("user/<int:pk>", users.OneUser, "user"),
    ("user/<int:pk>/tokens", user_tokens.UserTokens, "user_tokens"),
    ("user/quota_alert", quota_alert.QuotaAlert, "quota_alert"),
    ("user/option", options.UserOptions, "user_options"),
    ("user/modelbilling", model_prices.ModelPrices, "model_prices"),
    ("option/", options.Options, "options"),
    ("mj/", drawings.Tasks, "drawings"),
    ("mj/self", drawings.OwnTasks, "own_drawings"),
    ("log/tokenmj", drawings.TokenTasks, "token_drawings"),
    ("user/aff", commissions.InvitationCode, "invitation_code"),
    ("user/aff_transfer", commissions.Transfer, "commission_transfer"),
    ("user/aff_withdrawal", commissions.Withdraw, "commission_withdrawal"),
    ("user/userwithdrawals", commissions.OwnWithdrawals, "own_withdrawals"),
    ("user/withdrawals", commissions.Withdrawals, "withdrawals"),
    ("user/withdrawals/<int:pk>/status", commissions.DecideWithdrawal, "withdrawal_status"),
    ("user/topup", redemptions.Redeem, "redeem"),
    ("user/amount", orders.Amount, "amount"),
    ("user/pay", orders.Pay, "pay"),
    ("redemption/", redemptions.Codes, "redemptions"),
    ("redemption/search", redemptions.CodeSearch, "redemption_search"),
    ("redemption/<int:pk>", redemptions.OneCode, "redemption"),
    ("topups/", orders.Orders, "orders"),
    ("topups/search", orders.OrderSearch, "order_search"),
    ("topups/delete", orders.CloseOrders, "orders_close"),
    ("topups/<int:pk>", orders.OneOrder, "order"),
    ("log/withdrawalscount", commissions.WaitingCount, "withdrawals_count"),
    ("token/", tokens.Tokens, "tokens"),
    ("token/search", tokens.TokenSearch, "token_search"),
    ("token/batch", tokens.ManyTokens, "token_batch"),
    ("token/<int:pk>", tokens.OneToken, "token"),
    ("token/<int:pk>/reveal", tokens.RevealToken, "token_reveal"),
    ("token/<int:pk>/billing_strategy", tokens.OneTokenStrategy, "token_strategy"),
    ("user/dashboard", statistics.Dashboard, "own_dashboard"),
    ("log/", logs.Logs, "logs"),
    ("log/stat", statistics.LogStat, "log_stat"),
    ("log/self", logs.OwnLogs, "own_logs"),
    ("log/self/stat", statistics.OwnStat, "own_log_stat"),
    ("log/search", logs.LogSearch, "log_search"),
    ("log/hourly-stats", statistics.HourlyStats, "hourly_stats"),
    ("log/token", logs.TokenLogs, "token_logs"),
    ("logall/stat", statistics.LogStat, "logall_stat"),
    ("logall/search", logs.LogSearch, "logall_search"),
    ("logall/token", logs.TokenLogs, "logall_token"),
    ("data/", statistics.Data, "data"),
    ("channel/", channels.Channels, "channels"),
    ("channel/search", channels.ChannelSearch, "channel_search"),
    ("channel/batch", channels.DeleteChannels, "channel_batch"),
    ("channel/disabled", channels.DeleteDisabled, "channel_disabled"),
    ("channel/copy", channels.CopyChannel, "channel_copy"),
    ("channel/test", channels.TestChannels, "channel_test_all"),
    ("channel/update_balance", channels.RefreshBalances, "channel_balance_all"),
    ("channel/<int:pk>", channels.OneChannel, "channel"),
    ("channel/test/<int:pk>", channels.TestChannel, "channel_test"),
    ("channel/update_balance/<int:pk>", channels.RefreshBalance, "channel_balance"),
    ("channel/fetch_models/<int:pk>", channels.FetchModels, "channel_fetch_models"),
    ("channel/reset_stats/<int:pk>", channels.ResetChannel, "channel_reset"),
    ("channel/models", offers.KnownModels, "known_models"),
)


def both_forms() -> Iterator[URLPattern]:
    view: Any
    for route, view, name in ROUTES:
        called = view() if isinstance(view, partial) else view.as_view()
        other = route.removesuffix("/") if route.endswith("/") else f"{route}/"
        yield path(route, called, name=name)
        yield path(other, called)


app_name = "api"
urlpatterns = [
    *both_forms(),
    path("schema", SpectacularJSONAPIView.as_view(), name="schema"),
    path("docs", docs.Docs.as_view(), name="docs"),
    path("docs/start.js", docs.DocsScript.as_view(), name="docs_script"),
    path("<path:rest>", status.show_unknown_path),
]
