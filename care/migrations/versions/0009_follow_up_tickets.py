"""Follow up tickets."""

from care.migrations.tables_0009 import interfaces, surveys, tickets

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None
expands = True


def upgrade() -> None:
    interfaces.lay_api_key()
    interfaces.lay_event()
    interfaces.lay_idempotent_answer()
    surveys.lay_improvement()
    interfaces.lay_outgoing_webhook()
    surveys.lay_survey_answer()
    surveys.lay_survey_case()
    surveys.lay_survey_reply()
    surveys.lay_survey_session()
    tickets.lay_ticket()
    tickets.lay_ticket_resolution()
    tickets.lay_follow_up()
    tickets.lay_phone_task()


def downgrade() -> None:
    tickets.drop_phone_task()
    tickets.drop_follow_up()
    tickets.drop_ticket_resolution()
    tickets.drop_ticket()
    surveys.drop_survey_session()
    surveys.drop_survey_reply()
    surveys.drop_survey_case()
    surveys.drop_survey_answer()
    interfaces.drop_outgoing_webhook()
    surveys.drop_improvement()
    interfaces.drop_idempotent_answer()
    interfaces.drop_event()
    interfaces.drop_api_key()
