"""N-LEEP: LEEP with the components of a Gaussian mixture over a checkpoint's features in place of source classes.

Li et al. 2021 (CVPR, Ranking neural checkpoints): features are brought to the principal components that hold 80 % of
their variance, a mixture with five components for each class is fitted to them, and its posteriors are LEEP's theta.
Language models have no source classes: the distribution over next tokens would hang on the position and the tokenizer
that it is read from, so that scores of two checkpoints could not be compared; features are had from every one of them.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from harness.measures.affinity.estimate import Array, Estimate, check_labelled, check_varies
from harness.measures.affinity.leep import leep

VARIANCE_KEPT = 0.8
COMPONENTS_PER_CLASS = 5
ROWS_PER_COMPONENT = 5
SEED = 0
METHOD = "delete-one jackknife, the mixture given"


def n_leep(features: Array, labels: npt.NDArray[np.intp]) -> Estimate:
    """N-LEEP in nats a row, at most 0; higher transfers better.

    Components have diagonal covariances (the axes are principal components already), and there are never more than one
    for every five rows. The mixture is fitted from seed 0.

    Args:
        features: (n, d).
        labels: (n,) class of each row, counted from 0.

    Raises:
        HarnessError: features that are not finite or do not vary, or fewer than two classes with two rows.

    >>> random = np.random.default_rng(0)
    >>> labels = np.arange(60) % 2
    >>> found = n_leep(random.normal(size=(60, 2)) + 20 * labels[:, None], labels)
    >>> abs(found.value) < 1e-6
    True
    """
    check_labelled(np.asarray(features), labels)
    check_varies(np.asarray(features))
    found = leep(posteriors(np.asarray(features, dtype=np.float64), len(np.unique(labels))), labels)
    return Estimate(found.value, found.stderr, METHOD, found.n)


def posteriors(features: Array, classes: int) -> Array:
    """(n, components) probability of each mixture component given the features of a row."""
    from sklearn.decomposition import PCA
    from sklearn.mixture import GaussianMixture

    reduced = PCA(n_components=VARIANCE_KEPT, svd_solver="full").fit_transform(features)
    reduced = reduced / max(float(reduced.std(axis=0).max()), 1e-300)  # so that the floor on variances is in proportion
    components = max(2, min(COMPONENTS_PER_CLASS * classes, len(features) // ROWS_PER_COMPONENT))
    mixture = GaussianMixture(components, covariance_type="diag", random_state=SEED, max_iter=200, reg_covar=1e-4)
    return mixture.fit(reduced).predict_proba(reduced)
