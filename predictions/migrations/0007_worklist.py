"""A case's status as a column, and what the long lists are sorted by."""

from django.db import migrations, models


# What services/case_status.py says; in words of its own, as of this migration.
BACKFILL = """
UPDATE predictions_case SET status = said.status FROM (
    SELECT image.case_id, (array_agg(word.status ORDER BY word.rank))[1] AS status
    FROM predictions_analysis asked
    JOIN predictions_image image ON image.id = asked.image_id
    LEFT JOIN predictions_prediction answer ON answer.analysis_id = asked.id
    CROSS JOIN LATERAL (SELECT
        asked.status IN ('accepted', 'running') AS is_unfinished,
        EXISTS (SELECT FROM predictions_analysis newer
            WHERE newer.image_id = asked.image_id
            AND newer.created_at > asked.created_at) AS is_superseded,
        EXISTS (SELECT FROM predictions_review review
            WHERE review.prediction_id = asked.id) AS is_read
    ) AS facts
    CROSS JOIN LATERAL (SELECT * FROM (VALUES
        (1, 'working', is_unfinished),
        (2, 'attention', NOT is_superseded AND NOT is_read AND (
            asked.status IN ('failed', 'cancelled')
            OR answer.outcome IS NOT DISTINCT FROM 'refused')),
        (3, 'to_review', NOT is_superseded AND NOT is_read),
        (4, 'reviewed', NOT is_superseded)
    ) AS words (rank, status, fits) WHERE fits ORDER BY rank LIMIT 1) AS word
    WHERE image.withdrawn_at IS NULL
    GROUP BY image.case_id
) AS said
WHERE said.case_id = predictions_case.id;
"""


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
        migrations.RunSQL(BACKFILL, migrations.RunSQL.noop),
    ]
