"""The recipe for a strategy is run as it stands."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

RECIPE = (Path(__file__).parents[2] / "docs" / "recipes" / "fusion-strategy.md").read_text(encoding="utf-8")


def test_the_recipe_prints_what_it_says() -> None:
    (code,) = re.findall(r"^```python\n(.*?)^```", RECIPE, re.M | re.S)
    (printed,) = re.findall(r"^```text\n(.*?)^```", RECIPE, re.M | re.S)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout == printed
