"""A question to the lake that is given up ends, even where its answer comes at that moment."""

import asyncio
import time
from pathlib import Path

from funding_platform.service.reader import Readers
from funding_platform.settings import Settings


def test_who_is_asked_to_end_as_the_answer_comes_ends(tmp_path: Path) -> None:
    """Python's own wait with a limit, up to 3.11, returns the answer and forgets the request."""

    async def asked_and_cancelled() -> bool:
        readers = Readers(Settings(data_dir=tmp_path))
        asking = asyncio.create_task(readers.ask(lambda _: "an answer"))
        await asyncio.sleep(0)  # it is asked
        time.sleep(0.2)  # noqa: ASYNC251 - the answer waits for the loop
        await asyncio.sleep(0)  # the loop has taken it, and told nobody yet
        asking.cancel()
        await asyncio.wait({asking})
        readers.close()
        return asking.cancelled()

    assert asyncio.run(asked_and_cancelled())
