"""What a real instance of Dagster says of runs, checks and slots."""

from datetime import UTC, datetime

import dagster as dg

from funding_platform.defs.running.facts import facts_of


@dg.asset(pool="venue_okx")
def rates() -> int:
    return 1


@dg.asset_check(asset=rates)
def fresh() -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=False)


@dg.asset_check(asset=rates)
def near() -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=False, severity=dg.AssetCheckSeverity.WARN)


@dg.asset
def broken() -> None:
    raise ValueError("no")


def test_what_an_instance_knows_is_told() -> None:
    with dg.instance_for_test() as instance:
        assert facts_of(instance).last_runs == {}
        dg.materialize([rates, fresh, near], instance=instance)
        dg.materialize([broken], instance=instance, raise_on_error=False)
        (ended,) = instance.get_run_ids(dg.RunsFilter(statuses=[dg.DagsterRunStatus.FAILURE]))
        instance.event_log_storage.set_concurrency_slots("venue_okx", 1)
        claimed = instance.event_log_storage.claim_concurrency_slot("venue_okx", ended, "step")
        assert claimed.is_claimed
        facts = facts_of(instance)
    assert facts.failed_checks == ("fresh of rates",), "the other one only warns"
    assert [state for state, _ in facts.last_runs.values()] == ["FAILURE"], "the newer of the job"
    assert all(at <= datetime.now(UTC) for _, at in facts.last_runs.values())
    assert facts.held_slots == facts.slots_of_ended_runs == (("venue_okx", ended),)
    assert facts.under_way == ()
