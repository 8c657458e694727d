"""``python -m benchmarks.fuzz gguf --cases 2500``: mutated inputs, each in a process of its own.

Every one must be refused in one clear line, or be used; a crash, a hang, a traceback or an error of many lines ends
with exit code 1. ``--first 17 --cases 1`` repeats case 17.
"""

from __future__ import annotations

import argparse
import sys

from benchmarks.fuzz.frame import TIMEOUT, Findings, Kind, fuzz, report
from benchmarks.fuzz.gguf import Gguf
from benchmarks.fuzz.messages import Messages
from benchmarks.fuzz.replies import Replies
from benchmarks.fuzz.yaml_files import YamlFiles

KINDS: dict[str, type[Kind]] = {kind.name: kind for kind in (Gguf, YamlFiles, Messages, Replies)}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fuzz", description=__doc__)
    parser.add_argument("kinds", nargs="*", choices=[*KINDS, []], metavar="KIND", help=", ".join(KINDS))
    parser.add_argument("--cases", type=int, default=2500, help="of each kind")
    parser.add_argument("--first", type=int, default=0, help="number of the first case")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--timeout", type=float, default=TIMEOUT, help="seconds for a case")
    parser.add_argument("--verbose", action="store_true", help="print every case")
    options = parser.parse_args()
    code = 0
    for name in options.kinds or KINDS:
        kind, findings = KINDS[name](), Findings()
        cases = range(options.first, options.first + options.cases)
        for ending in fuzz(kind, cases, seed=options.seed, timeout=options.timeout):
            findings.take(ending)
            if options.verbose:
                sys.stdout.write(f"{ending}\n")
                sys.stdout.flush()
        code |= report(kind, findings)
    sys.exit(code)


if __name__ == "__main__":
    main()
