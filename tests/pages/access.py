"""Who may open which route: the table that `test_access.py` holds against the whole URL map.

A route that is missing here fails the test. `see` is for GET, `send` for POST: the least role, or
OWNER for what belongs to one user, or None for a method that the route does not have.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from chatapi.accounts.models import Role

ANYBODY = 0
USER, SUPPORT, ADMIN, ROOT = Role.COMMON, Role.SUPPORT, Role.ADMIN, Role.ROOT
NOBODY = 1000
OWNER = -1
"""Whose row it is, and nobody else, not even root: the pages of users show only one's own."""


@dataclass(frozen=True, slots=True)
class Access:
    see: int | None
    send: int | None = None
    query: str = ""
    """For routes that answer nobody without it."""
    row: int = 1
    is_called_from_outside: bool = False
    """Providers send no CSRF token; they prove themselves otherwise."""
    is_tried: bool = True
    """Whether those who may are let in here: not where it would call a provider."""


def read_only(see: int) -> dict[str, Access]:
    """A model whose rows only the system writes."""
    return {
        "changelist": Access(see, see),
        "add": Access(NOBODY, NOBODY),
        "history": Access(see, see),
        "delete": Access(NOBODY, NOBODY),
        "change": Access(see, NOBODY),
    }


def editable(see: int, change: int) -> dict[str, Access]:
    return {
        "changelist": Access(see, see),
        "add": Access(change, change),
        "history": Access(see, see),
        "delete": Access(change, change),
        "change": Access(see, change),
    }


def page(see: int) -> Access:
    return Access(see)


def form(level: int) -> Access:
    return Access(level, level)


def form_of_staff() -> Access:
    return Access(SUPPORT, ADMIN)


def act(level: int, *, is_tried: bool = True) -> Access:
    return Access(None, level, is_tried=is_tried)


MODELS: Mapping[str, dict[str, Access]] = {
    # The first group is the default one, which stays.
    "accounts_accesstoken": {**read_only(ROOT), "add": form(ROOT)},
    "accounts_group": {**editable(SUPPORT, ADMIN), "delete": Access(ADMIN, ADMIN, row=2)},
    "accounts_token": editable(SUPPORT, ADMIN),
    "accounts_user": {
        **editable(SUPPORT, ADMIN),
        "credit": form(ADMIN),
        "role": form(ROOT),
        "ban": form(ADMIN),
    },
    "billing_budget": read_only(SUPPORT),
    "billing_hourlyusage": read_only(SUPPORT),
    "billing_lease": read_only(SUPPORT),
    "billing_ledgerentry": read_only(SUPPORT),
    "billing_price": {
        **editable(SUPPORT, ADMIN),
        "import": form(ADMIN),
        "diff": form(ADMIN),
        "export": page(SUPPORT),
        "calculator": form(SUPPORT),
        "unpriced": form(SUPPORT),
    },
    "billing_order": {
        **read_only(SUPPORT),
        "probe": act(ADMIN, is_tried=False),
        "check": act(ADMIN, is_tried=False),
        "complete": form(ADMIN),
        "refund": form(ADMIN),
    },
    "billing_paymentnotice": {**read_only(SUPPORT), "settle": form(ADMIN)},
    "billing_rechargelot": read_only(SUPPORT),
    "billing_redemptioncode": {
        **read_only(SUPPORT),
        "add": form(ADMIN),
        "batch": form(ADMIN),
        "show": form(ADMIN),
    },
    "billing_usage": {**read_only(SUPPORT), "export": form(ADMIN), "texts": form(ADMIN)},
    "billing_withdrawal": {**read_only(SUPPORT), "decide": form(ADMIN)},
    "billing_worker": read_only(SUPPORT),
    "channels_app_channel": {
        **editable(SUPPORT, ADMIN),
        "test": act(ADMIN, is_tried=False),
        "balance": act(ADMIN, is_tried=False),
        "models": act(ADMIN, is_tried=False),
        "test_all": act(ADMIN, is_tried=False),
        "balance_all": act(ADMIN, is_tried=False),
        "runs": form(SUPPORT),
        "delete_disabled": form(ADMIN),
        "keys": act(ADMIN, is_tried=False),
        "rests": act(ADMIN),
        "news": Access(SUPPORT, ADMIN, is_tried=False),
    },
    "notifications_delivery": {
        **read_only(ADMIN),
        "ways": form(ADMIN),
        "test": act(ADMIN, is_tried=False),
    },
    "notifications_notice": read_only(ADMIN),
    "console_taskrun": {**read_only(ADMIN), "rows": page(ADMIN), "run": act(ADMIN, is_tried=False)},
    "console_auditentry": {**read_only(ADMIN), "export": form(ADMIN)},
    "relay_midjourneytask": read_only(ADMIN),
}

CONSOLE: Mapping[str, Access] = {
    "index": form(SUPPORT),
    "login": form(ANYBODY),
    "logout": act(ANYBODY),
    "password_change": form(SUPPORT),
    "password_change_done": page(SUPPORT),
    "autocomplete": Access(
        SUPPORT, query="?app_label=accounts&model_name=token&field_name=user&term=a"
    ),
    "jsi18n": page(SUPPORT),
    "view_on_site": form(NOBODY),
    "app_list": form(SUPPORT),
    "auth_user_password_change": form(ADMIN),
    "constance_config_changelist": form(ROOT),
    "constance_config_add": form(ROOT),
    "constance_config_change": form(SUPPORT),
    "constance_config_history": form(ROOT),
}

PAGES: Mapping[str, Access] = {
    "home": page(ANYBODY),
    "robots": page(ANYBODY),
    "favicon": page(ANYBODY),
    "set_language": act(ANYBODY),
    # --- Signing in and up ---
    "login": form(ANYBODY),
    "account_login": form(ANYBODY),
    "logout": form(ANYBODY),
    "account_logout": form(ANYBODY),
    # Nothing without a first step.
    "second_step": Access(ANYBODY, ANYBODY, is_tried=False),
    "mfa_authenticate": Access(ANYBODY, ANYBODY, is_tried=False),
    "passkey_sign_in": Access(ANYBODY, ANYBODY, is_tried=False),
    "register": form(ANYBODY),
    "verify_email": form(ANYBODY),
    "reset_password": form(ANYBODY),
    "reset_password_by_link": form(ANYBODY),
    # Not there until an option switches it on.
    "wechat": Access(ANYBODY, ANYBODY, is_tried=False),
    "foreign_return": Access(ANYBODY, ANYBODY, is_tried=False),
    "foreign_start": act(ANYBODY, is_tried=False),
    "foreign_bind": act(USER, is_tried=False),
    "foreign_unbind": act(USER),
    # --- One's own account ---
    "dashboard": page(USER),
    "welcome": page(USER),
    "security": page(USER),
    "change_password": act(USER),
    "end_other_sessions": act(USER),
    "end_session": act(OWNER),
    "add_app": form(USER),
    "remove_app": act(USER),
    "renew_codes": act(USER),
    "add_passkey": form(USER),
    "remove_passkey": act(OWNER),
    "profile": form(USER),
    "renew_access_token": act(USER),
    # It works at once for who has just signed in.
    "delete_account": act(USER, is_tried=False),
    "change_email": act(USER),
    "confirm_email": form(USER),
    # --- Tokens ---
    "tokens": page(USER),
    "token_new": form(USER),
    "token_edit": form(OWNER),
    "token_status": act(OWNER),
    "tokens_delete": act(USER),
    # --- Money ---
    "topup": page(USER),
    "place_order": act(USER),
    "orders": page(USER),
    "order": page(OWNER),
    "check_order": act(OWNER),
    "lots": page(USER),
    "redeem": act(USER),
    "invitations": page(USER),
    "transfer_commission": act(USER),
    "withdraw": act(USER),
    "withdrawals": page(USER),
    "user_ledger": page(USER),
    # An option opens it for everybody.
    "model_prices": page(USER),
    # --- Alerts ---
    "alerts": page(USER),
    "alerts_balance": act(USER),
    "alerts_events": act(USER),
    "alerts_email": act(USER),
    "alerts_email_confirm": act(USER),
    "alerts_bind": act(USER),
    "alerts_unbind": act(USER),
    "alerts_test": act(USER),
    # --- Calls ---
    "user_log": page(USER),
    "user_log_export": page(USER),
    "user_call": page(OWNER),
    "user_midjourney": page(USER),
    "token_keys": act(USER),
    # Without a kept copy of the key nobody sees it.
    "token_key": Access(OWNER, is_tried=False),
    # Nothing without the option ChatLink.
    "chat": Access(USER, is_tried=False),
    "chat_with_key": Access(None, OWNER, is_tried=False),
    "playground": page(USER),
    "playground_key": act(OWNER),
    # The same answer for what is somebody else's and for what is not recorded yet.
    "playground_cost": page(USER),
    "about": page(ANYBODY),
    "announcement": page(ANYBODY),
    "key_lookup": form(ANYBODY),
    "epay_notify": Access(ANYBODY, ANYBODY, is_called_from_outside=True),
    "stripe_webhook": Access(None, ANYBODY, is_called_from_outside=True),
}

API: Mapping[str, Access] = {
    "status": page(ANYBODY),
    "notice": page(ANYBODY),
    "about": page(ANYBODY),
    "home_page_content": page(ANYBODY),
    "midjourney_text": page(ANYBODY),
    "schema": page(ANYBODY),
    "docs": page(ANYBODY),
    "docs_script": page(ANYBODY),
    # Asks for the key of a token instead.
    "token_logs": Access(ANYBODY, ANYBODY, is_tried=False, is_called_from_outside=True),
    "logall_token": Access(ANYBODY, ANYBODY, is_tried=False, is_called_from_outside=True),
    "token_drawings": Access(ANYBODY, ANYBODY, is_tried=False, is_called_from_outside=True),
    "login": Access(None, ANYBODY, is_tried=False),
    "logout": Access(ANYBODY, ANYBODY, is_tried=False),
    "register": Access(None, ANYBODY, is_tried=False),
    "reset": Access(None, ANYBODY, is_tried=False),
    # A GET that changes something works from our own pages alone.
    "verification": Access(ANYBODY, ANYBODY, is_tried=False),
    "reset_link": Access(ANYBODY, ANYBODY, is_tried=False),
    # Not there until an option switches it on.
    "foreign_state": Access(ANYBODY, ANYBODY, is_tried=False),
    "foreign_return": Access(ANYBODY, ANYBODY, is_tried=False),
    "foreign_wechat": Access(ANYBODY, ANYBODY, is_tried=False),
    "foreign_telegram": Access(ANYBODY, ANYBODY, is_tried=False),
    # --- One's own ---
    "bind_email": Access(USER, USER, is_tried=False),
    "bind_wechat": Access(USER, USER, is_tried=False),
    "bind_telegram": Access(USER, USER, is_tried=False),
    "quota_alert": form(USER),
    "models": page(USER),
    "user_options": page(USER),
    "model_prices": page(USER),
    "own_drawings": page(USER),
    "invitation_code": Access(USER, USER, is_tried=False),
    "commission_transfer": act(USER),
    "commission_withdrawal": act(USER),
    "own_withdrawals": page(USER),
    "redeem": act(USER),
    "amount": act(USER),
    "pay": act(USER),
    "self": page(USER),
    # A GET that changes something works with a header alone.
    "own_access_token": Access(USER, USER, is_tried=False),
    "own_models": page(USER),
    "own_groups": page(USER),
    "own_dashboard": page(USER),
    "own_logs": page(USER),
    "own_log_stat": page(USER),
    "hourly_stats": page(USER),
    "tokens": form(USER),
    "token": page(OWNER),
    "token_search": page(USER),
    "token_batch": act(USER),
    "token_strategy": Access(None, None),
    "token_reveal": act(OWNER),
    # --- Staff ---
    "groups": page(SUPPORT),
    "users": form_of_staff(),
    "user": page(SUPPORT),
    "user_tokens": form_of_staff(),
    "user_search": page(SUPPORT),
    "user_manage": act(ADMIN),
    "user_credit": act(ADMIN),
    "logs": page(SUPPORT),
    "log_stat": page(SUPPORT),
    "log_search": page(SUPPORT),
    "logall_stat": page(SUPPORT),
    "logall_search": page(SUPPORT),
    "data": page(SUPPORT),
    "known_models": page(SUPPORT),
    "channels": form_of_staff(),
    "channel": page(SUPPORT),
    "channel_search": page(SUPPORT),
    "channel_batch": act(ADMIN),
    "channel_disabled": Access(None, None),
    "channel_copy": act(ADMIN),
    "channel_test": Access(ADMIN, ADMIN, is_tried=False),
    "channel_test_all": Access(ADMIN, ADMIN, is_tried=False),
    "channel_balance": Access(ADMIN, ADMIN, is_tried=False),
    "channel_balance_all": Access(ADMIN, ADMIN, is_tried=False),
    "channel_fetch_models": Access(ADMIN, ADMIN, is_tried=False),
    "channel_reset": act(ADMIN),
    "drawings": page(SUPPORT),
    "options": page(ROOT),
    "redemptions": form_of_staff(),
    "redemption": page(SUPPORT),
    "redemption_search": page(SUPPORT),
    "orders": page(SUPPORT),
    "order": page(SUPPORT),
    "order_search": page(SUPPORT),
    "orders_close": Access(None, None),
    "withdrawals": page(SUPPORT),
    "withdrawal_status": act(ADMIN),
    "withdrawals_count": page(SUPPORT),
}


def table() -> dict[str, Access]:
    """By the name of the route."""
    return {
        **PAGES,
        **{f"api:{name}": access for name, access in API.items()},
        **{f"admin:{name}": access for name, access in CONSOLE.items()},
        **{
            f"admin:{model}_{verb}": access
            for model, verbs in MODELS.items()
            for verb, access in verbs.items()
        },
    }
