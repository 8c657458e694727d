"""The files that ship with AgentNet: protocols, scenarios, evals and policies.

In a wheel they are inside the package; in a checkout (and an editable install of one) they are next to it.
"""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).parents[1]


def shipped_folder(name: str) -> Path:
    """Return the folder `protocols`, `scenarios`, `evals` or `policies` of this installation."""
    for folder in (_PACKAGE / "shipped" / name, _PACKAGE.parent / name):
        if folder.is_dir():
            return folder
    raise FileNotFoundError(f"the installation of agentnet-ai lacks its folder {name!r}: install it again")


def shipped_files(name: str, suffix: str = ".yaml") -> dict[str, Path]:
    """Return the shipped files of a folder by stem, sorted."""
    return {path.stem: path for path in sorted(shipped_folder(name).glob(f"*{suffix}"))}
