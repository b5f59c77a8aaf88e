"""Kind ``flatness``: what a checkpoint's curvature is, as values of a measurement; one file for each sort of estimator."""
