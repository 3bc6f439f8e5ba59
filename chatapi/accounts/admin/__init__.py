"""The pages of groups, users and tokens. `billing.admin` adds what they have and spend."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.models import Group as DjangoGroup

from chatapi.accounts import roles
from chatapi.accounts.admin.access_tokens import AccessTokenAdmin
from chatapi.accounts.admin.groups import GroupAdmin
from chatapi.accounts.admin.tokens import TokenAdmin
from chatapi.accounts.admin.users import UserAdmin
from chatapi.accounts.own_password import ConsolePasswordView
from chatapi.accounts.sign_in import NewPasswordForm, SignInForm
from chatapi.accounts.staff_second_factor import send_to_second_factor
from chatapi.accounts.step_up import ask_for_password

site: Any = admin.site
site.rules = roles
site.ask_for_password = ask_for_password
site.find_obstacle = send_to_second_factor
site.login_form = SignInForm
site.password_change_form = NewPasswordForm
site.password_change_view = ConsolePasswordView
# The console knows roles; Django's own groups of permissions would only confuse.
site.unregister(DjangoGroup)

__all__ = ["AccessTokenAdmin", "GroupAdmin", "TokenAdmin", "UserAdmin"]
