"""The model card of a family on the Hub: how its members were made, which revision each is, what varies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from harness.checkpoints.names import HUB_NAME

CARD = """\
---
{metadata}---

# {title}

{count} checkpoints made by the maker `{maker}` of transfer-harness; {varies}. One revision of this repository is one checkpoint;
`main` holds this card and `family.yaml` alone.

| revision | {columns} |
|---|{rule}
{rows}

## How they were made

`harness make {maker} recipe.yaml -o FOLDER` with this recipe makes them again:

```yaml
{recipe}```
{origin}
Each revision's `harness.json` says which training run it belongs to, its step, its parent and how it was made.

## Use

```python
from transformers import AutoModel, AutoTokenizer

model = AutoModel.from_pretrained("{repository}", revision="{first}")
tokenizer = AutoTokenizer.from_pretrained("{repository}", revision="{first}")
```

    harness run -c '{repository}@{{{revisions}}}' -t lm_loss/wiki -t glue/rte -o results/
"""


def card(about: Mapping[str, Any], repository: str, revisions: Mapping[str, str]) -> str:
    """The card's text.

    Args:
        about: what ``family.yaml`` says.
        repository: ``org/name``.
        revisions: branch of each member.
    """
    made = dict(about["made"])
    settings = {member: about["members"].get(member) or {} for member in revisions}
    columns = list(dict.fromkeys(name for told in settings.values() for name in told)) or ["member"]
    rows = [
        f"| `{revision}` | " + " | ".join(str(settings[member].get(name, member if name == "member" else "")) for name in columns) + " |"
        for member, revision in revisions.items()
    ]  # fmt: skip
    recipe = {name: value for name, value in made.items() if name != "version"}
    return CARD.format(
        metadata=metadata(about), title=repository.partition("/")[2], count=len(revisions), maker=made.get("maker"),
        varies=f"what varies: {about['varies']}" if about.get("varies") else "one alone",
        columns=" | ".join(columns), rule="---|" * len(columns), rows="\n".join(rows), repository=repository,
        recipe=yaml.safe_dump(recipe, sort_keys=False, allow_unicode=True), origin=origin(about),
        first=next(iter(revisions.values())), revisions=",".join(revisions.values()),
    )  # fmt: skip


def origin(about: Mapping[str, Any]) -> str:
    """What the members were made from, with its identity."""
    parents = about.get("from") or {}
    return "".join(f"\nMade from {name} (`{identity}`).\n" for name, identity in parents.items())


def metadata(about: Mapping[str, Any]) -> str:
    """What the Hub reads at the top of a card: a parent that is on the Hub among it."""
    parents = [name.partition("@")[0] for name in about.get("from") or {} if HUB_NAME.fullmatch(name.partition("@")[0])]
    told: dict[str, Any] = {
        "library_name": "transformers",
        "tags": ["transfer-harness", str(about["made"].get("maker"))],
    }
    return yaml.safe_dump(told | ({"base_model": parents} if parents else {}), sort_keys=False)
