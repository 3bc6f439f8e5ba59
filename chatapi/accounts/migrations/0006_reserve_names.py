"""Everybody who is here already holds a user name and, unless two share it, an e-mail address."""

from django.db import migrations

from chatapi.accounts.names import hash_name


def reserve_names(apps, schema_editor):
    """The longest-standing user keeps an address that several gave; the others lose it, because a
    sign-in by it would not say who is meant.
    """
    User = apps.get_model("accounts", "User")
    SignInName = apps.get_model("accounts", "SignInName")
    taken = {}
    for user in User.objects.order_by("pk").only("username"):
        name = hash_name(user.username)
        if name not in taken:
            taken[name] = user.pk
    for user in User.objects.exclude(email="").order_by("pk").only("email"):
        name = hash_name(user.email)
        if taken.setdefault(name, user.pk) != user.pk:
            User.objects.filter(pk=user.pk).update(email="")
    SignInName.objects.bulk_create(
        [SignInName(name_hash=name, user_id=pk) for name, pk in taken.items()], batch_size=500
    )


class Migration(migrations.Migration):
    dependencies = [("accounts", "0005_accounts_of_users")]
    operations = [migrations.RunPython(reserve_names, migrations.RunPython.noop)]
