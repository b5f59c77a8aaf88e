"""Activation functions that transformers writes out in steps of Python, done by torch's one kernel of the same formula."""

from __future__ import annotations

from functools import partial
from typing import Any

from torch.nn import functional

WRITTEN_OUT = {"NewGELUActivation", "FastGELUActivation"}
r""":math:`x/2 (1 + \tanh(\sqrt{2/\pi} (x + 0.044715 x^3)))`, the form of GELU that GPT-2 and its kin have."""


def fuse_activations(model: Any) -> Any:
    """Let such modules of a model call the kernel; values move by float rounding alone. Returns the model.

    >>> import torch
    >>> from transformers.activations import NewGELUActivation
    >>> x = torch.linspace(-4, 4, 9)
    >>> torch.allclose(fuse_activations(NewGELUActivation())(x), NewGELUActivation()(x), atol=1e-6)
    True
    """
    for module in model.modules():
        if type(module).__name__ in WRITTEN_OUT and type(module).__module__ == "transformers.activations":
            module.forward = partial(functional.gelu, approximate="tanh")
    return model
