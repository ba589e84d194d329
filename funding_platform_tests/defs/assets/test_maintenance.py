"""The maintenance job on a real instance and a real lake."""

from datetime import timedelta
from pathlib import Path

import dagster as dg
import pytest

from funding_platform.core.tables.collected import FUNDING_RATES
from funding_platform.defs.assets.maintenance import MAINTENANCE
from funding_platform.lake import connect
from funding_platform.lake.writer import Lake
from funding_platform.settings import Settings
from funding_platform_tests.known import known
from funding_platform_tests.lake.conftest import age, january_of, rates


@pytest.mark.sampled(1)
@pytest.mark.parametrize(("kept_days", "expired"), [("0", True), ("30", False)])
def test_the_job_expires_snapshots_beyond_the_retention_and_loses_no_row(
    definitions: dg.Definitions,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    kept_days: str,
    expired: bool,
) -> None:
    monkeypatch.setenv("FUNDING_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("FUNDING_SNAPSHOT_RETENTION_DAYS", kept_days)
    with Lake(Settings()) as lake:
        for venue in ("binance", "okx"):
            with lake.commit("run", venue) as transaction:
                frame = rates(venue, symbols=20, hours=24)
                transaction.replace(FUNDING_RATES, frame, january_of(venue))
        before = lake.read("SELECT * FROM core.funding_rates ORDER BY ALL")
    age(Settings(), timedelta(days=1.5))
    with dg.DagsterInstance.ephemeral() as instance:
        result = definitions.resolve_job_def(MAINTENANCE).execute_in_process(instance=instance)
    outputs = {e.step_key: e for e in result.all_events if e.event_type_value == "STEP_OUTPUT"}
    output = outputs["maintain_lake"]
    metadata = output.step_output_data.metadata
    assert (known(metadata["snapshots_expired"].value) > 0) is expired
    with connect(Settings()) as connection:
        after = connection.execute("SELECT * FROM core.funding_rates ORDER BY ALL").pl()
    assert after.equals(before)
