"""A step is tried again where its error says that this may help, and nowhere else."""

import dagster as dg
import pytest

from funding_platform.core.errors import FundingError
from funding_platform.defs.retries import retried_if_retryable
from funding_platform.flows.errors import BeforeHistoryError
from funding_platform.venues.errors import BannedError, ServerError


@pytest.mark.parametrize(
    ("error", "tries"),
    [
        (ServerError("HTTP 503", venue="okx"), 3),
        (BannedError("HTTP 403", venue="okx"), 1),
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
