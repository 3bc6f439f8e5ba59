"""What the console takes from the other apps, and what it leaves."""

from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialToken
from allauth.usersessions.models import UserSession
from django.contrib import admin

from billing.models import Usage
from chatapi.web.call_texts import CallAdmin
from chatapi.web.identity.console_sign_in import ConsoleSignInView

site: Any = admin.site
site.login_view = ConsoleSignInView
# Second factors and foreign accounts are their owners' business; the rest is not used.
for model in (EmailAddress, Authenticator, SocialAccount, SocialApp, SocialToken, UserSession):
    if site.is_registered(model):
        site.unregister(model)
# The page of a call also leads to its texts, which the relay keeps.
site.unregister(Usage)
site.register(Usage, CallAdmin)
