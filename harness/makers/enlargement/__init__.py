"""A model inside a larger one that computes the same: sizes, the table of architectures, axes, and the embedding."""
