"""A scikit-learn classifier that memorizes its training data, with a certificate.

Its float features are taken as their exact binary values; everything between `fit` and the
signs is exact, and floats come back only in `decision_function`, rounded but with the right
sign.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from gmpy2 import mpq
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from .any_network import AnyNetwork
from .certification.certificate import Certificate, Counterexample
from .certification.certify import certify
from .constructions.catalogue import CATALOGUE, construct
from .dataset import Dataset
from .evaluation.exact import evaluate_exact
from .evaluation.signs import exact_signs

_LARGEST = float(np.finfo(np.float64).max)
_LARGEST_EXACT = mpq(_LARGEST)
_LEAST = float(np.nextafter(0.0, 1.0))


class MemorizingClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Binary classifier by a network that provably memorizes the training data.

    Parameters
    ----------
    construction : str, optional
        A name from ``memverify constructions``; "convex-cells" (nearest neighbour with
        abstention, Theorem 7.3) is the one that generalizes.
    options : dict, optional
        Options of that construction, e.g. ``{"radius": "1/100"}``.
    random_state : int, optional
        Seed of the constructions that draw random directions (None is 0).

    Attributes
    ----------
    classes_ : array of shape (2,) or (1,)
        The first one has the label -1.
    network_ : Network or ConvexCellNetwork
        The exact network.
    certificate_ : Certificate
        Exact proof that ``network_`` memorizes the training data.
    n_features_in_ : int

    Notes
    -----
    Features are float64 and mean their binary values; arrays of other numbers, such as 2^53 + 1 or
    1/3, are refused where a float64 would be another number. F(x) = 0, where the network abstains,
    is predicted as the first class, as ``decision_function(X) > 0`` says.

    Examples
    --------
    >>> model = MemorizingClassifier().fit([[0.0], [0.25], [1.0]], ["low", "low", "high"])
    >>> model.predict([[0.1], [0.9]]).tolist(), model.certificate_.verdict
    (['low', 'high'], 'memorizes')
    """

    classes_: npt.NDArray[Any]
    network_: AnyNetwork
    certificate_: Certificate | Counterexample

    def __init__(
        self,
        construction: str = "convex-cells",
        options: dict[str, Any] | None = None,
        random_state: int | None = None,
    ) -> None:
        self.construction = construction
        self.options = options
        self.random_state = random_state

    def fit(self, X: Any, y: Any) -> MemorizingClassifier:
        """Build the network on the training data and certify it.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Finite; floats mean their binary values.
        y : array-like of shape (n_samples,)
            At most two classes.

        Returns
        -------
        MemorizingClassifier
            Itself.

        Raises
        ------
        ValueError
            For more than two classes, or unusable arrays.
        ContradictorySamplesError
            If a point has both classes: no network memorizes such data.
        ConstructionError
            If the data do not meet the construction's hypotheses.
        """
        _refuse_losses(X)
        _refuse_losses(y, mask_only=True)
        points, targets = validate_data(self, X, y, dtype=np.float64)
        check_classification_targets(targets)
        self.classes_, indices = np.unique(targets, return_inverse=True)
        if len(self.classes_) > 2:
            raise ValueError(
                "Only binary classification is supported. The type of the target is multiclass: "
                f"{len(self.classes_)} classes"
            )
        dataset = Dataset(points, 2 * indices - 1)
        options = dict(self.options or {})
        takes = CATALOGUE[self.construction].options() if self.construction in CATALOGUE else ()
        if self.random_state is not None and "seed" in takes:
            options.setdefault("seed", self.random_state)
        self.network_ = construct(self.construction, dataset, **options).network
        self.certificate_ = certify(self.network_, dataset, with_bound=False)
        return self

    def decision_function(self, X: Any) -> npt.NDArray[np.float64]:
        """Return F(x) as floats: rounded to nearest, and never with another sign than F(x).

        Values too large for a float64 become the largest one, those too small the least one.
        """
        check_is_fitted(self)
        outputs = evaluate_exact(self.network_, self._dataset(X))[:, 0].tolist()
        return np.array([_signed_float(value) for value in outputs], dtype=np.float64)

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """Return the class of the exact sign of F(x); 0 counts as the first class."""
        check_is_fitted(self)
        signs = exact_signs(self.network_, self._dataset(X))
        return self.classes_[(signs > 0).astype(np.intp) if len(self.classes_) > 1 else 0 * signs]

    def _dataset(self, X: Any) -> Dataset:
        _refuse_losses(X)
        points = validate_data(self, X, dtype=np.float64, reset=False)
        return Dataset(points, np.ones(len(points), dtype=np.int8))

    def __sklearn_tags__(self) -> Any:
        """Say that only two classes are supported."""
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        return tags


def _refuse_losses(values: Any, *, mask_only: bool = False) -> None:
    """Raise ValueError for an array with entries that scikit-learn would change without a word."""
    if np.ma.is_masked(values):
        raise ValueError("there are masked entries, which have no value; fill them, or leave them out")
    if mask_only or not isinstance(values, np.ndarray):
        return
    if values.dtype.kind in "mM":
        raise ValueError(f"an array of {values.dtype} holds times, no numbers; convert it")
    kind = values.dtype.kind
    if (
        values.dtype.type is np.float64
        or (kind in "iuf" and values.dtype.itemsize < 8)
        or kind not in "iufO"
    ):
        return
    if kind in "iu" and max(int(values.max(initial=0)), -int(values.min(initial=0))) <= 1 << 53:
        return
    for value in values.ravel().tolist() if kind in "iu" else values.ravel():  # so that all compare exactly
        if isinstance(value, (str, bytes)) or value != value:
            continue  # for scikit-learn to refuse or to read
        if float(value) != value:
            raise ValueError(f"{value!r} is no float64; write the data as floats, or round them first")


def _signed_float(value: Any) -> float:
    """Nearest float64 of a rational, its sign kept.

    Examples
    --------
    >>> _signed_float(mpq(1, 10**400)) > 0, _signed_float(-mpq(10) ** 400) > float("-inf")
    (True, True)
    """
    if value == 0:
        return 0.0
    size = abs(value)
    rounded = _LARGEST if size > _LARGEST_EXACT else max(float(size), _LEAST)
    return rounded if value > 0 else -rounded
