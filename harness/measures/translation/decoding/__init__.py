"""What a model writes when it has read a text: greedy and beam search, with the outputs of transformers' ``generate``."""

from harness.measures.translation.decoding.decode import decode
from harness.measures.translation.decoding.hypothesis import Hypothesis

__all__ = ["Hypothesis", "decode"]
