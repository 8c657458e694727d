"""The life of a question as it is written down: the files are there, and a question passes through all of them."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "docs" / "lifecycle.md").read_text(encoding="utf-8")
FILES = re.findall(r"`(agentnet/\S+\.py)`", TEXT)
MOST = 15

TRACED = """
import os, sys, threading
entered = set()

def note(frame, event, argument):
    if event == "call":
        entered.add(frame.f_code.co_filename)

threading.setprofile(note)
sys.setprofile(note)
from agentnet.cli import main
sys.argv = ["agentnet", "ask", "What is 347 + 285?", "--protocol", "debate", "--label", "math", "--network", "zoo"]
try:
    main()
finally:
    sys.setprofile(None)
    for name in sorted(entered):
        if f"{os.sep}agentnet{os.sep}" in name:
            print("entered", name.rpartition(f"{os.sep}agentnet{os.sep}")[2].replace(os.sep, "/"))
"""


def test_the_files_to_read_are_counted() -> None:
    assert len(FILES) == len(set(FILES)) <= MOST
    assert re.search(rf"\*\*{len(FILES)} files\*\*", TEXT)
    assert [int(number) for number in re.findall(r"^(\d+)\. ", TEXT, re.M)] == list(range(1, 9))


def test_a_question_passes_through_every_file(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", TRACED],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "AGENTNET_HOME": str(tmp_path), "PATH": ""},
        capture_output=True,
        text=True,
        timeout=110,
    )
    assert "= 632" in done.stdout, done.stderr
    entered = {f"agentnet/{line.removeprefix('entered ')}" for line in done.stdout.splitlines() if "entered " in line}
    assert [file for file in FILES if file not in entered] == []
