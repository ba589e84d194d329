"""When a run has ended: Dagster stores that it failed first, then whether it is tried again."""

from collections.abc import Iterator

import dagster as dg
import pytest
from dagster._core.storage.tags import AUTO_RETRY_RUN_ID_TAG, WILL_RETRY_TAG
from dagster._core.test_utils import create_run_for_test

from funding_platform.local.cluster.runs import wait_for_end

FAILURE, SUCCESS = dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.SUCCESS


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    settings = {"run_retries": {"enabled": True}}
    with dg.DagsterInstance.ephemeral(settings=settings) as made:
        yield made


def test_a_failed_run_has_not_ended_before_it_is_known_whether_it_is_tried_again(
    instance: dg.DagsterInstance,
) -> None:
    failed = create_run_for_test(instance, status=FAILURE).run_id
    with pytest.raises(TimeoutError):
        wait_for_end(instance, failed, 0)
    instance.add_run_tags(failed, {WILL_RETRY_TAG: "true"})
    with pytest.raises(TimeoutError):
        wait_for_end(instance, failed, 0)
    successor = create_run_for_test(instance, status=SUCCESS).run_id
    instance.add_run_tags(failed, {AUTO_RETRY_RUN_ID_TAG: successor})
    assert wait_for_end(instance, failed, 10).run_id == successor


def test_a_failed_run_that_is_not_tried_again_has_ended(instance: dg.DagsterInstance) -> None:
    run_id = create_run_for_test(instance, status=FAILURE, tags={WILL_RETRY_TAG: "false"}).run_id
    assert wait_for_end(instance, run_id, 0).status == FAILURE


@pytest.mark.parametrize("status", [SUCCESS, dg.DagsterRunStatus.CANCELED])
def test_nothing_else_is_tried_again(
    instance: dg.DagsterInstance, status: dg.DagsterRunStatus
) -> None:
    run_id = create_run_for_test(instance, status=status).run_id
    assert wait_for_end(instance, run_id, 0).status == status


def test_without_retries_a_failed_run_has_ended() -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        run_id = create_run_for_test(instance, status=FAILURE).run_id
        assert wait_for_end(instance, run_id, 0).status == FAILURE
