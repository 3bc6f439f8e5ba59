"""The console's forms for users and tokens."""

from typing import Any

from django import forms
from django.contrib.auth.forms import AdminPasswordChangeForm, UserCreationForm, UsernameField
from django.utils.translation import gettext_lazy as _

from chatapi.accounts.models import Group, Token, User
from chatapi.accounts.people import change_password
from chatapi.accounts.tokens import check_validity


def group_choices() -> list[tuple[str, str]]:
    return [
        (group.name, f"{group.title} ({group.name})" if group.label else group.name)
        for group in Group.objects.all()
    ]


class GroupField(forms.ChoiceField):
    """One of the groups there are; a group that is gone can be kept, not chosen."""

    def __init__(self, *, empty: Any = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._empty = empty

    def offer(self, current: str) -> None:
        offered = group_choices()
        if self._empty is not None:
            offered.insert(0, ("", self._empty))
        if current not in dict(offered):
            offered.append((current, current))
        self.choices = offered


class NewUserForm(UserCreationForm[User]):
    group = GroupField(label=_("group"), initial="default")

    class Meta:
        model = User
        fields = ("username", "group", "email")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offer_groups(self, "default")


class UserForm(forms.ModelForm[User]):
    """A user's details; neither role nor ban, which are asked for twice."""

    group = GroupField(label=_("group"))

    class Meta:
        model = User
        fields = ("username", "display_name", "email", "group")
        field_classes = {"username": UsernameField}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offer_groups(self, self.instance.group)


class OperatorPasswordForm(AdminPasswordChangeForm):  # type: ignore[type-arg] # not subscriptable
    """A new password for somebody else; ends all of that user's sessions."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Django's choice to have none leaves the passwords empty, and unset."""
        super().__init__(*args, **kwargs)
        self.fields.pop("usable_password", None)
        for field in self.fields.values():
            field.required = True

    def save(self, commit: bool = True) -> User:  # noqa: ARG002, FBT001, FBT002 -- Django's signature
        change_password(self.user, self.cleaned_data["password1"])
        user: User = self.user
        return user


class TokenForm(forms.ModelForm[Token]):
    group = GroupField(label=_("group"), required=False, empty=_("The user's group"))

    class Meta:
        model = Token
        fields = (
            "user",
            "name",
            "status",
            "group",
            "models_text",
            "networks_text",
            "concurrency",
            "requests_per_minute",
            "expires_at",
            "valid_seconds",
            "is_billed_by_call",
            "suffix_text",
        )
        widgets = {
            "models_text": forms.Textarea(attrs={"rows": 2, "class": "vLargeTextField"}),
            "networks_text": forms.Textarea(attrs={"rows": 2, "class": "vLargeTextField"}),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offer_groups(self, self.instance.group)

    def clean(self) -> Any:
        cleaned = super().clean() or self.cleaned_data
        if self.instance.first_used_at is None:
            check_validity(cleaned.get("expires_at"), cleaned.get("valid_seconds"))
        return cleaned


def offer_groups(form: forms.BaseForm, current: str) -> None:
    field = form.fields.get("group")
    if isinstance(field, GroupField):
        field.offer(current)
