"""Finding suites: shipped ones by name, others by file."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from agentnet.errors import BadInput
from agentnet.evals.suite import Learning, SuiteSpec
from agentnet.files.names import suggestion
from agentnet.files.paths import is_file, written_path
from agentnet.files.shipped import shipped_files
from agentnet.files.yaml import read_yaml
from agentnet.network.files import EMBEDDED


@dataclass(frozen=True, slots=True)
class Suite:
    """A suite, and the file that it was read from."""

    spec: SuiteSpec
    path: Path

    @property
    def folder(self) -> Path:
        """The folder that the suite's own paths start from."""
        return self.path.resolve().parent

    def changed(
        self,
        *,
        limit: int | None = None,
        epochs: int | None = None,
        concurrency: int | None = None,
        seed: int | None = None,
    ) -> Suite:
        """Return the suite with other numbers. `limit` caps the items of each dataset in either split.

        Raises `BadInput` for a limit that leaves nothing.
        """
        spec = self.spec
        if limit is not None and limit < 1:
            raise BadInput(f"limit {limit}: an evaluation needs at least one item of each dataset")
        if limit is not None:
            datasets = tuple(
                dataset.model_copy(update={"items": min(limit, dataset.items or limit)}) for dataset in spec.datasets
            )
            spec = spec.model_copy(update={"datasets": datasets, "selection": min(limit, spec.selection)})
        changes = {"epochs": epochs, "concurrency": concurrency, "seed": seed}
        given = {name: value for name, value in changes.items() if value is not None}
        return replace(self, spec=spec.model_copy(update=given))

    def on(self, network: str) -> Suite:
        """Return the suite on another network: an embedded one, or a file given from the working folder."""
        where = network if network in EMBEDDED else str(written_path(network).absolute())
        return replace(self, spec=self.spec.model_copy(update={"network": where}))

    def learning(self, **terms: object) -> Suite:
        """Return the suite that only learns: its systems are candidates beside its own ones.

        `terms` replace fields of `Learning`; None leaves one as it is.
        """
        learn = self.spec.learn or Learning()
        given = {name: value for name, value in terms.items() if value is not None}
        learn = learn.model_copy(update={"candidates": (*learn.candidates, *self.spec.systems), **given})
        return replace(self, spec=self.spec.model_copy(update={"learn": learn, "systems": (), "attacks": None}))


def shipped_suites() -> dict[str, SuiteSpec]:
    """Return the suites that are shipped with AgentNet, by name."""
    return {name: read_yaml(path, SuiteSpec, BadInput) for name, path in shipped_files("evals").items()}


def find_suite(reference: str) -> Suite:
    """Return the suite of a shipped name or a YAML file. Raises `BadInput`: one line that names the file."""
    shipped = shipped_files("evals")
    path = shipped.get(reference, written_path(reference))
    if not is_file(path):
        raise BadInput(
            f"no suite {reference!r}{suggestion(reference, shipped)} (known: {', '.join(shipped)}; or give a YAML file)"
        )
    return Suite(read_yaml(path, SuiteSpec, BadInput), path)
