"""Test sets of sacreBLEU as that library would have kept them, in a folder that stands for ``~/.sacrebleu``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from xml.sax.saxutils import escape

from sacrebleu.dataset import DATASETS

Segment = tuple[str, str, str]
"""Domain, source and reference."""


def plant(folder: Path, name: str, pair: str, **fields: Sequence[str]) -> None:
    """Put the text files there that sacreBLEU makes of an archive; ``ref__0`` is its field ``ref:0``."""
    (folder / name).mkdir(parents=True, exist_ok=True)
    for field in ("src", "ref", "docid", "genre", "origlang"):
        fields.setdefault(field, ["x"] * len(fields["src"]))
    for field, lines in fields.items():
        file = f"{name.replace('/', '_')}.{pair}.{field.replace('__', '-')}"
        (folder / name / file).write_text("".join(f"{line}\n" for line in lines))


def plant_documents(folder: Path, name: str, pair: str, segments: Sequence[Segment]) -> None:
    """Put the XML of a later WMT there, a document for each segment, and the archive that it came out of."""
    (source, target), raw = pair.split("-"), folder / name / "raw"
    translator = DATASETS[name].kwargs["refs"][0]
    documents = [
        f'<doc origlang="{source}" id="{number}" domain="{domain}"><src lang="{source}"><p><seg id="1">{escape(text)}</seg></p></src>'
        f'<ref lang="{target}" translator="{translator}"><p><seg id="1">{escape(reference)}</seg></p></ref></doc>'
        for number, (domain, text, reference) in enumerate(segments)
    ]
    held = DATASETS[name].langpairs[pair]
    path = raw / (held["path"] if isinstance(held, dict) else held[0])
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f'<dataset id="{name}"><collection id="general">{"".join(documents)}</collection></dataset>')
    (raw / DATASETS[name]._get_tarball_filename(DATASETS[name].data[0])).write_bytes(b"unpacked already")
