"""Form fields of options that hold e-mail addresses."""

from typing import Any

from django import forms
from django.core.validators import validate_email


class MailboxField(forms.CharField):
    """One address; '' for none."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"required": False, "max_length": 254, **kwargs})

    def clean(self, value: Any) -> str:
        text = str(super().clean(value))
        if text:
            validate_email(text)
        return text


class MailboxesField(forms.CharField):
    """Several addresses with semicolons between them; '' for none."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"required": False, "max_length": 2000, **kwargs})

    def clean(self, value: Any) -> str:
        addresses = split_mailboxes(str(super().clean(value)))
        for address in addresses:
            validate_email(address)
        return ";".join(addresses)


def split_mailboxes(text: str) -> list[str]:
    parts = text.replace(",", ";").replace("；", ";").split(";")
    return [part.strip() for part in parts if part.strip()]
