"""Lay every table."""

from care.migrations.tables_0001 import customers, ledger, sending, values

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    ledger.lay_campaign_known()
    ledger.lay_contact_claim()
    customers.lay_customer()
    sending.lay_inbound_message()
    sending.lay_incarnation()
    ledger.lay_intended()
    sending.lay_job_run()
    sending.lay_leader()
    ledger.lay_message()
    ledger.lay_move()
    sending.lay_pace()
    ledger.lay_pause()
    ledger.lay_planned_day()
    sending.lay_spend()
    customers.lay_suppression()
    customers.lay_suppression_key()
    values.lay_value_run()
    sending.lay_webhook()
    ledger.lay_attempt()
    customers.lay_consent()
    customers.lay_consent_now()
    customers.lay_contact_point()
    customers.lay_customer_change()
    values.lay_customer_value()
    values.lay_segment_member()
    customers.lay_subscription()
    ledger.lay_receipt()


def downgrade() -> None:
    ledger.drop_receipt()
    customers.drop_subscription()
    values.drop_segment_member()
    values.drop_customer_value()
    customers.drop_customer_change()
    customers.drop_contact_point()
    customers.drop_consent_now()
    customers.drop_consent()
    ledger.drop_attempt()
    sending.drop_webhook()
    values.drop_value_run()
    customers.drop_suppression_key()
    customers.drop_suppression()
    sending.drop_spend()
    ledger.drop_planned_day()
    ledger.drop_pause()
    sending.drop_pace()
    ledger.drop_move()
    ledger.drop_message()
    sending.drop_leader()
    sending.drop_job_run()
    ledger.drop_intended()
    sending.drop_incarnation()
    sending.drop_inbound_message()
    customers.drop_customer()
    ledger.drop_contact_claim()
    ledger.drop_campaign_known()
