"""One copy of a provider's data for several processes.

The frames are written as they lie in memory, uncompressed Arrow, and mapped by whoever opens them:
processes that run many configurations over the same data hold its pages in common, and none of
them reads or checks it again.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
import pyarrow as pa
import pyarrow.ipc

from funding_platform.backtest.config import BacktestConfig
from funding_platform.backtest.data.frames import Intake
from funding_platform.backtest.data.provider import FundingDataProvider
from funding_platform.flows.backtests.data import LakeData
from funding_platform.settings import Settings


@dataclass(frozen=True, slots=True)
class SharedData:
    """Opens the data of a provider, in whichever process; picklable."""

    folder: Path

    def __call__(self) -> FundingDataProvider:
        """Return the provider, its data mapped and not read."""
        return FundingDataProvider(
            Intake(**{part.name: _mapped(_file(self.folder, part.name)) for part in fields(Intake)})
        )


@dataclass(frozen=True, slots=True)
class SharedLake:
    """What the runs of one search read, to be opened in whichever process they run."""

    settings: Settings
    config: BacktestConfig
    snapshot_id: int
    data: SharedData

    def opened(self) -> LakeData:
        """Return the data of any of their configurations, in common where it can be."""
        return LakeData(self.settings, self.snapshot_id, self.config, self.data())


@contextmanager
def shared(provider: FundingDataProvider) -> Iterator[SharedData]:
    """Lend a provider's data to other processes, until the ``with`` block is left.

    What was opened in it must not be used after it: the files are gone then.
    """
    with TemporaryDirectory(prefix="funding-backtest-") as name:
        folder = Path(name)
        for part, frame in provider.frames():
            frame.rechunk().write_ipc(
                _file(folder, part),
                compression="uncompressed",
                record_batch_size=max(1, len(frame)),
            )
        del provider, frame  # in memory once, as the pages of the files
        yield SharedData(folder)


def _mapped(file: Path) -> pl.DataFrame:
    """Map a frame over the pages of a file; Polars' own reader would copy them."""
    with pa.memory_map(str(file)) as source, pa.ipc.open_file(source) as reader:
        return pl.DataFrame(reader.read_all())


def _file(folder: Path, part: str) -> Path:
    return folder / f"{part}.arrow"
