"""The answers to review, as a view of the answers: no table of its own."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("predictions", "0005_images")]

    operations = [
        migrations.CreateModel(
            name="ReviewQueue",
            fields=[],
            options={
                "verbose_name": "answer to review",
                "verbose_name_plural": "answers to review",
                "proxy": True,
                "indexes": [],
                "constraints": [],
            },
            bases=("predictions.prediction",),
        ),
    ]
