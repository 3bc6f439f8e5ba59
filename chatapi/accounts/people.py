"""Makes and changes users: the only way passwords, roles and bans are set."""

from django.apps import apps
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from chatapi.accounts.models import Group, Role, SignInName, Token, TokenStatus, User
from chatapi.accounts.sessions import end_sessions


class NoSuchUser(LookupError):
    """There is no user of this name."""


class LastRoot(ValidationError):
    """Without any root nobody could make one."""

    def __init__(self) -> None:
        super().__init__(_("This is the only root there is. Make another one first."))


def find_user(username: str) -> User:
    try:
        return User.objects.get(username=username)
    except User.DoesNotExist as error:
        msg = f"there is no user {username!r}"
        raise NoSuchUser(msg) from error


def find_by_name(name: str) -> User | None:
    """Whose user name or e-mail address this is, however it is spelled."""
    found = SignInName.objects.of(name).select_related("user").first()
    return None if found is None else found.user


def create_user(
    username: str,
    password: str,
    *,
    role: int = Role.COMMON,
    group: str = "default",
    email: str = "",
) -> User:
    """A new user; raises ValidationError for a bad name, a weak password, an unknown group, or a
    taken name, also when somebody takes it at the same moment.
    """
    user = User(username=username, role=role, group=group, email=email)
    check_group(group)
    validate_password(password, user)
    user.set_password(password)
    user.full_clean()
    try:
        with transaction.atomic():
            user.save()
    except IntegrityError as error:
        raise ValidationError({"username": _("This name is taken.")}) from error
    return user


def create_service(username: str, role: int) -> User:
    """A service account: no password, no e-mail address, only access tokens. Raises
    ValidationError as create_user.
    """
    user = User(username=username, role=role, is_service=True)
    user.set_unusable_password()
    if User.objects.filter(username__iexact=username).exists():
        raise ValidationError({"username": _("This name is taken.")})
    user.full_clean(exclude=["password"])
    user.save()
    return user


def change_password(user: User, password: str) -> None:
    """Raises ValidationError for a weak password or the old one; ends all sessions of the user."""
    validate_password(password, user)
    with transaction.atomic():
        user.set_password(password)
        user.save(update_fields=["password", "must_change_password"])
        end_sessions(user)


def set_active(user: User, *, active: bool) -> None:
    """Ban a user, or let it back in; calls are refused on every worker within a second, and no
    session outlives a ban. Raises LastRoot, and ValidationError for a deleted user.
    """
    with transaction.atomic():
        if active and user.deleted_at is not None:
            raise ValidationError(_("A deleted user can't be let in again."))
        if not active:
            keep_a_root(user)
        user.is_active = active
        user.save(update_fields=["is_active"])
        end_sessions(user)


def set_role(user: User, role: int) -> None:
    """Ends all sessions of the user: what one may do is asked anew. Raises LastRoot."""
    with transaction.atomic():
        if role != Role.ROOT:
            keep_a_root(user)
        user.role = Role(role)
        user.save(update_fields=["role", "is_staff", "is_superuser"])
        end_sessions(user)


def delete_user(user: User) -> None:
    """Takes away what is personal and every way in. The row stays, and so does the name: money and
    calls speak of it, and nobody else shall come by it. Raises LastRoot.
    """
    with transaction.atomic():
        keep_a_root(user)
        user.is_active, user.email, user.role = False, "", Role.COMMON
        user.first_name = user.last_name = ""
        user.deleted_at = timezone.now()
        user.set_unusable_password()
        user.save()
        for token in Token.objects.filter(user=user, status=TokenStatus.ENABLED):
            token.status = TokenStatus.DISABLED
            token.save(update_fields=["status"])
        user.access_tokens.all().delete()
        forget_ways_in(user)
        end_sessions(user)


def forget_ways_in(user: User) -> None:
    """E-mail addresses, accounts elsewhere and second factors, of the apps that are installed."""
    for label in ("account.EmailAddress", "socialaccount.SocialAccount", "mfa.Authenticator"):
        if apps.is_installed(f"allauth.{label.partition('.')[0]}"):
            apps.get_model(label).objects.filter(user=user).delete()


def keep_a_root(user: User) -> None:
    """Raises LastRoot if there is no other. Of two at once who would remove each other, the second
    waits for the first: all of root's rows are locked until the transaction ends.
    """
    roots = User.objects.select_for_update().filter(role__gte=Role.ROOT, is_active=True)
    keys = list(roots.order_by("pk").values_list("pk", flat=True))
    if keys == [user.pk]:
        raise LastRoot


def check_group(name: str) -> None:
    if name and not Group.objects.filter(name=name).exists():
        raise ValidationError({"group": _("There is no group “%(name)s”.") % {"name": name}})
