from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("notifications", "0002_deliveries")]

    operations = [
        migrations.AddIndex(
            model_name="delivery",
            index=models.Index(
                fields=["recipient", "transport", "fold_key"], name="delivery_alike"
            ),
        ),
    ]
