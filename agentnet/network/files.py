"""Finding a network: the embedded zoo by name, or a file."""

from __future__ import annotations

from pathlib import Path
from typing import TypeAlias

from agentnet.contracts.grades import Grades
from agentnet.contracts.network import NetworkSpec
from agentnet.contracts.runs import RunRecord
from agentnet.errors import ModelFileError, NetworkError
from agentnet.files.paths import is_file, written_path
from agentnet.files.yaml import read_yaml
from agentnet.network.cards import with_known_cards

ZOO = "zoo"
EMBEDDED = {ZOO: 1, "zoo-batched": 8}
"""Networks without a file → number of requests that each of their models decodes together."""

NetworkSource: TypeAlias = str | Path | NetworkSpec | tuple[NetworkSpec, Path]
"""A network: an embedded name, a YAML file, a spec, or a pair of a spec and the base folder of its paths."""


def source_of(reference: str) -> str:
    """Return a reference to a network that is valid from every folder: its embedded name, or the path of its file."""
    return reference if reference in EMBEDDED else str(written_path(reference).resolve())


def find_network(reference: str, beside: Path | None = None) -> tuple[NetworkSpec, Path]:
    """Return the network of an embedded name or a YAML file, and the base folder of its relative paths.

    A relative file name is looked up in `beside` (the folder of the file that mentions it), then in the current folder.
    Raises `NetworkError`.
    """
    if reference in EMBEDDED:
        from agentnet.zoo import catalog

        return catalog.network(sequences=EMBEDDED[reference]), Path.cwd()
    path = written_path(reference)
    if beside is not None and not path.is_absolute() and is_file(beside / path):
        path = beside / path
    if not is_file(path):
        raise NetworkError(f"no network {reference!r}: give {' or '.join(EMBEDDED)}, or an existing YAML file")
    try:
        return _with_grades(with_known_cards(read_yaml(path, NetworkSpec, NetworkError)), path.parent), path.parent
    except ModelFileError as error:
        raise NetworkError(f"{path}: {error}") from error


def read_network(network: NetworkSource) -> tuple[NetworkSpec, Path, str | None]:
    """Return a network's spec, the base folder of its paths, and a reference that is valid from every folder.

    The reference of a spec is None. Raises `NetworkError`.
    """
    match network:
        case NetworkSpec():
            return network, Path.cwd(), None
        case NetworkSpec() as given, str() | Path() as base:
            return given, Path(base), None
        case str() | Path():
            reference = str(network)
        case _:
            raise NetworkError(
                f"a network is {' or '.join(EMBEDDED)}, a file, or a spec (with its folder: a pair), "
                f"not {type(network).__name__}"
            )
    spec, folder = find_network(reference)
    return spec, folder, source_of(reference)


def network_of(record: RunRecord) -> str | NetworkSpec:
    """Return the network of a run: its source if that is known, else the recorded spec.

    Raises `NetworkError` if the source is gone.
    """
    if record.network_source is None:
        return record.network
    if record.network_source not in EMBEDDED and not is_file(Path(record.network_source)):
        raise NetworkError(f"run {record.id} used the network {record.network_source}, which is gone; restore the file")
    return record.network_source


def _with_grades(spec: NetworkSpec, beside: Path) -> NetworkSpec:
    """Return the network with the grades of the file that it names. Raises `NetworkError`."""
    if not isinstance(spec.grades, str):
        return spec
    path = beside / spec.grades
    if not is_file(path):
        raise NetworkError(f"network {spec.name!r}: no grades {path}: `agentnet grade` writes them")
    return spec.model_copy(update={"grades": read_yaml(path, Grades, NetworkError)})
