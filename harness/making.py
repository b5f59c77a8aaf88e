"""The families of a request are made before its checkpoints are measured."""

from __future__ import annotations

from pathlib import Path

from harness.measures.session import RowCache
from harness.request import Options, Request
from harness.specs import LanguageModels
from harness.specs.chains import making_order


def make_families(request: Request, output: Path, options: Options) -> None:
    """Run the makers of a suite, a family after those that it is made from; what stands is not made again.

    Families say what of the scored text they were trained on.
    """
    data = RowCache(options.offline)
    for family in making_order(request.made):
        recipe = request.made[family]
        from harness.makers.registry import make

        make(
            recipe,
            output / "families" / family,
            spec_folder=request.folder,
            device=options.device,
            offline=options.offline,
        )
        if isinstance(recipe, LanguageModels):
            from harness.makers.overlap import note_overlap

            tasks = {name: task for name, task in request.tasks.items() if (family, name) not in request.leave_out}
            note_overlap(recipe, output / "families" / family, tasks, data, request.folder)
