"""What the database itself refuses of the newer rooms, whoever asks."""

from django.db import migrations

FINAL = """
CREATE TRIGGER fetch_terminal_is_final BEFORE UPDATE OR DELETE
    ON predictions_fetch FOR EACH ROW
    WHEN (OLD.status IN ('succeeded', 'failed', 'cancelled'))
    EXECUTE FUNCTION histoapp_refuse_change();
CREATE TRIGGER review_is_final BEFORE UPDATE OR DELETE
    ON predictions_review FOR EACH ROW
    EXECUTE FUNCTION histoapp_refuse_change();
CREATE TRIGGER message_is_final BEFORE UPDATE OR DELETE
    ON predictions_message FOR EACH ROW
    EXECUTE FUNCTION histoapp_refuse_change();
-- Withdrawn is withdrawn: whoever was wrong uploads the image again.
CREATE TRIGGER withdrawal_is_final BEFORE UPDATE
    OF withdrawn_at, withdrawn_by_id, withdrawal_reason
    ON predictions_image FOR EACH ROW
    WHEN (OLD.withdrawn_at IS NOT NULL)
    EXECUTE FUNCTION histoapp_refuse_change();
-- A purged file is gone.
CREATE TRIGGER purge_is_final BEFORE UPDATE OF purged_at
    ON predictions_image FOR EACH ROW
    WHEN (OLD.purged_at IS NOT NULL)
    EXECUTE FUNCTION histoapp_refuse_change();
"""


class Migration(migrations.Migration):
    dependencies = [("predictions", "0003_people")]

    operations = [migrations.RunSQL(FINAL)]
