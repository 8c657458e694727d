"""The types of the page's modules, which their JSDoc comments state, checked by the TypeScript compiler.

``python -m tools.page.types`` fetches the compiler and the types of the libraries with npm, once, at the versions that
are pinned here and in ``vendor.json``. Without npm it says so, and checks nothing.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tools.conformance.npm import installed, node
from tools.conformance.report import Missing
from tools.page.vendor import FOLDER, LIST, Vendored

TYPESCRIPT = "7.0.2"
SITE = FOLDER.parent
OPTIONS = Path(__file__).with_name("tsconfig.json")


def configured(folder: Path, vendored: Vendored) -> Path:
    """Write what the compiler reads, in the folder of the packages, and return its path."""
    packages = folder / "node_modules"
    names = {*vendored.imports, *(package.name for package in vendored.packages)}
    config = {
        "extends": str(OPTIONS),
        "compilerOptions": {"paths": {name: [str(packages / name)] for name in sorted(names)}},
        "include": [f"{SITE}/**/*"],
        "exclude": [f"{FOLDER}/*.js"],
    }
    path = folder / "tsconfig.json"
    path.write_text(json.dumps(config, indent=2), encoding="utf-8")
    return path


def main() -> int:
    """Check the modules; returns the exit code."""
    vendored = Vendored.model_validate_json(LIST.read_text(encoding="utf-8"))
    packages = {package.name: package.version for package in vendored.packages}
    try:
        folder = installed("page", {"typescript": TYPESCRIPT, **packages})
    except Missing as missing:
        print(f"the page's types were NOT CHECKED: {missing}", file=sys.stderr)
        return 0
    compiler = folder / "node_modules" / "typescript" / "bin" / "tsc"
    return subprocess.run([node(folder), compiler, "--project", configured(folder, vendored)], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
