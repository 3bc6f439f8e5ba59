"""People, groups and their tokens."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AccountsConfig(AppConfig):
    name = "chatapi.accounts"
    label = "accounts"
    verbose_name = _("People")

    def ready(self) -> None:
        # They hear of sign-ins.
        from chatapi.accounts import failed_sign_ins, step_up  # noqa: F401, PLC0415
