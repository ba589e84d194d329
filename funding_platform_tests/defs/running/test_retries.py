"""A step is tried again where its error says that this may help, and nowhere else."""

import dagster as dg
import pytest
from dagster._core.events import RunFailureReason
from dagster._core.execution.retries import auto_reexecution_should_retry_run
from dagster._core.storage.tags import MAX_RUNTIME_SECONDS_TAG, PRIORITY_TAG
from dagster._core.test_utils import create_run_for_test

from funding_platform.core.errors import FundingError
from funding_platform.defs.assets.maintenance import MAINTENANCE
from funding_platform.defs.running.jobs import BACKTEST, COLLECT, TRANSFORM, history_job_name
from funding_platform.defs.running.retries import retried_if_retryable
from funding_platform.flows.errors import BeforeHistoryError
from funding_platform.lake.errors import (
    CatalogLostError,
    CommitConflictError,
    LakeUnreachableError,
)
from funding_platform.venues.errors import BannedError, ServerError

HISTORY_OF_OKX = history_job_name("okx")


@pytest.mark.parametrize(
    ("error", "tries"),
    [
        (ServerError("HTTP 503", venue="okx"), 3),
        (LakeUnreachableError("the database was started again"), 3),
        (CommitConflictError("another commit came first"), 3),
        (BannedError("HTTP 403", venue="okx"), 1),
        (CatalogLostError("the catalog is gone"), 1),
        (BeforeHistoryError("2019-01 ends before its history starts"), 1),
    ],
)
def test_only_what_may_pass_is_tried_again(error: FundingError, tries: int) -> None:
    tried = []

    @dg.asset(retry_policy=dg.RetryPolicy(max_retries=2))
    def rates() -> None:
        with retried_if_retryable():
            tried.append(error)
            raise error

    result = dg.materialize([rates], raise_on_error=False)
    assert len(tried) == tries
    (failed,) = result.get_step_failure_events()
    assert str(error) in str(failed.step_failure_data.error)


@pytest.mark.parametrize(
    ("job", "reason", "again"),
    [
        (HISTORY_OF_OKX, RunFailureReason.UNKNOWN, True),
        (HISTORY_OF_OKX, RunFailureReason.STEP_FAILURE, False),
        (COLLECT, RunFailureReason.UNKNOWN, False),
    ],
)
def test_a_run_of_history_whose_worker_was_killed_is_started_once_more(
    home: dg.DagsterInstance,
    definitions: dg.Definitions,
    job: str,
    reason: RunFailureReason,
    again: bool,
) -> None:
    tags = definitions.resolve_job_def(job).tags
    run = create_run_for_test(home, status=dg.DagsterRunStatus.FAILURE, tags=tags)
    assert auto_reexecution_should_retry_run(home, run, reason) is again


def test_every_job_ends_some_time(definitions: dg.Definitions) -> None:
    for job in (HISTORY_OF_OKX, COLLECT, TRANSFORM, BACKTEST, MAINTENANCE):
        longest = int(definitions.resolve_job_def(job).tags[MAX_RUNTIME_SECONDS_TAG])
        assert 0 < longest <= 6 * 3600


def test_the_hour_does_not_wait_for_history(
    home: dg.DagsterInstance, definitions: dg.Definitions
) -> None:
    queue = home.get_concurrency_config().run_queue_config
    assert queue is not None
    (limit,) = queue.tag_concurrency_limits
    assert limit["key"] in definitions.resolve_job_def(HISTORY_OF_OKX).tags
    assert limit["limit"] < queue.max_concurrent_runs
    collecting, transforming, history = (
        int(definitions.resolve_job_def(job).tags.get(PRIORITY_TAG, 0))
        for job in (COLLECT, TRANSFORM, HISTORY_OF_OKX)
    )
    assert collecting > transforming > history


def test_a_run_whose_turn_comes_while_the_code_server_starts_is_not_dropped(
    home: dg.DagsterInstance,
) -> None:
    queue = home.get_concurrency_config().run_queue_config
    assert queue is not None
    assert queue.max_user_code_failure_retries * queue.user_code_failure_retry_delay >= 60
