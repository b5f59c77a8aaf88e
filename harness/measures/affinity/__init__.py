"""Kind ``affinity``: what a corpus, or a checkpoint, has in common with a downstream task. One file a score.

The scores are features from which slopes may be predicted (``harness.slopes.slope_prediction``). The files hold pure
functions on texts and arrays; ``kind.py`` brings them data and checkpoints.
"""
