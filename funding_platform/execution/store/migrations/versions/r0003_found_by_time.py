"""What is held and what has happened of late is found by indexes, however long the past is."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the indexes."""
    for table, column in (
        ("pairs", "closed_at"),
        ("legs", "active"),
        ("orders", "created_at"),
        ("fills", "filled_at"),
        ("funding_payments", "paid_at"),
        ("events", "happened_at"),
    ):
        op.create_index(op.f(f"ix_{table}_{column}"), table, [column])
    op.create_index("ix_fills_venue_filled_at", "fills", ["venue", "filled_at"])
    op.create_index("ix_pairs_state_updated_at", "pairs", ["state", "updated_at"])
    op.drop_index("ix_pairs_state", "pairs")
    op.create_index("ix_legs_instrument", "legs", ["venue_symbol", "venue"])
