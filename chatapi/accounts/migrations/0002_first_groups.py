"""The groups of the existing product, all at ratio 1."""

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

GROUPS = (("default", "Default group"), ("vip", "VIP group"), ("svip", "SVIP group"))


def make_groups(apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    for name, label in GROUPS:
        apps.get_model("accounts", "Group").objects.get_or_create(
            name=name, defaults={"label": label}
        )


class Migration(migrations.Migration):
    dependencies = [("accounts", "0001_initial")]
    operations = [migrations.RunPython(make_groups, migrations.RunPython.noop)]
