from hashlib import sha256

from django.db import migrations, models

from chatapi.accounts.mailboxes import mailbox_key

BATCH = 1000


def claim_for_everybody(apps, schema_editor):
    """Whoever has an account is no newcomer with the same mailbox or account elsewhere."""
    Claim = apps.get_model("billing", "GiftClaim")
    User = apps.get_model("accounts", "User")
    Foreign = apps.get_model("socialaccount", "SocialAccount")
    emails = User.objects.exclude(email="").values_list("email", flat=True)
    accounts = Foreign.objects.values_list("provider", "uid")
    hashes = {mailbox_key(email) for email in emails.iterator()}
    hashes |= {
        sha256("\0".join(("foreign", *account)).encode()).hexdigest()
        for account in accounts.iterator()
    }
    rows = [Claim(identity_hash=one) for one in sorted(hashes)]
    Claim.objects.bulk_create(rows, batch_size=BATCH, ignore_conflicts=True)


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0007_requests_per_minute"),
        ("billing", "0010_token_renewal"),
        ("socialaccount", "0006_alter_socialaccount_extra_data"),
    ]
    operations = [
        migrations.CreateModel(
            name="GiftClaim",
            fields=[
                (
                    "identity_hash",
                    models.CharField(max_length=64, primary_key=True, serialize=False),
                ),
            ],
        ),
        migrations.RunPython(claim_for_everybody, migrations.RunPython.noop),
    ]
