"""Whether two checkpoints differ on the examples that both were scored on: one test a file, on plain arrays.

``bootstrap`` and ``randomisation`` take statistics of examples and any metric of their sums, ``mcnemar`` takes right and
wrong, ``paired_t`` means and ratios of sums, clustered and over seeds. All say A - B.
"""
