"""The pages of accounts: signing up, in and out."""

from django.urls import path

from chatapi.web.pages import authenticators, email_change, foreign, profile, security
from chatapi.web.pages.reset_password import ResetByLinkView, ask_reset_link
from chatapi.web.pages.second_step import ask_second_step, sign_in_with_passkey
from chatapi.web.pages.sign_in import sign_in, sign_out
from chatapi.web.pages.sign_up import show_welcome, sign_up
from chatapi.web.pages.verify_email import verify_email

urlpatterns = [
    path("login", sign_in, name="login"),
    path("logout", sign_out, name="logout"),
    path("register", sign_up, name="register"),
    path("register/verify", verify_email, name="verify_email"),
    path("welcome", show_welcome, name="welcome"),
    path("reset", ask_reset_link, name="reset_password"),
    path("reset/<uidb64>/<token>", ResetByLinkView.as_view(), name="reset_password_by_link"),
    path("login/second", ask_second_step, name="second_step"),
    path("login/passkey", sign_in_with_passkey, name="passkey_sign_in"),
    path("profile", profile.show_profile, name="profile"),
    path("profile/token", profile.renew_access_token, name="renew_access_token"),
    path("profile/close", profile.delete_account, name="delete_account"),
    path("profile/email", email_change.ask_new_address, name="change_email"),
    path("profile/email/confirm", email_change.confirm_email, name="confirm_email"),
    path("security", security.show_security, name="security"),
    path("security/password", security.change_own_password, name="change_password"),
    path("security/sessions/others", security.end_other_sessions, name="end_other_sessions"),
    path("security/sessions/<int:pk>", security.end_session, name="end_session"),
    path("security/app", authenticators.add_app, name="add_app"),
    path("security/app/remove", authenticators.remove_app, name="remove_app"),
    path("security/codes", authenticators.renew_codes, name="renew_codes"),
    path("security/passkeys", authenticators.add_passkey, name="add_passkey"),
    path("security/passkeys/<int:pk>", authenticators.remove_passkey, name="remove_passkey"),
    path("oauth/wechat/code", foreign.enter_by_wechat, name="wechat"),
    path("oauth/<slug:slug>", foreign.come_back, name="foreign_return"),
    path("oauth/<slug:slug>/start", foreign.start_sign_in, name="foreign_start"),
    path("oauth/<slug:slug>/bind", foreign.start_binding, name="foreign_bind"),
    path("oauth/<slug:slug>/unbind", foreign.unbind, name="foreign_unbind"),
    # The names that allauth knows them by.
    path("login", sign_in, name="account_login"),
    path("logout", sign_out, name="account_logout"),
    path("login/second", ask_second_step, name="mfa_authenticate"),
]
