"""``python -m notebooks.execute [FILE …]``: run notebooks from a fresh kernel and keep their outputs in them.

What differs from one execution to the next without meaning anything is left out, so that a new execution is a small
change. With ``--check`` nothing is written.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Any

import nbformat
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient

HERE = Path(__file__).parent
TIMEOUT = 300
"""Seconds for one cell."""


class ThisInterpreter(KernelSpecManager):
    """Knows one kernel: the Python that runs this, with the AgentNet that lies beside it."""

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        path = os.pathsep.join(filter(None, [str(HERE.parent), os.environ.get("PYTHONPATH")]))
        return KernelSpec(
            argv=[sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}", "--log-level=ERROR"],
            display_name="Python 3",
            language="python",
            env={"PYTHONPATH": path, "MPLBACKEND": "module://matplotlib_inline.backend_inline"},
        )


def execute(path: Path, folder: Path) -> Any:
    """The notebook with the outputs of a fresh execution, in a working folder. Raises where a cell does."""
    notebook = nbformat.read(path, as_version=4)
    manager = AsyncKernelManager(kernel_name="python3", kernel_spec_manager=ThisInterpreter())
    client = NotebookClient(notebook, km=manager, timeout=TIMEOUT, resources={"metadata": {"path": str(folder)}})
    client.execute()
    return tidied(notebook)


def tidied(notebook: Any) -> Any:
    """Without times, process ids and versions of the kernel; pieces of one stream are one output.

    What is shown as a picture or a table is not kept as Python text too, which has ids, clock times and paths in it.
    """
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    for cell in notebook.cells:
        cell.metadata = {}
        if cell.cell_type != "code":
            continue
        merged: list[Any] = []
        for output in cell.outputs:
            if len(shown := output.get("data", {})) > 1:
                shown.pop("text/plain", None)
            if merged and output.output_type == "stream" == merged[-1].output_type and output.name == merged[-1].name:
                merged[-1].text += output.text
            else:
                merged.append(output)
        cell.outputs = merged
    return notebook


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m notebooks.execute", description=__doc__)
    parser.add_argument("files", nargs="*", type=Path, default=sorted(HERE.glob("*.ipynb")))
    parser.add_argument("--check", action="store_true", help="write nothing")
    arguments = parser.parse_args()
    for path in arguments.files:
        found = execute(path, HERE)
        if not arguments.check:
            nbformat.write(found, path)
        print(path.name, "ran")


if __name__ == "__main__":
    main()
