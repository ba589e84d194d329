"""What Alembic runs: the changes, on the connection that it was given."""

from alembic import context

from funding_platform.execution.store.schema import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    render_as_batch=True,
)
context.run_migrations()
