"""Two checkpoints of one results folder, metric by metric, on the examples that both were scored on. Imports no torch."""
