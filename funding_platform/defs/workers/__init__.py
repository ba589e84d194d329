"""Runs on several machines: Celery workers, their leases, and Dagster's database."""
