"""Signing in at the console's own door: the same steps after the password as everywhere."""

from typing import Any

from allauth.account.internal.flows.login import perform_password_login
from allauth.account.models import Login
from django.contrib.auth.views import LoginView
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from chatapi.web.next_page import wanted_page


class ConsoleSignInView(LoginView):
    def get_default_redirect_url(self) -> str:
        return reverse("admin:index")

    def get_redirect_url(self, request: HttpRequest | None = None) -> str:
        return wanted_page(request or self.request)

    def form_valid(self, form: Any) -> HttpResponse:
        user = form.get_user()
        login = Login(user=user, redirect_url=self.get_success_url())
        credentials = {"username": user.get_username()}
        response: HttpResponse = perform_password_login(self.request, credentials, login)
        return response
