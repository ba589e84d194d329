"""The tables of the store. The migrations make them; a test holds the two to each other.

Pairs that are over are kept for good. What is asked every minute, which is what is held and what
has happened of late, is found by an index, so that it costs the same after years.
"""

from typing import Final

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    text,
)

from funding_platform.execution.store.columns import Exact, Instant

METADATA: Final = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

_NUMBER = BigInteger().with_variant(Integer(), "sqlite")
"""SQLite counts rows up by itself only in a column that is declared ``INTEGER``."""

PAIRS: Final = Table(
    "pairs",
    METADATA,
    Column("pair_id", String, primary_key=True),
    Column("state", String, nullable=False),
    Column("base", String, nullable=False),
    Column("strategy", String, nullable=False),
    Column("memo", Exact, nullable=False),
    Column("facts", JSON, nullable=False),
    Column("size_usd", Exact, nullable=False),
    Column("quantity", Exact, nullable=False),
    Column("lot", Exact, nullable=False),
    Column("decided_at", Instant, nullable=False),
    Column("opened_at", Instant),
    Column("closed_at", Instant, index=True),
    Column("close_reason", String),
    Column("naked_seconds", Exact, nullable=False),
    Column("updated_at", Instant, nullable=False),
    Index("ix_pairs_state_updated_at", "state", "updated_at"),
)

LEGS: Final = Table(
    "legs",
    METADATA,
    Column("pair_id", String, ForeignKey("pairs.pair_id"), primary_key=True),
    Column("leg", String, primary_key=True),
    Column("venue", String, nullable=False),
    Column("venue_symbol", String, nullable=False),
    Column("mid_price", Exact, nullable=False),
    Column("mark_price", Exact, nullable=False),
    Column("taker_bps", Exact, nullable=False),
    Column("active", Boolean, nullable=False, index=True),
    Column("contract_type", String, nullable=False, server_default="linear"),
    Index("ix_legs_instrument", "venue_symbol", "venue"),
    Index(
        "ux_legs_active",
        "venue",
        "venue_symbol",
        unique=True,
        sqlite_where=text("active"),
        postgresql_where=text("active"),
    ),
)
"""An instrument belongs to one pair at a time: accounts are in one-way mode, and what two pairs
held of one instrument could not be told apart once the venue has reduced it."""

ORDERS: Final = Table(
    "orders",
    METADATA,
    Column("client_id", String, primary_key=True),
    Column("pair_id", String, ForeignKey("pairs.pair_id"), nullable=False, index=True),
    Column("leg", String, nullable=False),
    Column("role", String, nullable=False),
    Column("venue", String, nullable=False),
    Column("venue_symbol", String, nullable=False),
    Column("side", String, nullable=False),
    Column("quantity", Exact, nullable=False),
    Column("kind", String, nullable=False),
    Column("limit_price", Exact),
    Column("time_in_force", String, nullable=False),
    Column("reduce_only", Boolean, nullable=False),
    Column("state", String, nullable=False, index=True),
    Column("filled", Exact, nullable=False),
    Column("average_price", Exact),
    Column("venue_order_id", String),
    Column("reason", String),
    Column("message", String, nullable=False),
    Column("created_at", Instant, nullable=False, index=True),
    Column("updated_at", Instant, nullable=False),
)

FILLS: Final = Table(
    "fills",
    METADATA,
    Column("venue", String, primary_key=True),
    Column("venue_symbol", String, primary_key=True),
    Column("fill_id", String, primary_key=True),
    Column("pair_id", String, ForeignKey("pairs.pair_id"), index=True),
    Column("leg", String),
    Column("client_id", String, index=True),
    Column("side", String, nullable=False),
    Column("quantity", Exact, nullable=False),
    Column("price", Exact, nullable=False),
    Column("fee_usd", Exact, nullable=False),
    Column("maker", Boolean, nullable=False),
    Column("liquidation", Boolean, nullable=False),
    Column("synthetic", Boolean, nullable=False),
    Column("filled_at", Instant, nullable=False, index=True),
    Index("ix_fills_venue_filled_at", "venue", "filled_at"),
)
"""A fill that the venue has not told of yet, though its totals say that it was, is synthetic: its
id follows from its order or leg, and it goes when the true one comes."""

FUNDING_PAYMENTS: Final = Table(
    "funding_payments",
    METADATA,
    Column("venue", String, primary_key=True),
    Column("venue_symbol", String, primary_key=True),
    Column("payment_id", String, primary_key=True),
    Column("pair_id", String, ForeignKey("pairs.pair_id"), index=True),
    Column("leg", String),
    Column("quantity", Exact, nullable=False),
    Column("rate", Exact, nullable=False),
    Column("amount_usd", Exact, nullable=False),
    Column("paid_at", Instant, nullable=False, index=True),
)

EVENTS: Final = Table(
    "events",
    METADATA,
    Column("event_id", _NUMBER, primary_key=True, autoincrement=True),
    Column("happened_at", Instant, nullable=False, index=True),
    Column("kind", String, nullable=False, index=True),
    Column("actor", String, nullable=False),
    Column("pair_id", String, index=True),
    Column("reason", String, nullable=False),
    Column("details", JSON, nullable=False),
)

COMMANDS: Final = Table(
    "commands",
    METADATA,
    Column("command_id", _NUMBER, primary_key=True, autoincrement=True),
    Column("asked_at", Instant, nullable=False),
    Column("actor", String, nullable=False),
    Column("name", String, nullable=False),
    Column("arguments", JSON, nullable=False),
    Column("state", String, nullable=False, index=True),
    Column("outcome", String, nullable=False),
    Column("done_at", Instant),
)

STRATEGY_STATES: Final = Table(
    "strategy_states",
    METADATA,
    Column("name", String, primary_key=True),
    Column("state", JSON, nullable=False),
    Column("updated_at", Instant, nullable=False),
)

SNAPSHOTS: Final = Table(
    "snapshots",
    METADATA,
    Column("snapshot_id", _NUMBER, primary_key=True, autoincrement=True),
    Column("taken_at", Instant, nullable=False),
    Column("content", JSON, nullable=False),
)

CONTROL: Final = Table(
    "control",
    METADATA,
    Column("name", String, primary_key=True),
    Column("halted", Boolean, nullable=False),
    Column("reason", String, nullable=False),
    Column("actor", String, nullable=False),
    Column("changed_at", Instant, nullable=False),
)
"""One row, ``new_risk``: whether it is halted. Whoever opens reads it in the same transaction."""

CURSORS: Final = Table(
    "cursors",
    METADATA,
    Column("venue", String, primary_key=True),
    Column("reached", Instant, nullable=False),
)
"""How far fills and payments of each venue have been read."""
