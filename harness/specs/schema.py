"""The JSON Schema of task specs, for editors: published as ``schema/task.json``."""

from __future__ import annotations

from typing import Any

from pydantic import TypeAdapter

from harness.specs.domains import WITH_DOMAINS, with_domains
from harness.specs.kinds import KINDS
from harness.specs.suite import Suite


def task_schema() -> dict[str, Any]:
    """A task file: one of the kinds, one with domains, or ``include:`` with what differs."""
    adapters: list[tuple[Any, Any, TypeAdapter[Any]]] = [
        (name, "validation", TypeAdapter(kind)) for name, kind in KINDS.items()
    ]
    adapters += [(f"{name} domains", "validation", TypeAdapter(with_domains(name))) for name in WITH_DOMAINS]
    parts, definitions = TypeAdapter.json_schemas(adapters)
    kinds = [parts[name, "validation"] for name, _, _ in adapters]
    derived = {"type": "object", "required": ["include"], "properties": {"include": {"type": "string"}}}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema", "title": "transfer-harness task",
        "anyOf": [*kinds, derived], **definitions,
    }  # fmt: skip


def suite_schema() -> dict[str, Any]:
    """A suite file."""
    schema = Suite.model_json_schema()
    for name, part in schema["$defs"].items():
        if "protocol" in part.get("properties", {}) and "maker" in part["properties"]:
            schema["$defs"][name] = with_protocol(part)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def with_protocol(recipe: dict[str, Any]) -> dict[str, Any]:
    """A recipe that has all its fields, or names a protocol that gives those it leaves out."""
    rest = [field for field in recipe.get("required", ()) if field != "maker"]
    if not rest:
        return recipe
    return {**recipe, "required": ["maker"], "anyOf": [{"required": rest}, {"required": ["protocol"]}]}


if __name__ == "__main__":
    import json
    import sys

    print(json.dumps({"task": task_schema, "suite": suite_schema}[sys.argv[1]](), indent=2))
