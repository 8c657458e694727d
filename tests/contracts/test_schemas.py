"""The published JSON Schemas are true of the files that travel with AgentNet."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
import yaml

from agentnet.files.shipped import shipped_files, shipped_folder
from tools.generated import SCHEMAS


@pytest.mark.parametrize("file", shipped_files("protocols").values(), ids=lambda file: file.stem)
def test_a_shipped_protocol_obeys_the_schema(file: Any) -> None:
    schema = json.loads((shipped_folder("protocols") / "schemas" / "protocol.json").read_text())
    jsonschema.Draft202012Validator(schema).validate(yaml.safe_load(file.read_text()))


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_schema_is_one(name: str) -> None:
    schema = json.loads((shipped_folder("protocols") / "schemas" / f"{name}.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
