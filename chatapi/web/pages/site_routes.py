"""The users' pages: paths and names. The menu finds them by their names."""

from django.urls import path

from chatapi.web.pages import (
    call_log,
    chat_link,
    dashboard,
    drawing_log,
    key_lookup,
    ledger,
    playground,
    prices,
    site_texts,
    token_form_page,
    token_keys,
    token_list,
)

urlpatterns = [
    path("", site_texts.show_home, name="home"),
    path("dashboard", dashboard.show_dashboard, name="dashboard"),
    path("token", token_list.show_tokens, name="tokens"),
    path("token/new", token_form_page.make_token, name="token_new"),
    path("token/selected", token_list.delete_tokens, name="tokens_delete"),
    path("token/<int:pk>", token_form_page.edit_token, name="token_edit"),
    path("token/<int:pk>/status", token_list.switch_token, name="token_status"),
    path("token/keys", token_keys.show_keys, name="token_keys"),
    path("token/<int:pk>/key", token_keys.show_key, name="token_key"),
    path("key", key_lookup.look_up, name="key_lookup"),
    path("mjlog", drawing_log.show_drawings, name="user_midjourney"),
    path("log", call_log.show_log, name="user_log"),
    path("log/export", call_log.export_log, name="user_log_export"),
    path("log/balance", ledger.show_ledger, name="user_ledger"),
    path("log/<str:request_id>", call_log.show_call, name="user_call"),
    path("model", prices.show_prices, name="model_prices"),
    path("playground", playground.show_playground, name="playground"),
    path("playground/<int:pk>/key", playground.make_key, name="playground_key"),
    path("playground/cost/<str:request_id>", playground.show_cost, name="playground_cost"),
    path("chatweb", chat_link.show_chat, name="chat"),
    path("chatweb/key", chat_link.warn_of_chat, name="chat_with_key"),
    path("about", site_texts.show_about, name="about"),
    path("announcement", site_texts.show_announcement, name="announcement"),
]
