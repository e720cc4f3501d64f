"""What the new columns say of the rows that are there."""

from django.db import migrations

# What services/case_status.py says; in words of its own, as of this migration.
STATUS = """
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

UNREAD = """
UPDATE predictions_image SET unread_answer_id = asked.id
FROM predictions_analysis asked
JOIN predictions_prediction answer ON answer.analysis_id = asked.id
WHERE asked.image_id = predictions_image.id
    AND predictions_image.withdrawn_at IS NULL
    AND predictions_image.purged_at IS NULL
    AND NOT EXISTS (SELECT FROM predictions_review review
        WHERE review.prediction_id = asked.id)
    AND NOT EXISTS (SELECT FROM predictions_analysis newer
        JOIN predictions_prediction its ON its.analysis_id = newer.id
        WHERE newer.image_id = asked.image_id AND newer.created_at > asked.created_at);
"""


class Migration(migrations.Migration):
    dependencies = [("predictions", "0007_worklist")]

    operations = [
        migrations.RunSQL(STATUS, migrations.RunSQL.noop),
        migrations.RunSQL(UNREAD, migrations.RunSQL.noop),
    ]
