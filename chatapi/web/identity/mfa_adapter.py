"""Makes allauth's second factors at home here: sealed secrets, our site's name."""

from allauth.mfa.adapter import DefaultMFAAdapter
from django.conf import settings

from chatapi.options.snapshot import read_values

PLACE = "mfa_authenticator:data"
"""allauth does not say which row a secret belongs to."""


class MfaAdapter(DefaultMFAAdapter):
    def encrypt(self, text: str) -> str:
        sealed: str = settings.KEY_RING.seal(text, PLACE)
        return sealed

    def decrypt(self, encrypted_text: str) -> str:
        text: str = settings.KEY_RING.unseal(encrypted_text, PLACE)
        return text

    def _get_site_name(self) -> str:
        return str(read_values()["SystemName"])
