"""Where the files that travel with AgentNet are: protocols, scenarios and evals.

In a wheel they lie inside the package, in a checkout (and an editable install of one) beside it.
"""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).parents[1]


def shipped_folder(name: str) -> Path:
    """The folder `protocols`, `scenarios` or `evals`, however AgentNet was installed."""
    for place in (_PACKAGE / "shipped" / name, _PACKAGE.parent / name):
        if place.is_dir():
            return place
    raise FileNotFoundError(f"the installation of agentnet-ai lacks its folder {name!r}: install it again")


def shipped_files(name: str, suffix: str = ".yaml") -> dict[str, Path]:
    """The shipped files of a folder by stem, sorted."""
    return {path.stem: path for path in sorted(shipped_folder(name).glob(f"*{suffix}"))}
