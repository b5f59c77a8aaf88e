"""The import direction of DESIGN holds, and what needs no torch works without it."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "harness"
LAYERS = [
    {
        "cli",
        "commands",
        "tasks_commands",
        "compare_commands",
        "exchange_cli",
        "exchange_commands",
        "regress_commands",
        "regress_options",
        "results_commands",
        "render",
        "render_compare",
        "render_fits",
        "render_regress",
        "pytest_plugin",
    },
    {
        "callback",
        "evaluator",
        "making",
        "estimate",
        "plan",
        "request",
        "stale",
        "submission",
        "board",
        "compare",
        "regress",
    },
    {"execute"},
    {"measures", "makers"},
    {"training"},
    {"data", "checkpoints"},
    {"specs"},
    {"results", "paired"},
    {"errors", "progress", "machine", "cache", "plugins", "patience", "faults"},
]
RANK = {name: rank for rank, layer in enumerate(LAYERS) for name in layer}


def imports(path: Path) -> set[str]:
    """Parts of harness that a file imports, whether at its top or in a function."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and node.module == "harness":
            names += [f"harness.{alias.name}" for alias in node.names]
        found |= {name.split(".")[1] for name in names if name.startswith("harness.")}
    return found


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_go_one_way(path):
    part = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    used = imports(path) - {part, "__version__"}
    if part == "slopes":
        assert used <= {"results", "errors"}
    elif part == "board":
        assert used <= {"results", "slopes", "errors"}
    elif part in RANK:
        below = {name for name in used if name in RANK}
        assert all(RANK[name] >= RANK[part] for name in below), f"{part} may not import {below}"


WITHOUT = """
import sys
class Block:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {blocked}:
            raise ImportError(name + " is blocked")
sys.meta_path.insert(0, Block())
import harness, harness.results, harness.results.table, harness.results.exchange.formats, harness.results.merging
import harness.slopes, harness.slopes.fit, harness.slopes.join
{more}
assert not {blocked} & set(sys.modules)
"""


@pytest.mark.parametrize(("blocked", "more"), [
    ({"torch", "transformers", "datasets"}, "import harness.specs, harness.board.build, harness.compare.comparison; harness.specs.load_task('glue/rte')"),
    ({"torch", "transformers", "datasets"}, "import harness.regress.compare, harness.regress.benchmarks, harness.regress.update, "
      "harness.regress.junit, harness.regress.github, harness.regress_commands, harness.pytest_plugin"),
    ({"torch", "transformers", "datasets", "pydantic"}, "harness.slopes.fit_points([1, 2, 3, 4], [1, 2, 3, 5])"),
])  # fmt: skip
def test_slopes_specs_results_and_board_work_without_torch(blocked, more):
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT.format(blocked=blocked, more=more)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
