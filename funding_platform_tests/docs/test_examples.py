"""Every example of the documents runs as it stands, in a working copy in which the demo has run."""

import json
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import nbformat
import pytest
from jupyter_client.manager import AsyncKernelManager
from jupyter_core.utils import run_sync
from nbclient import NotebookClient

from funding_platform.defs.assets.notebooks import notebook_asset
from funding_platform.defs.running.resources import LakeResource
from funding_platform.sandbox.server import RunningSandbox, build_market, running_sandbox
from funding_platform_tests.checkout import ROOT, SYMBOLS, Checkout
from funding_platform_tests.docs.markdown import Block, blocks, documents_with, name_of

pytestmark = pytest.mark.world

DOCUMENTED_ADDRESS = "http://127.0.0.1:8900"
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))

FINDINGS = {
    "00_tour.ipynb": "In the newest window BTC funding yielded most on",
    "01_curve_qc.ipynb": "Three components explain",
    "02_opportunities.ipynb": "most often for",
    "03_funding_statistics.ipynb": "Over 30 days longs paid most on",
    "04_backtest.ipynb": "without any skill would show",
    "05_regime_classifier.ipynb": "the rule that funding stays as it is: on average",
}
"""What each notebook says in words, having computed it."""

NAMES_THE_BLOCK = """
set -euo pipefail
trap 'echo "failed: $block, exit status $?" >&2' ERR
"""


@pytest.fixture(scope="session")
def sandbox() -> Iterator[RunningSandbox]:
    """The sandbox that the documents suppose at its usual address."""
    with running_sandbox(build_market(symbols=SYMBOLS)) as running:
        yield running


@pytest.fixture(scope="module")
def kernel() -> Iterator[AsyncKernelManager]:
    """One process for all notebooks, which imports what they share once."""
    manager = AsyncKernelManager(kernel_name="python3")
    yield manager
    run_sync(manager.shutdown_kernel)(now=True)


def joined(parts: list[Block], sandbox: RunningSandbox) -> str:
    """Blocks as one program, with the running sandbox in place of the documented one."""
    text = "\n".join(part.text for part in parts)
    return text.replace(DOCUMENTED_ADDRESS, sandbox.url)


@pytest.mark.parametrize("document", documents_with("bash"), ids=name_of)
def test_shell_examples_run(document: Path, checkout: Checkout, sandbox: RunningSandbox) -> None:
    parts = [
        Block(part.language, f"block={name_of(document)}:{part.line}\n{part.text}", part.line)
        for part in blocks(document, "bash")
    ]
    done = checkout.run("bash", "-c", NAMES_THE_BLOCK + joined(parts, sandbox))
    assert done.returncode == 0, done.stdout[-5_000:]


@pytest.mark.parametrize("document", documents_with("python"), ids=name_of)
def test_python_examples_run(document: Path, checkout: Checkout, sandbox: RunningSandbox) -> None:
    program = joined(blocks(document, "python"), sandbox)
    done = checkout.run("python", "-W", "error", "-c", program)
    assert done.returncode == 0, done.stdout[-5_000:]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_notebooks_are_stored_without_outputs_and_run(
    path: Path, checkout: Checkout, kernel: AsyncKernelManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    notebook = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(cell.outputs == [] and cell.execution_count is None for cell in code)
    monkeypatch.delenv("FUNDING_DATA_DIR", raising=False)
    reset = nbformat.v4.new_code_cell("%reset -f")  # type: ignore[no-untyped-call]
    notebook.cells.insert(0, reset)
    where = {"metadata": {"path": str(checkout.root)}}
    client = NotebookClient(notebook, km=kernel, timeout=None, resources=where)
    client.execute()
    assert client.kc is not None
    client.kc.stop_channels()
    shown = json.dumps([output for cell in code for output in cell.outputs])
    assert FINDINGS[path.name] in shown
    assert "image/png" in shown


def test_the_notebook_asset_keeps_its_verdict_and_picture(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FUNDING_DATA_DIR", str(checkout.settings.data_dir))
    result = dg.materialize([notebook_asset()], resources={"lake": LakeResource()})
    (event,) = result.get_asset_materialization_events()
    metadata = event.materialization.metadata
    assert FINDINGS["05_regime_classifier.ipynb"] in str(metadata["verdict"].value)
    assert "data:image/png;base64" in str(metadata["picture_1"].value)
    assert Path(str(metadata["notebook"].value)).is_file()
