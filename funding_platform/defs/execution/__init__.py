"""Trading in Dagster: a code location of its own, so that its runs and its code stand apart."""
