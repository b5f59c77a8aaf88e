"""Packaging: the specs under tasks/ travel inside the package as harness/_tasks."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

HERE = Path(__file__).parent
VERSION = re.search(r'^__version__ = "(.+)"', (HERE / "harness" / "__init__.py").read_text(), re.MULTILINE)


class BuildWithTasks(build_py):
    """Copy tasks/ into the built package; an editable install reads the checkout's own."""

    def run(self) -> None:
        """Build, then copy."""
        super().run()
        if not self.editable_mode:
            target = Path(self.build_lib) / "harness" / "_tasks"
            shutil.rmtree(target, ignore_errors=True)
            shutil.copytree(HERE / "tasks", target)


REQUIRES = [
    "torch>=2.13,<3", "transformers>=5.20,<6", "datasets>=5.1,<6", "evaluate>=0.4.6,<1", "sacrebleu>=2.6,<3",
    "pyhessian>=0.1,<1", "jsonlines>=4,<5", "huggingface_hub>=2.4,<3", "safetensors>=0.8,<1", "tokenizers>=0.23,<1", "sentencepiece>=0.2,<1",
    "numpy>=2,<3", "scipy>=1.17,<2", "statsmodels>=0.15,<1", "scikit-learn>=1.9,<2", "pyarrow>=20",
    "pydantic>=2.14,<3", "pyyaml>=6,<7", "typer>=0.29,<1", "rich>=15,<16", "jinja2>=3.1,<4", "plotly>=7,<8",
    "matplotlib>=3.11,<4",
]  # fmt: skip
PEFT = "peft>=0.21,<1"
TRANSLATION = "sacrebleu[ja,ko]>=2.6,<3"  # the tokenizers of Japanese and Korean
TEST = ["pytest>=9,<10", "pytest-benchmark>=5.3,<6", "pytest-xdist>=3.8,<4", "hypothesis>=6", "jsonschema>=4", "build>=1", "setuptools>=77", "wheel",
        "accelerate>=1.15,<2", PEFT, TRANSLATION, "lm_eval==0.4.13", "einops>=0.8", "einconv>=0.1", "linear_operator>=0.6", "opt_einsum>=3.4",
        "ruff==0.17.5", "mypy==2.4.1", "types-PyYAML"]  # fmt: skip

setup(
    name="transfer-harness",
    version=VERSION[1] if VERSION else "0",
    description="Score language-model checkpoints on upstream loss, flatness and downstream metrics, and fit what transfers.",
    long_description=(HERE / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.11",
    packages=find_packages(include=["harness", "harness.*"]),
    package_data={
        "harness.board": ["templates/*"],
        "harness.results": ["floors.yaml"],
        "harness.measures.translation": ["*.yaml"],
    },
    cmdclass={"build_py": BuildWithTasks},
    install_requires=REQUIRES,
    extras_require={"test": TEST, "peft": [PEFT], "translation": [TRANSLATION]},
    # pytest knows a plug-in by this name, whether it comes by the entry point or by -p: it is then loaded once.
    entry_points={
        "console_scripts": ["harness = harness.cli:main"],
        "pytest11": ["harness.pytest_plugin = harness.pytest_plugin"],
    },
    zip_safe=False,
)
