"""Running a notebook over the lake, and what it said and drew."""

import os
from base64 import b64decode
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from funding_platform.flows.errors import FlowError
from funding_platform.flows.progress import step
from funding_platform.settings import Settings, project_file, project_root

TIMEOUT_SECONDS = 600
"""For one cell."""


@dataclass(frozen=True, slots=True)
class ExecutedNotebook:
    """Where the executed copy lies, the texts that it printed, and its pictures as PNG."""

    file: Path
    texts: tuple[str, ...]
    pictures: tuple[bytes, ...]


def execute_notebook(name: str, settings: Settings) -> ExecutedNotebook:
    """Run ``notebooks/<name>.ipynb`` in a kernel of its own; the file itself stays as it is.

    The executed copy goes to ``notebooks`` in the data folder.

    Raises
    ------
    FlowError
        If there is no such notebook, or one of its cells fails.
    """
    source = project_file(Path("notebooks") / f"{name}.ipynb")
    if not source.is_file():
        raise FlowError(f"there is no notebook {source}", hint="run it from inside the repository")
    notebook = nbformat.read(source, as_version=4)  # type: ignore[no-untyped-call]
    client = NotebookClient(
        notebook,
        timeout=TIMEOUT_SECONDS,
        resources={"metadata": {"path": str(project_root())}},
    )
    with step(f"notebook {name}"):
        try:
            client.execute(env={**os.environ, "FUNDING_DATA_DIR": str(settings.data_dir)})
        except CellExecutionError as error:
            raise FlowError(
                f"notebook {name} failed: {error.ename}: {error.evalue}",
                hint="run it cell by cell; has `features/feature_store` been materialised?",
            ) from error
    file = settings.data_dir / "notebooks" / source.name
    file.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, file)  # type: ignore[no-untyped-call]
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    drawn = (output.get("data", {}).get("image/png") for output in outputs)
    return ExecutedNotebook(
        file,
        tuple(output.text.strip() for output in outputs if output.get("name") == "stdout"),
        tuple(b64decode(png) for png in drawn if png is not None),
    )
