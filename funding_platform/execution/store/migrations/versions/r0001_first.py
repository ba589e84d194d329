"""The tables as they first were."""

import sqlalchemy as sa
from alembic import op

from funding_platform.core.system.clock import utc_now
from funding_platform.execution.store.columns import Exact, Instant

revision = "0001"
down_revision = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make them, and allow new risk."""
    op.create_table(
        "commands",
        sa.Column("command_id", _NUMBER, autoincrement=True, nullable=False),
        sa.Column("asked_at", Instant(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("arguments", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("done_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("command_id", name=op.f("pk_commands")),
    )
    op.create_index(op.f("ix_commands_state"), "commands", ["state"], unique=False)
    op.create_table(
        "control",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("halted", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("changed_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_control")),
    )
    op.create_table(
        "cursors",
        sa.Column("venue", sa.String(), nullable=False),
        sa.Column("reached", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("venue", name=op.f("pk_cursors")),
    )
    op.create_table(
        "events",
        sa.Column("event_id", _NUMBER, autoincrement=True, nullable=False),
        sa.Column("happened_at", Instant(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("pair_id", sa.String(), nullable=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_events")),
    )
    op.create_index(op.f("ix_events_kind"), "events", ["kind"], unique=False)
    op.create_index(op.f("ix_events_pair_id"), "events", ["pair_id"], unique=False)
    op.create_table(
        "pairs",
        sa.Column("pair_id", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("base", sa.String(), nullable=False),
        sa.Column("strategy", sa.String(), nullable=False),
        sa.Column("memo", Exact(), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("size_usd", Exact(), nullable=False),
        sa.Column("quantity", Exact(), nullable=False),
        sa.Column("lot", Exact(), nullable=False),
        sa.Column("decided_at", Instant(), nullable=False),
        sa.Column("opened_at", Instant(), nullable=True),
        sa.Column("closed_at", Instant(), nullable=True),
        sa.Column("close_reason", sa.String(), nullable=True),
        sa.Column("naked_seconds", Exact(), nullable=False),
        sa.Column("updated_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("pair_id", name=op.f("pk_pairs")),
    )
    op.create_index(op.f("ix_pairs_state"), "pairs", ["state"], unique=False)
    op.create_table(
        "snapshots",
        sa.Column("snapshot_id", _NUMBER, autoincrement=True, nullable=False),
        sa.Column("taken_at", Instant(), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("snapshot_id", name=op.f("pk_snapshots")),
    )
    op.create_table(
        "strategy_states",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("state", sa.JSON(), nullable=False),
        sa.Column("updated_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_strategy_states")),
    )
    op.create_table(
        "fills",
        sa.Column("venue", sa.String(), nullable=False),
        sa.Column("venue_symbol", sa.String(), nullable=False),
        sa.Column("fill_id", sa.String(), nullable=False),
        sa.Column("pair_id", sa.String(), nullable=True),
        sa.Column("leg", sa.String(), nullable=True),
        sa.Column("client_id", sa.String(), nullable=True),
        sa.Column("side", sa.String(), nullable=False),
        sa.Column("quantity", Exact(), nullable=False),
        sa.Column("price", Exact(), nullable=False),
        sa.Column("fee_usd", Exact(), nullable=False),
        sa.Column("maker", sa.Boolean(), nullable=False),
        sa.Column("liquidation", sa.Boolean(), nullable=False),
        sa.Column("synthetic", sa.Boolean(), nullable=False),
        sa.Column("filled_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["pair_id"], ["pairs.pair_id"], name=op.f("fk_fills_pair_id")),
        sa.PrimaryKeyConstraint("venue", "venue_symbol", "fill_id", name=op.f("pk_fills")),
    )
    op.create_index(op.f("ix_fills_client_id"), "fills", ["client_id"], unique=False)
    op.create_index(op.f("ix_fills_pair_id"), "fills", ["pair_id"], unique=False)
    op.create_table(
        "funding_payments",
        sa.Column("venue", sa.String(), nullable=False),
        sa.Column("venue_symbol", sa.String(), nullable=False),
        sa.Column("payment_id", sa.String(), nullable=False),
        sa.Column("pair_id", sa.String(), nullable=True),
        sa.Column("leg", sa.String(), nullable=True),
        sa.Column("quantity", Exact(), nullable=False),
        sa.Column("rate", Exact(), nullable=False),
        sa.Column("amount_usd", Exact(), nullable=False),
        sa.Column("paid_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(
            ["pair_id"], ["pairs.pair_id"], name=op.f("fk_funding_payments_pair_id")
        ),
        sa.PrimaryKeyConstraint(
            "venue", "venue_symbol", "payment_id", name=op.f("pk_funding_payments")
        ),
    )
    op.create_index(
        op.f("ix_funding_payments_pair_id"), "funding_payments", ["pair_id"], unique=False
    )
    op.create_table(
        "legs",
        sa.Column("pair_id", sa.String(), nullable=False),
        sa.Column("leg", sa.String(), nullable=False),
        sa.Column("venue", sa.String(), nullable=False),
        sa.Column("venue_symbol", sa.String(), nullable=False),
        sa.Column("mid_price", Exact(), nullable=False),
        sa.Column("mark_price", Exact(), nullable=False),
        sa.Column("taker_bps", Exact(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["pair_id"], ["pairs.pair_id"], name=op.f("fk_legs_pair_id")),
        sa.PrimaryKeyConstraint("pair_id", "leg", name=op.f("pk_legs")),
    )
    op.create_index(
        "ux_legs_active",
        "legs",
        ["venue", "venue_symbol"],
        unique=True,
        sqlite_where=sa.text("active"),
        postgresql_where=sa.text("active"),
    )
    op.create_table(
        "orders",
        sa.Column("client_id", sa.String(), nullable=False),
        sa.Column("pair_id", sa.String(), nullable=False),
        sa.Column("leg", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("venue", sa.String(), nullable=False),
        sa.Column("venue_symbol", sa.String(), nullable=False),
        sa.Column("side", sa.String(), nullable=False),
        sa.Column("quantity", Exact(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("limit_price", Exact(), nullable=True),
        sa.Column("time_in_force", sa.String(), nullable=False),
        sa.Column("reduce_only", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("filled", Exact(), nullable=False),
        sa.Column("average_price", Exact(), nullable=True),
        sa.Column("venue_order_id", sa.String(), nullable=True),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("message", sa.String(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("updated_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["pair_id"], ["pairs.pair_id"], name=op.f("fk_orders_pair_id")),
        sa.PrimaryKeyConstraint("client_id", name=op.f("pk_orders")),
    )
    op.create_index(op.f("ix_orders_pair_id"), "orders", ["pair_id"], unique=False)
    op.create_index(op.f("ix_orders_state"), "orders", ["state"], unique=False)
    control = sa.table(
        "control",
        *(sa.column(name) for name in ("name", "halted", "reason", "actor")),
        sa.column("changed_at", Instant()),
    )
    op.bulk_insert(
        control,
        [
            {
                "name": "new_risk",
                "halted": False,
                "reason": "",
                "actor": "",
                "changed_at": utc_now(),
            }
        ],
    )
