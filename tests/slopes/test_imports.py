"""The slopes work where no model library is installed, and cost nothing until they are used."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

BLOCKED = """
import sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("torch", "transformers", "datasets", "pydantic", "pandas", "statsmodels", "sklearn"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Blocker())
import harness.slopes
assert "numpy" not in sys.modules and "scipy" not in sys.modules
import harness.slopes.join, harness.results.table
from harness.slopes import fit_points
fit = fit_points([2.0, 2.1, 2.3, 2.4, 2.6], [0.8, 0.78, 0.77, 0.75, 0.74])
assert "scipy.stats" not in sys.modules
print(fit.status, fit.verdict)
"""


def test_without_model_libraries() -> None:
    done = subprocess.run([sys.executable, "-c", BLOCKED], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.stdout.strip() == "provisional positive", done.stderr


def test_slopes_import_results_and_nothing_else_of_ours() -> None:
    allowed = ("harness.slopes", "harness.results", "harness.errors")
    for path in (ROOT / "harness" / "slopes").glob("*.py"):
        for line in path.read_text().splitlines():
            words = line.split()
            if words[:1] in (["from"], ["import"]) and words[1].startswith("harness"):
                assert words[1].startswith(allowed) or words[1:4] == ["harness", "import", "slopes"], (
                    f"{path.name}: {line}"
                )
