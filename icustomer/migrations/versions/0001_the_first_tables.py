"""The first tables"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "cfa_case",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("customer", sa.Text(), nullable=False),
        sa.Column("identity", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("priority", sa.Text(), nullable=False),
        sa.Column("queue", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("opened_at", sa.BigInteger(), nullable=False),
        sa.Column("first_response_due", sa.BigInteger(), nullable=True),
        sa.Column("first_responded_at", sa.BigInteger(), nullable=True),
        sa.Column("resolve_due", sa.BigInteger(), nullable=True),
        sa.Column("resolved_at", sa.BigInteger(), nullable=True),
        sa.Column("resolution", sa.Text(), nullable=False),
        sa.Column("csat", sa.Integer(), nullable=True),
        sa.Column("loop", sa.Text(), nullable=False),
        sa.Column("steps", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cfa_case")),
    )
    with op.batch_alter_table("cfa_case", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_cfa_case_customer"), ["customer"], unique=False)
        batch_op.create_index(batch_op.f("ix_cfa_case_identity"), ["identity"], unique=False)
        batch_op.create_index(batch_op.f("ix_cfa_case_state"), ["state"], unique=False)

    op.create_table(
        "cfa_case_message",
        sa.Column("case_id", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("message_id", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("direction", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint(
            "case_id", "source", "message_id", name=op.f("pk_cfa_case_message")
        ),
    )
    op.create_table(
        "cfa_offer",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("customer", sa.Text(), nullable=False),
        sa.Column("identity", sa.Text(), nullable=False),
        sa.Column("offer", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("presented_at", sa.BigInteger(), nullable=True),
        sa.Column("until", sa.BigInteger(), nullable=True),
        sa.Column("answered_at", sa.BigInteger(), nullable=True),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("decision", sa.Text(), nullable=False),
        sa.Column("task", sa.Text(), nullable=False),
        sa.Column("loop", sa.Text(), nullable=False),
        sa.Column("steps", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cfa_offer")),
    )
    with op.batch_alter_table("cfa_offer", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_cfa_offer_customer"), ["customer"], unique=False)
        batch_op.create_index(batch_op.f("ix_cfa_offer_identity"), ["identity"], unique=False)
        batch_op.create_index(batch_op.f("ix_cfa_offer_state"), ["state"], unique=False)

    op.create_table(
        "cfa_opportunity",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("customer", sa.Text(), nullable=False),
        sa.Column("identity", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("pipeline", sa.Text(), nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=True),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("discount", sa.Integer(), nullable=True),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("product", sa.Text(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("opened_at", sa.BigInteger(), nullable=False),
        sa.Column("stage_since", sa.BigInteger(), nullable=False),
        sa.Column("quoted_at", sa.BigInteger(), nullable=True),
        sa.Column("closed_at", sa.BigInteger(), nullable=True),
        sa.Column("close_date", sa.Text(), nullable=False),
        sa.Column("loop", sa.Text(), nullable=False),
        sa.Column("steps", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cfa_opportunity")),
    )
    with op.batch_alter_table("cfa_opportunity", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_cfa_opportunity_customer"), ["customer"], unique=False)
        batch_op.create_index(batch_op.f("ix_cfa_opportunity_identity"), ["identity"], unique=False)
        batch_op.create_index(batch_op.f("ix_cfa_opportunity_state"), ["state"], unique=False)

    op.create_table(
        "cfa_task",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("app", sa.Text(), nullable=False),
        sa.Column("queue", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("customer", sa.Text(), nullable=False),
        sa.Column("identity", sa.Text(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("opened_at", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("closed_at", sa.BigInteger(), nullable=True),
        sa.Column("loop", sa.Text(), nullable=False),
        sa.Column("steps", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cfa_task")),
    )
    with op.batch_alter_table("cfa_task", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_cfa_task_customer"), ["customer"], unique=False)
        batch_op.create_index(batch_op.f("ix_cfa_task_identity"), ["identity"], unique=False)
        batch_op.create_index(batch_op.f("ix_cfa_task_state"), ["state"], unique=False)

    op.create_table(
        "cic_change",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("customer", sa.Text(), nullable=False),
        sa.Column("segment", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("effective_at", sa.BigInteger(), nullable=False),
        sa.Column("known_at", sa.BigInteger(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("cause_id", sa.Text(), nullable=False),
        sa.Column("seen", sa.JSON(), nullable=False),
        sa.Column("loop", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cic_change")),
    )
    with op.batch_alter_table("cic_change", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_cic_change_customer"), ["customer"], unique=False)
        batch_op.create_index(batch_op.f("ix_cic_change_loop"), ["loop"], unique=False)
        batch_op.create_index("ix_cic_change_segment", ["segment", "effective_at"], unique=False)

    op.create_table(
        "cic_membership",
        sa.Column("customer", sa.Text(), nullable=False),
        sa.Column("segment", sa.Text(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("customer", "segment", name=op.f("pk_cic_membership")),
    )
    with op.batch_alter_table("cic_membership", schema=None) as batch_op:
        batch_op.create_index("ix_cic_membership_segment", ["segment", "since"], unique=False)

    op.create_table(
        "cic_state",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_cic_state")),
    )
    op.create_table(
        "cic_verification",
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("as_of", sa.BigInteger(), nullable=False),
        sa.Column("traits", sa.Integer(), nullable=False),
        sa.Column("segments", sa.Integer(), nullable=False),
        sa.Column("customers", sa.Integer(), nullable=False),
        sa.Column("mismatches", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("at", name=op.f("pk_cic_verification")),
    )
    op.create_table(
        "cid_campaign_response",
        sa.Column("campaign", sa.Text(), nullable=False),
        sa.Column("identity", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("stamp", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint(
            "campaign", "identity", "kind", name=op.f("pk_cid_campaign_response")
        ),
    )
    op.create_table(
        "cid_channel",
        sa.Column("name", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_cid_channel")),
    )
    op.create_table(
        "cid_customer",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("first_seen", sa.BigInteger(), nullable=False),
        sa.Column("last_seen", sa.BigInteger(), nullable=False),
        sa.Column("facts", sa.Integer(), nullable=False),
        sa.Column("search", sa.Text(), nullable=False),
        sa.Column("profile", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cid_customer")),
    )
    with op.batch_alter_table("cid_customer", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_cid_customer_name"), ["name"], unique=False)

    op.create_table(
        "cid_entity",
        sa.Column("entity", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("identity", sa.Text(), nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("stamp", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("entity", "key", name=op.f("pk_cid_entity")),
    )
    with op.batch_alter_table("cid_entity", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_cid_entity_identity"), ["identity"], unique=False)

    op.create_table(
        "cid_identity",
        sa.Column("identity", sa.Text(), nullable=False),
        sa.Column("customer", sa.Text(), nullable=False),
        sa.Column("first_seen", sa.BigInteger(), nullable=False),
        sa.Column("last_seen", sa.BigInteger(), nullable=False),
        sa.Column("facts", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("identity", name=op.f("pk_cid_identity")),
    )
    with op.batch_alter_table("cid_identity", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_cid_identity_customer"), ["customer"], unique=False)

    op.create_table(
        "cid_observation",
        sa.Column("identity", sa.Text(), nullable=False),
        sa.Column("attribute", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("message_id", sa.Text(), nullable=False),
        sa.Column("value", sa.JSON(), nullable=True),
        sa.PrimaryKeyConstraint("identity", "attribute", "source", name=op.f("pk_cid_observation")),
    )
    op.create_table(
        "cid_order",
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("identity", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=True),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("campaign", sa.Text(), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("stamp", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("order_id", name=op.f("pk_cid_order")),
    )
    with op.batch_alter_table("cid_order", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_cid_order_identity"), ["identity"], unique=False)
        batch_op.create_index("ix_cid_order_time", ["time"], unique=False)

    op.create_table(
        "cid_order_line",
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=True),
        sa.Column("price", sa.BigInteger(), nullable=True),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("stamp", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("order_id", "line", name=op.f("pk_cid_order_line")),
    )
    with op.batch_alter_table("cid_order_line", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_cid_order_line_sku"), ["sku"], unique=False)

    op.create_table(
        "cid_product",
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("price", sa.BigInteger(), nullable=True),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("stamp", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("sku", name=op.f("pk_cid_product")),
    )
    op.create_table(
        "cid_product_relation",
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("other", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("stamp", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("sku", "other", "kind", name=op.f("pk_cid_product_relation")),
    )
    op.create_table(
        "cid_refund",
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("message_id", sa.Text(), nullable=False),
        sa.Column("identity", sa.Text(), nullable=False),
        sa.Column("refunded", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("stamp", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("order_id", "message_id", name=op.f("pk_cid_refund")),
    )
    op.create_table(
        "cid_relationship",
        sa.Column("identity", sa.Text(), nullable=False),
        sa.Column("other", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("stamp", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("identity", "other", name=op.f("pk_cid_relationship")),
    )
    op.create_table(
        "cid_segment",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("condition", sa.Text(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_cid_segment")),
    )
    op.create_table(
        "cii_count",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("records", sa.BigInteger(), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("source", "state", "reason", name=op.f("pk_cii_count")),
    )
    op.create_table(
        "cii_edge",
        sa.Column("a", sa.Text(), nullable=False),
        sa.Column("b", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("message_id", sa.Text(), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("vetoed", sa.Boolean(), nullable=False),
        sa.Column("decided_at", sa.BigInteger(), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("a", "b", name=op.f("pk_cii_edge")),
    )
    op.create_table(
        "cii_identifier",
        sa.Column("identifier", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("customer", sa.Text(), nullable=False),
        sa.Column("first_seen", sa.BigInteger(), nullable=False),
        sa.Column("blocked", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("identifier", name=op.f("pk_cii_identifier")),
    )
    with op.batch_alter_table("cii_identifier", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_cii_identifier_customer"), ["customer"], unique=False)

    op.create_table(
        "cii_ledger",
        sa.Column("position", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column("offset", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("message_id", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("received", sa.BigInteger(), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=True),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("identity", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("position", name=op.f("pk_cii_ledger")),
    )
    with op.batch_alter_table("cii_ledger", schema=None) as batch_op:
        batch_op.create_index("ix_cii_ledger_identity", ["identity", "time"], unique=False)
        batch_op.create_index("ix_cii_ledger_state", ["state", "source"], unique=False)

    op.create_table(
        "cii_moment",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_cii_moment")),
    )
    op.create_table(
        "cii_progress",
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column("offset", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("topic", "partition", name=op.f("pk_cii_progress")),
    )
    op.create_table(
        "cii_regrouping",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("kept", sa.Text(), nullable=False),
        sa.Column("other", sa.Text(), nullable=False),
        sa.Column("identifier", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cii_regrouping")),
    )
    with op.batch_alter_table("cii_regrouping", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_cii_regrouping_kept"), ["kept"], unique=False)
        batch_op.create_index(batch_op.f("ix_cii_regrouping_other"), ["other"], unique=False)

    op.create_table(
        "cii_seen",
        sa.Column("key", sa.LargeBinary(length=16), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_cii_seen")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "context_action",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("decision", sa.Text(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("customer", sa.Text(), nullable=False),
        sa.Column("identity", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_try", sa.BigInteger(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("parameters", sa.JSON(), nullable=False),
        sa.Column("loop", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_context_action")),
    )
    with op.batch_alter_table("context_action", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_context_action_customer"), ["customer"], unique=False)
        batch_op.create_index(batch_op.f("ix_context_action_decision"), ["decision"], unique=False)
        batch_op.create_index(batch_op.f("ix_context_action_identity"), ["identity"], unique=False)
        batch_op.create_index("ix_context_action_state", ["state", "next_try"], unique=False)

    op.create_table(
        "context_count",
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("looked", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("rule", name=op.f("pk_context_count")),
    )
    op.create_table(
        "context_decision",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("trigger", sa.Text(), nullable=False),
        sa.Column("customer", sa.Text(), nullable=False),
        sa.Column("identity", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("fired", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("seen", sa.JSON(), nullable=False),
        sa.Column("loop", sa.Text(), nullable=False),
        sa.Column("variant", sa.Text(), nullable=False),
        sa.Column("default_variant", sa.Text(), nullable=False),
        sa.Column("latency_ms", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_context_decision")),
    )
    with op.batch_alter_table("context_decision", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_context_decision_customer"), ["customer"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_context_decision_identity"), ["identity"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_context_decision_loop"), ["loop"], unique=False)
        batch_op.create_index("ix_context_decision_rule", ["rule", "at"], unique=False)

    op.create_table(
        "context_schedule",
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("next", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("rule", name=op.f("pk_context_schedule")),
    )
    op.create_table(
        "context_timer",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("identity", sa.Text(), nullable=False),
        sa.Column("due", sa.BigInteger(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("event", sa.JSON(), nullable=False),
        sa.Column("loop", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_context_timer")),
    )
    with op.batch_alter_table("context_timer", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_context_timer_due"), ["due"], unique=False)

    op.create_table(
        "cid_touchpoint",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("expected_ms", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["channel"], ["cid_channel.name"], name=op.f("fk_cid_touchpoint_channel")
        ),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_cid_touchpoint")),
    )


def downgrade() -> None:
    op.drop_table("cid_touchpoint")
    with op.batch_alter_table("context_timer", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_context_timer_due"))

    op.drop_table("context_timer")
    op.drop_table("context_schedule")
    with op.batch_alter_table("context_decision", schema=None) as batch_op:
        batch_op.drop_index("ix_context_decision_rule")
        batch_op.drop_index(batch_op.f("ix_context_decision_loop"))
        batch_op.drop_index(batch_op.f("ix_context_decision_identity"))
        batch_op.drop_index(batch_op.f("ix_context_decision_customer"))

    op.drop_table("context_decision")
    op.drop_table("context_count")
    with op.batch_alter_table("context_action", schema=None) as batch_op:
        batch_op.drop_index("ix_context_action_state")
        batch_op.drop_index(batch_op.f("ix_context_action_identity"))
        batch_op.drop_index(batch_op.f("ix_context_action_decision"))
        batch_op.drop_index(batch_op.f("ix_context_action_customer"))

    op.drop_table("context_action")
    op.drop_table("cii_seen")
    with op.batch_alter_table("cii_regrouping", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_cii_regrouping_other"))
        batch_op.drop_index(batch_op.f("ix_cii_regrouping_kept"))

    op.drop_table("cii_regrouping")
    op.drop_table("cii_progress")
    op.drop_table("cii_moment")
    with op.batch_alter_table("cii_ledger", schema=None) as batch_op:
        batch_op.drop_index("ix_cii_ledger_state")
        batch_op.drop_index("ix_cii_ledger_identity")

    op.drop_table("cii_ledger")
    with op.batch_alter_table("cii_identifier", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_cii_identifier_customer"))

    op.drop_table("cii_identifier")
    op.drop_table("cii_edge")
    op.drop_table("cii_count")
    op.drop_table("cid_segment")
    op.drop_table("cid_relationship")
    op.drop_table("cid_refund")
    op.drop_table("cid_product_relation")
    op.drop_table("cid_product")
    with op.batch_alter_table("cid_order_line", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_cid_order_line_sku"))

    op.drop_table("cid_order_line")
    with op.batch_alter_table("cid_order", schema=None) as batch_op:
        batch_op.drop_index("ix_cid_order_time")
        batch_op.drop_index(batch_op.f("ix_cid_order_identity"))

    op.drop_table("cid_order")
    op.drop_table("cid_observation")
    with op.batch_alter_table("cid_identity", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_cid_identity_customer"))

    op.drop_table("cid_identity")
    with op.batch_alter_table("cid_entity", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_cid_entity_identity"))

    op.drop_table("cid_entity")
    with op.batch_alter_table("cid_customer", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_cid_customer_name"))

    op.drop_table("cid_customer")
    op.drop_table("cid_channel")
    op.drop_table("cid_campaign_response")
    op.drop_table("cic_verification")
    op.drop_table("cic_state")
    with op.batch_alter_table("cic_membership", schema=None) as batch_op:
        batch_op.drop_index("ix_cic_membership_segment")

    op.drop_table("cic_membership")
    with op.batch_alter_table("cic_change", schema=None) as batch_op:
        batch_op.drop_index("ix_cic_change_segment")
        batch_op.drop_index(batch_op.f("ix_cic_change_loop"))
        batch_op.drop_index(batch_op.f("ix_cic_change_customer"))

    op.drop_table("cic_change")
    with op.batch_alter_table("cfa_task", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_cfa_task_state"))
        batch_op.drop_index(batch_op.f("ix_cfa_task_identity"))
        batch_op.drop_index(batch_op.f("ix_cfa_task_customer"))

    op.drop_table("cfa_task")
    with op.batch_alter_table("cfa_opportunity", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_cfa_opportunity_state"))
        batch_op.drop_index(batch_op.f("ix_cfa_opportunity_identity"))
        batch_op.drop_index(batch_op.f("ix_cfa_opportunity_customer"))

    op.drop_table("cfa_opportunity")
    with op.batch_alter_table("cfa_offer", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_cfa_offer_state"))
        batch_op.drop_index(batch_op.f("ix_cfa_offer_identity"))
        batch_op.drop_index(batch_op.f("ix_cfa_offer_customer"))

    op.drop_table("cfa_offer")
    op.drop_table("cfa_case_message")
    with op.batch_alter_table("cfa_case", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_cfa_case_state"))
        batch_op.drop_index(batch_op.f("ix_cfa_case_identity"))
        batch_op.drop_index(batch_op.f("ix_cfa_case_customer"))

    op.drop_table("cfa_case")
