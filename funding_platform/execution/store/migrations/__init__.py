"""How the tables of the store came to be, one file a change; Alembic runs them at the opening."""
