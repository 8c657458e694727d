"""The libraries that the page is delivered with, as they stand in their npm packages.

``python -m tools.page.vendor`` fetches the packages with npm, compares each archive with the SHA-512 that
``vendor.json`` pins, and copies the named files. Modules import each other by package names there; browsers need paths,
so these names are replaced, and nothing else. ``--check`` compares the copies with their SHA-256, offline.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import re
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel

FOLDER = Path(__file__).parents[2] / "agentnet" / "serving" / "page" / "site" / "vendor"
LIST = FOLDER / "vendor.json"
IMPORTS = re.compile(r"""(\bfrom\s*|\bimport\s*)(["'])([^"'./][^"']*)\2""")
"""An import of a package by its name, in a module that was minified or not."""


class Package(BaseModel):
    """A package of the npm registry. `files` maps the name of a copy to the path in the package."""

    name: str
    version: str
    license: str
    integrity: str
    """SHA-512 of the archive, as npm states it."""
    files: dict[str, str]


class Vendored(BaseModel):
    """What is copied, which import becomes which path, and the SHA-256 of each copy."""

    packages: list[Package]
    imports: dict[str, str]
    sha256: dict[str, str]


def fetched(package: Package) -> dict[str, bytes]:
    """Return the copies of a package's files, by name. Raises `SystemExit` for another archive than the pinned."""
    with tempfile.TemporaryDirectory() as folder:
        command = ["npm", "pack", "--silent", "--pack-destination", folder, f"{package.name}@{package.version}"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        (archive,) = Path(folder).iterdir()
        data = archive.read_bytes()
    found = "sha512-" + base64.b64encode(hashlib.sha512(data).digest()).decode()
    if found != package.integrity:
        raise SystemExit(f"{package.name} {package.version}: the archive has {found}, not {package.integrity}")
    with tarfile.open(fileobj=io.BytesIO(data)) as members:
        return {name: _content(members, f"package/{path}") for name, path in package.files.items()}


def adapted(data: bytes, imports: dict[str, str]) -> bytes:
    """Return a module whose imports of packages are imports of paths. Raises `KeyError` for a package without one."""
    text = IMPORTS.sub(lambda found: f"{found[1]}{found[2]}{imports[found[3]]}{found[2]}", data.decode())
    return re.sub(r"\n?//# sourceMappingURL=\S+\s*$", "\n", text).encode()


def problems(vendored: Vendored) -> list[str]:
    """Return what is wrong with the copies, one line each."""
    named = {name for package in vendored.packages for name in package.files}
    found = [f"{name}: is not in vendor.json" for name in sorted({*_copies()} - named)]
    for name in sorted(named):
        path = FOLDER / name
        if not path.is_file():
            found.append(f"{name}: is missing")
        elif hashlib.sha256(path.read_bytes()).hexdigest() != vendored.sha256.get(name):
            found.append(f"{name}: differs from what was vendored")
    return found


def main(arguments: Sequence[str]) -> int:
    """Fetch the copies, or check them; returns the exit code."""
    vendored = Vendored.model_validate_json(LIST.read_text(encoding="utf-8"))
    if "--check" in arguments:
        found = problems(vendored)
        for line in found:
            print(f"{line}; run `make vendor`", file=sys.stderr)
        return 1 if found else 0
    for package in vendored.packages:
        for name, data in fetched(package).items():
            is_module = name.endswith(".js")
            content = adapted(data, vendored.imports) if is_module else data
            (FOLDER / name).write_bytes(content)
            vendored.sha256[name] = hashlib.sha256(content).hexdigest()
    LIST.write_text(json.dumps(vendored.model_dump(), indent=2) + "\n", encoding="utf-8")
    return 0


def _content(archive: tarfile.TarFile, path: str) -> bytes:
    member = archive.extractfile(path)
    if member is None:
        raise SystemExit(f"{path} is no file")
    return member.read()


def _copies() -> list[str]:
    return [path.name for path in FOLDER.iterdir() if path.name != LIST.name and not path.name.endswith(".d.ts")]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
