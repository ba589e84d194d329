"""Legs say what their contracts are for; all that were there before are linear."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the column."""
    column = sa.Column("contract_type", sa.String(), nullable=False, server_default="linear")
    op.add_column("legs", column)
