"""What the database itself refuses, whoever asks.

The forms and services refuse these first, with better words; this is for the day
when one of them is wrong.
"""

from django.conf import settings
from django.db import migrations

SPECIMEN_OF_THE_CASE = """
ALTER TABLE predictions_specimen
    ADD CONSTRAINT specimen_with_its_case UNIQUE (id, case_id);
ALTER TABLE predictions_image
    ADD CONSTRAINT image_specimen_of_its_case
    FOREIGN KEY (specimen_id, case_id) REFERENCES predictions_specimen (id, case_id);
"""

# Nothing leaves a terminal state, and a row that ended does not change.
TERMINAL_IS_FINAL = """
CREATE FUNCTION histoapp_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% on %: this record is final', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'integrity_constraint_violation';
END $$;

CREATE TRIGGER analysis_terminal_is_final BEFORE UPDATE OR DELETE
    ON predictions_analysis FOR EACH ROW
    WHEN (OLD.status IN ('succeeded', 'failed', 'cancelled'))
    EXECUTE FUNCTION histoapp_refuse_change();
CREATE TRIGGER prediction_is_final BEFORE UPDATE OR DELETE
    ON predictions_prediction FOR EACH ROW
    EXECUTE FUNCTION histoapp_refuse_change();
CREATE TRIGGER image_bytes_are_final BEFORE UPDATE
    OF sha256_received, size_bytes, width_px, height_px, format
    ON predictions_image FOR EACH ROW
    EXECUTE FUNCTION histoapp_refuse_change();
"""

# At COMMIT: an analysis is answered exactly when its prediction is there.
ANSWERED_EXACTLY_WITH_A_PREDICTION = """
CREATE FUNCTION histoapp_answer_is_whole() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    asked uuid := CASE TG_TABLE_NAME
        WHEN 'predictions_analysis' THEN (to_jsonb(NEW) ->> 'id')::uuid
        ELSE (to_jsonb(NEW) ->> 'analysis_id')::uuid END;
    answered boolean := EXISTS (
        SELECT 1 FROM predictions_analysis WHERE id = asked AND status = 'succeeded');
    written boolean := EXISTS (
        SELECT 1 FROM predictions_prediction WHERE analysis_id = asked);
BEGIN
    IF answered <> written THEN
        RAISE EXCEPTION 'analysis %: answered is %, prediction is %',
            asked, answered, written
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END $$;

CREATE CONSTRAINT TRIGGER analysis_answer_is_whole AFTER INSERT OR UPDATE OF status
    ON predictions_analysis DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    EXECUTE FUNCTION histoapp_answer_is_whole();
CREATE CONSTRAINT TRIGGER prediction_answer_is_whole AFTER INSERT
    ON predictions_prediction DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    EXECUTE FUNCTION histoapp_answer_is_whole();
"""

# Two locks on the audit trail: a trigger, and the application's own rights.
AUDIT_IS_APPEND_ONLY = """
CREATE TRIGGER audit_is_append_only BEFORE UPDATE OR DELETE
    ON predictions_auditevent FOR EACH ROW
    EXECUTE FUNCTION histoapp_refuse_change();
CREATE TRIGGER audit_is_not_emptied BEFORE TRUNCATE
    ON predictions_auditevent FOR EACH STATEMENT
    EXECUTE FUNCTION histoapp_refuse_change();
REVOKE UPDATE, DELETE, TRUNCATE ON predictions_auditevent FROM "{role}";
"""


class Migration(migrations.Migration):
    dependencies = [("predictions", "0001_record")]

    operations = [
        migrations.RunSQL(SPECIMEN_OF_THE_CASE),
        migrations.RunSQL(TERMINAL_IS_FINAL),
        migrations.RunSQL(ANSWERED_EXACTLY_WITH_A_PREDICTION),
        migrations.RunSQL(
            AUDIT_IS_APPEND_ONLY.format(role=settings.DATABASE_APP_ROLE),
        ),
    ]
