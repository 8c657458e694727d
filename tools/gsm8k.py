"""The recorded answers that evaluations replay: ``python -m tools.gsm8k FOLDER`` packs them from the original files.

`FOLDER` holds the originals under the names that their repositories give them (`ORIGINALS`). What is kept of them is
written to ``evals/data/gsm8k``, compressed; the same originals give the same contents.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

DATA = Path(__file__).parents[1] / "evals" / "data" / "gsm8k"


@dataclass(frozen=True, slots=True)
class Original:
    """A file of another project: where it is from, and which version of it is meant."""

    name: str
    repository: str
    path: str
    commit: str
    sha256: str
    kept: Callable[[str], str]
    """From its text to the text that is shipped."""


def _whole(text: str) -> str:
    return text


def _without_ground_truth(text: str) -> str:
    """The worked answers are in the test problems already."""
    rows = (json.loads(line) for line in text.split("\n") if line)
    kept = ({name: value for name, value in row.items() if name != "ground_truth"} for row in rows)
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in kept)


ORIGINALS = (
    Original(
        name="test.jsonl",
        repository="https://github.com/openai/grade-school-math",
        path="grade_school_math/data/test.jsonl",
        commit="3101c7d5072418e28b9008a6636bde82a006892c",
        sha256="3730d312f6e3440559ace48831e51066acaca737f6eabec99bccb9e4b3c39d14",
        kept=_whole,
    ),
    Original(
        name="example_model_solutions.jsonl",
        repository="https://github.com/openai/grade-school-math",
        path="grade_school_math/data/example_model_solutions.jsonl",
        commit="3101c7d5072418e28b9008a6636bde82a006892c",
        sha256="4bc62db838f8418365d51c627bd66294cbdca9fb7f01519cb13f0dce8c51580b",
        kept=_without_ground_truth,
    ),
    Original(
        name="gsm8k_responses.csv",
        repository="https://github.com/lm-sys/RouteLLM",
        path="routellm/evals/gsm8k/gsm8k_responses.csv",
        commit="0b64fdafe049e596a3f5657c219329f24af24198",
        sha256="1f38ed03db354a020f71e92022383dc3cf37bbf2694dea4daaeea7b6c43fe57b",
        kept=_whole,
    ),
)


def pack(folder: Path, out: Path = DATA) -> list[Path]:
    """Write the shipped files from the originals in a folder, and return their paths.

    Raises `ValueError` for an original of another version.
    """
    written: list[Path] = []
    for original in ORIGINALS:
        content = (folder / original.name).read_bytes()
        if (found := hashlib.sha256(content).hexdigest()) != original.sha256:
            raise ValueError(
                f"{folder / original.name}: its SHA-256 is {found}, expected {original.sha256}; "
                f"take {original.path} of {original.repository} at {original.commit}"
            )
        path = out / f"{original.name}.gz"
        kept = original.kept(content.decode("utf-8"))
        path.write_bytes(gzip.compress(kept.encode("utf-8"), compresslevel=9, mtime=0))
        written.append(path)
    return written


def main(arguments: Sequence[str] | None = None) -> None:
    """Pack the originals in the named folder."""
    parser = argparse.ArgumentParser(prog="python -m tools.gsm8k", description=main.__doc__)
    parser.add_argument("folder", type=Path, help=f"holds {', '.join(original.name for original in ORIGINALS)}")
    for path in pack(parser.parse_args(arguments).folder):
        print(f"{path.relative_to(DATA.parents[2])}: {path.stat().st_size / 1024:.0f} KiB")


if __name__ == "__main__":
    main()
