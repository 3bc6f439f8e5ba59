"""Users, groups and tokens."""

from datetime import timedelta
from typing import Any

from django.contrib.auth.models import AbstractUser
from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator
from django.db import IntegrityError, models, transaction
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from chatapi.accounts.names import NameTaken, hash_name
from chatapi.lib.net import parse_networks
from chatapi.options.feed import PublishedModel


class Role(models.IntegerChoices):
    """The numbers of the existing product."""

    COMMON = 1, pgettext_lazy("role", "User")
    SUPPORT = 5, _("Support")
    """Ours: reads the console, changes nothing, sees no secrets."""
    ADMIN = 10, _("Administrator")
    ROOT = 100, _("Root")


class Group(PublishedModel):
    """Decides prices (by its ratio) and routes (by the channels that serve it)."""

    feed_topic = "group"

    name = models.CharField(_("name"), max_length=64, unique=True)
    label = models.CharField(_("label"), max_length=64, blank=True)
    ratio = models.DecimalField(
        _("price ratio"),
        max_digits=12,
        decimal_places=6,
        default=1,
        validators=[MinValueValidator(0)],
    )
    is_selectable = models.BooleanField(_("users may choose it for tokens"), default=True)

    class Meta:
        verbose_name = _("group")
        verbose_name_plural = _("groups")
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(ratio__gte=0), name="group_ratio_not_negative"
            )
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def title(self) -> str:
        """For people: the label, in their language as long as it is the one we gave."""
        first = {
            "Default group": _("Default group"),
            "VIP group": _("VIP group"),
            "SVIP group": _("SVIP group"),
        }
        return str(first.get(self.label, self.label)) or self.name


class User(PublishedModel, AbstractUser):
    """A person with a wallet. Money columns live in `billing`, so no edit of a user can touch
    them.
    """

    feed_topic = "user"

    role = models.PositiveSmallIntegerField(
        _("role"), choices=Role, default=Role.COMMON, db_index=True
    )
    group = models.CharField(_("group"), max_length=64, default="default")
    must_change_password = models.BooleanField(_("must change the password"), default=False)
    is_service = models.BooleanField(_("service account"), default=False, editable=False)
    """A program, not a person: no password, only access tokens."""
    session_stamp = models.PositiveIntegerField(default=0, editable=False)
    """Part of what every session of the user is checked against: raised, all of them are over."""
    deleted_at = models.DateTimeField(_("deleted"), null=True, editable=False)
    """Money and calls outlive a user, so the row stays, without what is personal."""
    display_name = models.CharField(_("display name"), max_length=64, blank=True)
    invitation_code = models.CharField(  # noqa: DJ001 -- unique, and not everybody has one
        _("invitation code"), max_length=32, unique=True, null=True, editable=False
    )
    inviter = models.ForeignKey(
        "self",
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        editable=False,
        related_name="invitees",
        verbose_name=_("invited by"),
    )

    class Meta:
        verbose_name = _("user")
        verbose_name_plural = _("users")

    def set_password(self, raw_password: str | None) -> None:
        """Whoever gets a new password has left the quarantine of the initial one; a service account
        never gets one.
        """
        super().set_password(None if self.is_service else raw_password)
        self.must_change_password = False

    def _get_session_auth_hash(self, secret: str | None = None) -> str:
        """Django's, and the stamp: each request compares it with the session's."""
        text = f"{self.session_stamp}:{self.password}"
        return salted_hmac("chatapi.session", text, secret, algorithm="sha256").hexdigest()

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.is_staff = self.role >= Role.SUPPORT
        self.is_superuser = self.role >= Role.ROOT
        fields = kwargs.get("update_fields")
        with transaction.atomic():
            super().save(*args, **kwargs)
            if fields is None or {"username", "email"}.intersection(fields):
                self.reserve_names()

    def clean(self) -> None:
        super().clean()
        taken = _("This name is taken."), _("This address belongs to another account.")
        names = {"username": self.username, "email": self.email}
        errors = {
            field: text
            for (field, name), text in zip(names.items(), taken, strict=True)
            if name and SignInName.objects.of(name).exclude(user_id=self.pk).exists()
        }
        if errors:
            raise ValidationError(errors)

    def reserve_names(self) -> None:
        """Takes the user name and the e-mail address for this user, and gives back former ones, but
        not those of a deleted user.

        Raises NameTaken if one of them is somebody's name or address.
        """
        wanted = {hash_name(name) for name in (self.username, self.email) if name}
        own = SignInName.objects.filter(user=self)
        held = set(own.values_list("name_hash", flat=True))
        if held - wanted and self.deleted_at is None:
            own.filter(name_hash__in=held - wanted).delete()
        try:
            with transaction.atomic():
                SignInName.objects.bulk_create(
                    [SignInName(user=self, name_hash=name) for name in sorted(wanted - held)]
                )
        except IntegrityError as error:
            raise NameTaken from error


class TokenStatus(models.IntegerChoices):
    """The numbers of the existing product; expired and exhausted are also found by time and
    budget.
    """

    ENABLED = 1, _("enabled")
    DISABLED = 2, _("disabled")
    EXPIRED = 3, _("expired")
    EXHAUSTED = 4, _("exhausted")


class Token(PublishedModel):
    """A user's API key and what it may do.

    Its end is either `expires_at`, or `valid_seconds` counted from the first call: then the first
    call sets `first_used_at` and `expires_at`, once.
    """

    feed_topic = "token"

    user = models.ForeignKey(
        User, on_delete=models.CASCADE, related_name="tokens", verbose_name=_("user")
    )
    name = models.CharField(_("name"), max_length=64)
    key_hash = models.CharField(max_length=64, unique=True, editable=False)
    key_hint = models.CharField(_("key"), max_length=16, editable=False)
    key_sealed = models.TextField(blank=True, editable=False)
    status = models.PositiveSmallIntegerField(
        _("status"), choices=TokenStatus, default=TokenStatus.ENABLED
    )
    expires_at = models.DateTimeField(_("expires"), null=True, blank=True)
    valid_seconds = models.PositiveBigIntegerField(
        _("seconds valid from the first call"), null=True, blank=True
    )
    first_used_at = models.DateTimeField(_("first used"), null=True, blank=True, editable=False)
    is_unlimited = models.BooleanField(_("unlimited"), default=False)
    group = models.CharField(
        _("group"), max_length=64, blank=True, help_text=_("Empty: the user's group.")
    )
    models_text = models.TextField(
        _("models"),
        blank=True,
        help_text=_("Comma list; a * at the end stands for anything. Empty: all."),
    )
    networks_text = models.TextField(
        _("IP ranges"),
        blank=True,
        help_text=_("Comma list of addresses or networks. Empty: from anywhere."),
    )
    is_billed_by_call = models.BooleanField(_("billed per call"), default=False)
    suffix_text = models.CharField(_("suffix text"), max_length=1000, blank=True)
    concurrency = models.PositiveIntegerField(
        _("calls at the same time"),
        null=True,
        blank=True,
        help_text=_("Empty: the option TokenConcurrency."),
    )
    requests_per_minute = models.PositiveIntegerField(
        _("calls per minute"),
        null=True,
        blank=True,
        help_text=_("Empty: the option TokenRequestsPerMinute. 0: no limit."),
    )
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    last_used_at = models.DateTimeField(_("last used"), null=True, blank=True, editable=False)
    used_units = models.BigIntegerField(_("used units"), default=0, editable=False)
    used_count = models.BigIntegerField(_("calls"), default=0, editable=False)

    class Meta:
        verbose_name = _("token")
        verbose_name_plural = _("tokens")

    def __str__(self) -> str:
        return f"{self.name} ({self.key_hint})"

    def clean(self) -> None:
        try:
            parse_networks(self.networks_text)
        except ValueError as error:
            raise ValidationError({"networks_text": str(error)}) from error

    @property
    def models_allowed(self) -> tuple[str, ...]:
        return tuple(
            filter(None, (part.strip() for part in self.models_text.replace("\n", ",").split(",")))
        )

    @property
    def validity(self) -> timedelta | None:
        return None if self.valid_seconds is None else timedelta(seconds=self.valid_seconds)


class LoginAttempt(models.Model):
    """A failed sign-in, kept in the database so that no restart and no second node forgets it."""

    account = models.CharField(max_length=150)
    address = models.CharField(max_length=64)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [
            models.Index(fields=["account", "created_at"]),
            models.Index(fields=["address", "created_at"]),
        ]

    def __str__(self) -> str:
        return f"{self.account} {self.address}"


class AccessToken(models.Model):
    """Lets a program act as a user at the JSON API, as far as its scopes go. The key is shown once;
    here is its hash.
    """

    user = models.ForeignKey(
        User, on_delete=models.CASCADE, related_name="access_tokens", verbose_name=_("user")
    )
    personal_of = models.OneToOneField(
        User,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="personal_access_token",
        editable=False,
    )
    """The user again, of the one token that each may have for everything that is his to do."""
    name = models.CharField(_("name"), max_length=64)
    key_hash = models.CharField(max_length=64, unique=True, editable=False)
    key_hint = models.CharField(_("key"), max_length=16, editable=False)
    scopes: Any = models.JSONField(_("scopes"), default=list, blank=True)
    expires_at = models.DateTimeField(_("expires"), null=True, blank=True)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    last_used_at = models.DateTimeField(_("last used"), null=True, editable=False)
    revoked_at = models.DateTimeField(_("revoked"), null=True, editable=False)

    class Meta:
        verbose_name = _("access token")
        verbose_name_plural = _("access tokens")

    def __str__(self) -> str:
        return f"{self.name} ({self.key_hint})"


class SignInNames(models.Manager["SignInName"]):
    def of(self, name: str) -> models.QuerySet["SignInName"]:
        return self.filter(name_hash=hash_name(name))


class SignInName(models.Model):
    """What somebody signs in with, a user name or an e-mail address: both in one unique column, so
    that nobody's name is somebody else's address.

    A hash, because databases differ in how they compare letters, and because names stay reserved
    after their owner is gone.
    """

    name_hash = models.CharField(max_length=64, unique=True)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="sign_in_names")

    objects = SignInNames()

    def __str__(self) -> str:
        return self.name_hash


class FormAttempt(models.Model):
    """One use of a form or a mail that strangers may ask for, kept where no restart forgets it."""

    kind = models.CharField(max_length=20)
    subject = models.CharField(max_length=64, blank=True)
    """Whom it is about: a user's id or a mailbox's hash."""
    address = models.CharField(max_length=64)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [
            models.Index(fields=["kind", "address", "created_at"]),
            models.Index(fields=["kind", "subject", "created_at"]),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.subject} {self.address}"


class MailCode(models.Model):
    """Six digits that were mailed: good for ten minutes, five tries and one use."""

    purpose = models.CharField(max_length=20)
    subject = models.CharField(max_length=64, blank=True, default="", db_default="", db_index=True)
    """Of a code that is found by what it proves: a hash of that. The newest one counts."""
    code_hash = models.CharField(max_length=64)
    tries = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(db_index=True)
    used_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.purpose} #{self.pk}"


class OwedLink(models.Model):
    """A link for a new password that somebody asked for, until it is mailed. Without a user it is
    nobody's: who asks can't tell by the time whether there is an account.
    """

    user = models.ForeignKey(User, null=True, on_delete=models.CASCADE)
    language = models.CharField(max_length=16)
    site = models.TextField(blank=True)
    """Our address."""
    attempts = models.PositiveSmallIntegerField(default=0)
    next_try_at = models.DateTimeField(db_index=True)
    """Of one being mailed: when it is taken for lost, and mailed again."""

    def __str__(self) -> str:
        return f"link for {self.user_id}"
