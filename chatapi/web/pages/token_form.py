"""The form of a token: what its owner decides, as people put it."""

from datetime import datetime, timedelta, tzinfo
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from billing.renewal_form import RenewalForm, read_initial
from chatapi.accounts.models import Group, Token, User
from chatapi.accounts.tokens import MOST_VALID_SECONDS
from chatapi.console.fields import PlainDecimalField
from chatapi.console.money import units_per_usd
from chatapi.console.zones import has_date_everywhere
from chatapi.lib.money import units_from_usd, usd_from_units
from chatapi.lib.net import parse_networks
from chatapi.web.api.offers import models_of_group
from chatapi.web.api.token_editing import open_groups
from chatapi.web.api.token_shapes import MOST_AT_ONCE, MOST_MODELS_TEXT, renewal_of, units_left
from chatapi.web.pages.frame import Frame

NEVER, AT_DATE, FROM_NOW, FROM_FIRST_CALL = "never", "date", "created", "first"
UNITS = {"minutes": 60, "hours": 3600, "days": 86400}
COLUMNS = (
    "name",
    "networks_text",
    "concurrency",
    "requests_per_minute",
    "suffix_text",
    "group",
)
"""Fields that are columns of a token too."""


class MomentField(forms.DateTimeField):
    """One input of the browser's own, in the viewer's zone."""

    widget = forms.DateTimeInput({"type": "datetime-local"}, "%Y-%m-%dT%H:%M")
    zone: tzinfo

    def prepare_value(self, value: Any) -> Any:
        return value.astimezone(self.zone) if isinstance(value, datetime) else value

    def to_python(self, value: Any) -> datetime | None:
        found = super().to_python(value)
        if found is None:
            return None
        # Django read it as a time of the server's zone; its digits are meant.
        found = found.replace(tzinfo=self.zone)
        if not has_date_everywhere(found):
            raise ValidationError(self.error_messages["invalid"], code="invalid")
        return found

    def has_changed(self, initial: Any, data: Any) -> bool:
        """The input shows minutes: seconds that it leaves out are no change."""
        shown = initial and self.prepare_value(initial).strftime("%Y-%m-%dT%H:%M")
        return bool((shown or "") != (data or ""))


class OwnTokenForm(RenewalForm):
    """For a new token of a user, or for one that there is."""

    name = forms.CharField(label=_("Name"), max_length=64)
    count = forms.IntegerField(
        label=_("How many"),
        min_value=1,
        max_value=MOST_AT_ONCE,
        initial=1,
        help_text=_("Several tokens are made alike; their names get numbers."),
    )
    limit_usd = PlainDecimalField(
        label=_("Credit left in $"),
        required=False,
        min_value=0,
        max_digits=20,
        show_hidden_initial=True,
        help_text=_("Empty: no limit of its own, only your balance."),
    )
    expiry = forms.ChoiceField(
        label=_("Valid"),
        choices=[
            (NEVER, _("for ever")),
            (AT_DATE, _("until a date")),
            (FROM_NOW, _("for some time from now")),
            (FROM_FIRST_CALL, _("for some time from its first call")),
        ],
        initial=NEVER,
        widget=forms.RadioSelect,
    )
    expires_on = MomentField(label=_("Until"), required=False)
    valid_for = forms.IntegerField(label=_("For"), required=False, min_value=1)
    valid_unit = forms.ChoiceField(
        label=_("Unit"),
        choices=[("minutes", _("minutes")), ("hours", _("hours")), ("days", _("days"))],
        initial="days",
    )
    group = forms.ChoiceField(label=_("Group"), required=False)
    is_billed_by_call = forms.TypedChoiceField(
        label=_("Billing"),
        choices=[("", _("by quantity (tokens)")), ("1", _("per call, where there is a price"))],
        coerce=bool,
        empty_value="",
        required=False,
    )
    models = forms.MultipleChoiceField(
        label=_("Models"), required=False, widget=forms.CheckboxSelectMultiple
    )
    more_models = forms.CharField(
        label=_("Further models"),
        required=False,
        max_length=MOST_MODELS_TEXT,
        widget=forms.Textarea({"rows": 2, "spellcheck": "false"}),
        help_text=_("Comma list; a * at the end stands for anything, like gpt-4o*."),
    )
    networks_text = forms.CharField(
        label=_("IP ranges"),
        required=False,
        max_length=5000,
        widget=forms.Textarea(
            {"rows": 2, "spellcheck": "false", "placeholder": "203.0.113.7, 10.0.0.0/8"}
        ),
        help_text=_("Addresses or networks that may use the key. Empty: from anywhere."),
    )
    concurrency = forms.IntegerField(
        label=_("Calls at the same time"),
        required=False,
        min_value=0,
        max_value=2**31 - 1,
        help_text=_("Empty: as the site allows."),
    )
    requests_per_minute = forms.IntegerField(
        label=_("Requests per minute"),
        required=False,
        min_value=0,
        max_value=2**31 - 1,
        help_text=_("Empty: as the site allows. 0: no limit."),
    )
    suffix_text = forms.CharField(
        label=_("Text at the end of each answer"),
        required=False,
        max_length=1000,
        widget=forms.Textarea({"rows": 2}),
    )

    def __init__(
        self, data: Any = None, *, frame: Frame, user: User, zone: tzinfo, token: Any = None
    ) -> None:
        super().__init__(data, initial={} if token is None else read_token(token))
        self.token = token
        moment: Any = self.fields["expires_on"]
        moment.zone = zone
        self._offer_models(user)
        self._offer_groups(user, frame)
        if token is not None:
            del self.fields["count"]
        if not (frame.values["BillingByRequestEnabled"] and frame.values["ModelRatioEnabled"]):
            del self.fields["is_billed_by_call"]

    def _offer_models(self, user: User) -> None:
        """What the token's group serves, and what was chosen before."""
        group = (self.token.group if self.token else "") or user.group
        chosen = [] if self.token is None else [*self.token.models_allowed]
        names = list(models_of_group(group))
        kept = [name for name in chosen if name not in names and not name.endswith("*")]
        field: Any = self.fields["models"]
        field.choices = [(name, name) for name in [*names, *kept]]

    def _offer_groups(self, user: User, frame: Frame) -> None:
        current = self.token.group if self.token else ""
        if not frame.values["UserGroupEnabled"] and not current:
            del self.fields["group"]
            return
        field: Any = self.fields["group"]
        field.choices = [("", gettext("My group (%(name)s)") % {"name": user.group})]
        field.choices += [(one.name, describe_group(one)) for one in open_groups(user)]
        if current and current not in dict(field.choices):
            field.choices += [(current, current)]

    def clean_networks_text(self) -> str:
        text = str(self.cleaned_data["networks_text"])
        try:
            parse_networks(text)
        except ValueError as error:
            raise ValidationError(str(error)) from error
        return text

    def clean(self) -> dict[str, Any]:
        given = self.cleaned_data
        self._forget_unasked()
        self.check_renewal()
        match given.get("expiry"):
            case x if x == AT_DATE:
                self._check_date(given.get("expires_on"))
            case x if x in {FROM_NOW, FROM_FIRST_CALL}:
                self._check_duration(given)
        if len(join_models(given)) > MOST_MODELS_TEXT:
            self.add_error("models", _("These are too many models: use a * for some of them."))
        return given

    def _forget_unasked(self) -> None:
        """What stands in a field that the choice of the end hides is no mistake: nobody sees it."""
        expiry = self.cleaned_data.get("expiry")
        asked = {"expires_on"} if expiry == AT_DATE else set()
        asked |= {"valid_for", "valid_unit"} if expiry in {FROM_NOW, FROM_FIRST_CALL} else set()
        for name in {"expires_on", "valid_for", "valid_unit"} - asked:
            self.errors.pop(name, None)

    def _check_date(self, moment: datetime | None) -> None:
        if "expires_on" in self.errors:
            return
        if moment is None:
            self.add_error("expires_on", _("Say until when."))
        elif moment <= timezone.now() and "expires_on" in self.changed_data:
            self.add_error("expires_on", _("This time is over."))

    def _check_duration(self, given: dict[str, Any]) -> None:
        if self.errors.keys() & {"valid_for", "valid_unit"}:
            return
        if not given.get("valid_for"):
            self.add_error("valid_for", _("Say for how long."))
        elif given["valid_for"] * UNITS[given["valid_unit"]] > MOST_VALID_SECONDS:
            self.add_error("valid_for", _("At most a hundred years."))

    def read_values(self) -> dict[str, Any]:
        """As `chatapi.web.api.token_editing` takes them."""
        given = self.cleaned_data
        values = {name: given[name] for name in COLUMNS if name in given}
        if "is_billed_by_call" in given:
            values["is_billed_by_call"] = bool(given["is_billed_by_call"])
        values["models_text"] = join_models(given)
        if self.token is None or "limit_usd" in self.changed_data:
            limit = given["limit_usd"]
            values["is_unlimited"] = limit is None
            if limit is not None:
                values["remain_quota"] = units_from_usd(limit, units_per_usd())
        return values | self.read_renewal() | self._read_end()

    def _read_end(self) -> dict[str, Any]:
        given = self.cleaned_data
        kind = given["expiry"]
        if kind == AT_DATE:
            if self.token is not None and "expires_on" not in self.changed_data:
                # To the minute in the form: as it was, it is not cut.
                return {"expires_at": self.token.expires_at, "valid_seconds": None}
            return {"expires_at": given["expires_on"], "valid_seconds": None}
        if kind == NEVER:
            return {"expires_at": None, "valid_seconds": None}
        seconds = given["valid_for"] * UNITS[given["valid_unit"]]
        if kind == FROM_NOW:
            ends = timezone.now() + timedelta(seconds=seconds)
            return {"expires_at": ends, "valid_seconds": None}
        return {"expires_at": None, "valid_seconds": seconds}


def read_token(token: Token) -> dict[str, Any]:
    """What the form shows of a token that was read with its limit."""
    values: dict[str, Any] = {name: getattr(token, name) for name in COLUMNS}
    values["is_billed_by_call"] = "1" if token.is_billed_by_call else ""
    values["models"] = [name for name in token.models_allowed if not name.endswith("*")]
    values["more_models"] = ", ".join(n for n in token.models_allowed if n.endswith("*"))
    if not token.is_unlimited:
        values["limit_usd"] = usd_from_units(units_left(token), units_per_usd())
    values |= read_initial(renewal_of(token))
    if token.valid_seconds is not None and token.first_used_at is None:
        values["expiry"] = FROM_FIRST_CALL
        values["valid_for"], values["valid_unit"] = split_seconds(token.valid_seconds)
    elif token.expires_at is not None:
        values |= {"expiry": AT_DATE, "expires_on": token.expires_at}
    return values


def split_seconds(seconds: int) -> tuple[int, str]:
    """In the greatest unit that is exact; what is none is rounded up to minutes."""
    for unit in ("days", "hours"):
        if seconds % UNITS[unit] == 0:
            return seconds // UNITS[unit], unit
    return -(-seconds // 60), "minutes"


def join_models(given: dict[str, Any]) -> str:
    further = str(given.get("more_models", "")).replace("\n", ",").split(",")
    names = [*given.get("models", ()), *filter(None, (part.strip() for part in further))]
    return ", ".join(dict.fromkeys(names))


def describe_group(group: Group) -> str:
    return f"{group.title} · ×{group.ratio.normalize():f}"
