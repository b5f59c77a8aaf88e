"""The base of every spec: typed, frozen, strict, and checked with messages that name file and line."""

from __future__ import annotations

from typing import Any, ClassVar, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from harness.errors import HarnessError, nearest
from harness.specs.source import Source


class Spec(BaseModel):
    """A part of a YAML file. Unknown fields and wrong types are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    def definition(self) -> dict[str, Any]:
        """What was set away from its default: a new optional field leaves the definition of old specs as it was."""
        return self.model_dump(mode="json", exclude_defaults=True, exclude=set(self.NOT_MEASURED))

    NOT_MEASURED: ClassVar[tuple[str, ...]] = ()


S = TypeVar("S", bound=Spec)


def check(model: type[S], source: Source, **given: Any) -> S:
    """Build a spec from what a file says.

    Raises:
        HarnessError: naming, for each fault, file and line, what was found and what is valid.
    """
    if not isinstance(source.value, dict):
        raise HarnessError(f"{source.place(())}: found {source.value!r}; a spec is a mapping of fields to values")
    try:
        return model.model_validate({**source.value, **given})
    except ValidationError as error:
        faults = [explain(model, source, fault) for fault in error.errors()]
        raise HarnessError("\n".join(dict.fromkeys(faults))) from None


def explain(model: type[BaseModel], source: Source, fault: Any) -> str:
    """One fault of pydantic's in our words."""
    location, fields = found_at(model, tuple(fault["loc"]))
    place, name = source.place(location), ".".join(str(part) for part in location)
    if fault["type"] == "extra_forbidden":
        return f"{place}: unknown field {name!r}; {nearest(str(location[-1]), fields)}"
    if fault["type"].startswith("union_tag"):
        return unknown_tag(source, location, fault)
    if fault["type"] == "missing":
        return f"{place}: the field {name!r} is missing"
    if fault["type"] == "value_error":
        return f"{place}: {fault['msg'].removeprefix('Value error, ')}" + (f" (in {name!r})" if name else "")
    return f"{place}: {name!r} is {fault['input']!r}; {fault['msg'][0].lower()}{fault['msg'][1:]}"


def unknown_tag(source: Source, location: tuple[Any, ...], fault: Any) -> str:
    """A part that may be of several classes, where the field that tells which is missing or says none of them."""
    name = fault["ctx"]["discriminator"].strip("'")
    place = source.place((*location, name))
    if "tag" not in fault["ctx"]:
        return f"{place}: the field {'.'.join((*map(str, location), name))!r} is missing"
    known = fault["ctx"]["expected_tags"].replace("'", "").split(", ")
    return f"{place}: unknown {name} {fault['ctx']['tag']!r}; {nearest(fault['ctx']['tag'], known)}"


def found_at(model: type[BaseModel], location: tuple[Any, ...]) -> tuple[tuple[Any, ...], list[str]]:
    """A location as the file has it, and the valid fields of the part that holds its last step.

    Where a part may be of several classes pydantic adds a step that names the class; the file has none.
    """
    kept: list[Any] = []
    holder, classes = model, [model]
    for part in location:
        tagged = [one for one in classes if part in tags_of(one)] if len(classes) > 1 else []
        if tagged:
            classes = tagged
            continue
        kept.append(part)
        holder = classes[0]
        found = holder.model_fields.get(str(part))
        classes = (models_in(found.annotation) if found else []) or [holder]
    return tuple(kept), list(holder.model_fields)


def tags_of(model: type[BaseModel]) -> list[Any]:
    """Words by which a class is told from others of a union: the values its literal fields may have."""
    return [word for field in model.model_fields.values() for word in getattr(field.annotation, "__args__", ())]


def models_in(annotation: Any) -> list[type[BaseModel]]:
    """The spec classes named in a type such as ``X | None`` or ``tuple[X, ...]``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in getattr(annotation, "__args__", ()) for model in models_in(part)]
