"""The page of one's own data: names, e-mail address, models, access token, the end."""

from collections import defaultdict
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.decorators import login_required
from django.contrib.auth.validators import UnicodeUsernameValidator
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from channels_app.catalogue import KINDS
from channels_app.kind_models import owner_of
from chatapi.accounts.access_tokens import reset_personal_token
from chatapi.accounts.closing import close_account
from chatapi.accounts.models import AccessToken, SignInName, User
from chatapi.accounts.names import fold_name
from chatapi.accounts.step_up import ask_for_password, require_fresh_password
from chatapi.console.audit import record_act
from chatapi.web.api.offers import models_of_group
from chatapi.web.foreign.entering import list_bindings
from chatapi.web.pages.email_change import NewAddressForm
from chatapi.web.pages.sign_up_form import NAME_RULE


class ProfileForm(forms.ModelForm[User]):
    username = forms.CharField(
        label=gettext_lazy("User name"),
        min_length=3,
        max_length=32,
        validators=[UnicodeUsernameValidator(message=NAME_RULE)],
    )

    class Meta:
        model = User
        fields = ("username", "display_name")
        labels = {"display_name": gettext_lazy("Display name")}

    def clean_username(self) -> str:
        """A name that was given before there were rules may stay as it is."""
        name: str = self.cleaned_data["username"]
        if fold_name(name) == fold_name(self.initial["username"]):
            return name
        if "@" in name or "+" in name:
            raise ValidationError(NAME_RULE)
        if SignInName.objects.of(name).exists():
            raise ValidationError(_("This name is taken."))
        return name

    def _post_clean(self) -> None:
        """Only these two fields are looked at and written, whatever else the row holds."""
        for name in self._meta.fields or ():
            if name in self.cleaned_data:
                setattr(self.instance, name, self.cleaned_data[name])


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def show_profile(request: HttpRequest) -> HttpResponse:
    user: Any = request.user
    if request.method != "POST":
        return render_profile(request, form=ProfileForm(instance=user))
    if asked := ask_for_password(request, lambda: is_staff_renamed(request)):
        return asked
    form = ProfileForm(request.POST, instance=User.objects.get(pk=user.pk))
    if not form.is_valid():
        return render_profile(request, form=form)
    try:
        save_profile(request, form)
    except ValidationError as error:
        form.add_error("username", error)
        return render_profile(request, form=form)
    messages.success(request, _("Saved."))
    return redirect("profile")


def is_staff_renamed(request: HttpRequest) -> bool:
    """By the names of staff others know whom they deal with."""
    user: Any = request.user
    wanted = request.POST.get("username", "").strip()
    return bool(user.is_staff and wanted != user.username)


def save_profile(request: HttpRequest, form: ProfileForm) -> None:
    """Of a valid form. Raises ValidationError if somebody took the name meanwhile."""
    changed, before = form.instance, {"username": form.initial["username"]}
    try:
        with transaction.atomic():
            changed.save(update_fields=["username", "display_name"])
            after = {"username": changed.username}
            if after != before:
                record_act(
                    "user.renamed", request=request, target=changed, before=before, after=after
                )
    except IntegrityError as error:
        raise ValidationError(_("This name is taken.")) from error


def render_profile(request: HttpRequest, **more: Any) -> HttpResponse:
    user: Any = request.user
    context = {
        "page_url": reverse("profile"),
        "email_form": NewAddressForm(request),
        "bindings": list_bindings(user),
        "vendors": list_models(user.group),
        "access_token": AccessToken.objects.filter(personal_of=user, revoked_at=None).first(),
        **more,
    }
    context.setdefault("form", ProfileForm(instance=user))
    return render(request, "user/profile.html", context)


def list_models(group: str) -> list[tuple[str, list[str]]]:
    """What the vendor is called, and its models; those of nobody known come last."""
    labels = {kind.name: str(kind.label) for kind in KINDS.values()}
    found = defaultdict(list)
    for model in models_of_group(group):
        found[labels.get(owner_of(model) or "", "")].append(model)
    return sorted(found.items(), key=lambda entry: (not entry[0], entry[0].casefold()))


@never_cache
@login_required
@require_fresh_password
@require_POST
def renew_access_token(request: HttpRequest) -> HttpResponse:
    """The key of the management API, in this answer only; the former one stops working."""
    user: Any = request.user
    with transaction.atomic():
        made = reset_personal_token(user)
        record_act("access_token.reset", request=request, target=made.token)
    return render_profile(request, new_key=made.key, shown_once=True)


@never_cache
@login_required
@require_fresh_password
@require_POST
def delete_account(request: HttpRequest) -> HttpResponse:
    """Soon after signing in nobody is asked for the password, so the user name is typed: one press
    of a button takes nobody's account away.
    """
    user: Any = request.user
    try:
        close_by_name(request, user, request.POST.get("username", ""))
    except ValidationError as error:
        messages.error(request, error.messages[0])
        return redirect("profile")
    logout(request)
    messages.success(request, _("Your account is closed."))
    return redirect("login")


def close_by_name(request: HttpRequest, user: User, typed: str) -> None:
    """Raises ValidationError for another name than the user's, and LastRoot."""
    if fold_name(typed.strip()) != fold_name(user.username):
        raise ValidationError(_("Nothing was closed: that is not your user name."))
    with transaction.atomic():
        record_act("user.closed", request=request, target=user)
        close_account(user)
