"""``python -m benchmarks.serving.watched FILE serve …``: the command line, which tells its tasks when it gets SIGUSR1.

It writes them to FILE as JSON: what each runs, and how many there are.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections import Counter
from pathlib import Path


def watch(file: Path) -> None:
    """Write the tasks of the running loop to a file at each SIGUSR1."""

    def tell(*_: object) -> None:
        tasks = asyncio.all_tasks(asyncio.get_running_loop())
        names = Counter(getattr(task.get_coro(), "__qualname__", "?") for task in tasks)
        new = file.with_suffix(".new")
        new.write_text(json.dumps(names), encoding="utf-8")
        os.replace(new, file)

    signal.signal(signal.SIGUSR1, tell)


if __name__ == "__main__":
    watch(Path(sys.argv[1]))
    del sys.argv[1]
    from agentnet.cli import main

    main()
