"""Columns for what a case waits for, and indexes for how long lists are sorted."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("predictions", "0006_admin"),
    ]

    operations = [
        migrations.AddField(
            model_name="case",
            name="status",
            field=models.CharField(
                choices=[
                    ("attention", "Needs attention"),
                    ("to_review", "To review"),
                    ("working", "In analysis"),
                    ("empty", "No image yet"),
                    ("reviewed", "Reviewed"),
                ],
                db_default="empty",
                default="empty",
                editable=False,
                max_length=16,
            ),
        ),
        migrations.AddIndex(
            model_name="analysis",
            index=models.Index(fields=["created_at", "id"], name="analysis_by_time"),
        ),
        migrations.AddIndex(
            model_name="auditevent",
            index=models.Index(fields=["at", "sequence"], name="audit_of_all_by_time"),
        ),
        migrations.AddIndex(
            model_name="case",
            index=models.Index(fields=["created_at", "id"], name="case_by_time"),
        ),
        migrations.AddIndex(
            model_name="case",
            index=models.Index(
                fields=["laboratory", "status", "-created_at"], name="case_by_status"
            ),
        ),
        migrations.AddIndex(
            model_name="fetch",
            index=models.Index(fields=["created_at", "id"], name="fetch_by_time"),
        ),
        migrations.AddIndex(
            model_name="image",
            index=models.Index(fields=["uploaded_at", "id"], name="image_by_time"),
        ),
        migrations.AddIndex(
            model_name="message",
            index=models.Index(fields=["created_at", "id"], name="message_by_time"),
        ),
        migrations.AddIndex(
            model_name="prediction",
            index=models.Index(
                fields=["created_at", "analysis"], name="prediction_by_time"
            ),
        ),
        migrations.AddIndex(
            model_name="review",
            index=models.Index(fields=["created_at", "id"], name="review_by_time"),
        ),
        migrations.AddConstraint(
            model_name="case",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "status__in",
                        ["attention", "to_review", "working", "empty", "reviewed"],
                    )
                ),
                name="case_status_known",
            ),
        ),
        migrations.AddField(
            model_name="image",
            name="unread_answer",
            field=models.OneToOneField(
                editable=False,
                null=True,
                on_delete=models.deletion.DO_NOTHING,
                related_name="unread_of",
                to="predictions.prediction",
            ),
        ),
    ]
