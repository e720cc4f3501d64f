"""Where the model gave no verdict, a reading neither agrees nor overrides."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("predictions", "0004_guards_of_people")]

    operations = [
        migrations.AlterField(
            model_name="review",
            name="agrees",
            field=models.BooleanField(
                null=True,
                help_text="With the model's outcome; empty where that is no verdict.",
            ),
        ),
        migrations.RemoveConstraint(
            model_name="review", name="review_override_has_a_comment"
        ),
        migrations.AddConstraint(
            model_name="review",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("agrees__isnull", True),
                    ("agrees", True),
                    models.Q(("comment", ""), _negated=True),
                    _connector="OR",
                ),
                name="review_override_has_a_comment",
            ),
        ),
    ]
