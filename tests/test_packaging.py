"""A wheel, an sdist turned into a wheel, and an editable install all carry the tasks; nothing else goes to the top."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LIST = "from harness.specs import task_names, shipped_tasks; print(shipped_tasks()); print(*task_names())"


def build(source: Path, out: Path, what: str) -> Path:
    subprocess.run([sys.executable, "-m", "build", "--no-isolation", f"--{what}", "--outdir", out, source],
                   check=True, capture_output=True)  # fmt: skip
    return next(out.glob("*.whl" if what == "wheel" else "*.tar.gz"))


@pytest.fixture(scope="module")
def checkout(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("checkout")
    for name in ("harness", "tasks"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "_tasks"))
    for name in (
        "setup.py",
        "pyproject.toml",
        "MANIFEST.in",
        "README.md",
        "LICENSE",
        "CITATION.cff",
        "CHANGELOG.md",
        "constraints.txt",
    ):
        shutil.copy(ROOT / name, folder / name)
    return folder


def names_in(wheel: Path) -> set[str]:
    return {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info" not in name}


@pytest.mark.slow
def test_wheel_and_sdist_carry_the_tasks_and_work_from_another_folder(checkout, tmp_path):
    direct = build(checkout, tmp_path / "wheel", "wheel")
    sdist = build(checkout, tmp_path / "sdist", "sdist")
    shutil.unpack_archive(sdist, tmp_path / "unpacked")
    through = build(next((tmp_path / "unpacked").iterdir()), tmp_path / "through", "wheel")
    assert names_in(direct) == names_in(through)
    assert {name.split("/")[0] for name in names_in(direct)} == {"harness"}
    for file in ("_tasks/glue/rte.yaml", "_tasks/_suites/pythia.yaml", "board/templates/board.html.jinja"):
        assert f"harness/{file}" in names_in(direct)
    zipfile.ZipFile(direct).extractall(tmp_path / "site")
    done = subprocess.run([sys.executable, "-c", LIST], capture_output=True, text=True, cwd=tmp_path,
                          env={**os.environ, "PYTHONPATH": str(tmp_path / "site")})  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert str(tmp_path / "site/harness/_tasks") in done.stdout and "glue/rte" in done.stdout


def test_an_editable_install_reads_the_checkouts_own_tasks(tmp_path):
    done = subprocess.run([sys.executable, "-c", LIST], capture_output=True, text=True, cwd=tmp_path,
                          env={**os.environ, "PYTHONPATH": str(ROOT)})  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert str(ROOT / "tasks") in done.stdout and "glue/rte" in done.stdout
