from fractions import Fraction

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.model_selection import cross_val_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator

from memverify import Dataset, certify, check
from memverify.errors import (
    ConstructionError,
    ContradictorySamplesError,
    MemverifyError,
    UnknownNameError,
)
from memverify.sklearn import MemorizingClassifier, _signed_float


@pytest.fixture(scope="module")
def digits():
    points, classes = load_digits(return_X_y=True)
    kept = (classes == 3) | (classes == 8)
    return points[kept], classes[kept]


@pytest.mark.parametrize("construction", ["convex-cells", "interpolation"])
def test_check_estimator(construction):
    check_estimator(MemorizingClassifier(construction), on_skip=None)  # no failure is expected


def test_certificate_is_one_for_the_training_data(digits):
    points, classes = digits
    model = MemorizingClassifier().fit(points[:60], classes[:60])
    data = Dataset(points[:60], np.where(classes[:60] == 8, 1, -1))
    assert model.certificate_ == certify(model.network_, data)
    assert check(model.certificate_, model.network_, data).certificate_is_true
    assert model.score(points[:60], classes[:60]) == 1


def test_agrees_with_nearest_neighbour_where_it_answers(digits):
    points, classes = digits
    model = MemorizingClassifier().fit(points[:200], classes[:200])
    rival = KNeighborsClassifier(1, algorithm="brute").fit(points[:200], classes[:200])
    values = model.decision_function(points[200:])
    answered = values != 0
    assert answered.mean() > 0.9
    np.testing.assert_array_equal(
        model.predict(points[200:])[answered], rival.predict(points[200:])[answered]
    )
    np.testing.assert_array_equal(np.where(values > 0, 8, 3), model.predict(points[200:]))


def test_pipeline_and_cross_validation(digits):
    points, classes = digits
    model = make_pipeline(StandardScaler(), MemorizingClassifier())
    assert cross_val_score(model, points, classes, cv=4).mean() > 0.97


@pytest.mark.parametrize("name", ["optimal-parameters", "vardi2022", "park2021", "robust"])
def test_other_constructions(digits, name):
    points, classes = digits
    options = {"rescale": True} if name == "optimal-parameters" else None
    model = MemorizingClassifier(name, options, random_state=1).fit(points[:20], classes[:20])
    assert model.certificate_.verdict == "memorizes"
    assert model.score(points[:20], classes[:20]) == 1


def test_one_class():
    model = MemorizingClassifier().fit([[0.0], [1.0]], [7, 7])
    assert model.predict([[0.5]]).tolist() == [7]


def test_refusals():
    with pytest.raises(ContradictorySamplesError):
        MemorizingClassifier().fit([[0.0], [0.0]], [0, 1])
    with pytest.raises(ValueError, match="binary"):
        MemorizingClassifier().fit([[0.0], [1.0], [2.0]], [0, 1, 2])
    with pytest.raises(UnknownNameError):
        MemorizingClassifier("convex-cell").fit([[0.0], [1.0]], [0, 1])
    with pytest.raises(ConstructionError, match="--colour"):
        MemorizingClassifier(options={"colour": 1}).fit([[0.0], [1.0]], [0, 1])


def test_rounding_keeps_the_sign():
    from gmpy2 import mpq

    tiny, huge = mpq(1, 10**400), mpq(10) ** 400
    assert _signed_float(tiny) > 0 > _signed_float(-tiny)
    assert np.isfinite(_signed_float(huge))
    assert _signed_float(-huge) < -1e308
    assert _signed_float(mpq(0)) == 0
    assert _signed_float(mpq(1, 3)) == 1 / 3


POINTS = np.array([[0.0, 1], [0.25, 0.5], [1, 0]])
SIDES = np.array([0, 1, 0])


@pytest.mark.parametrize(
    "points",
    [
        np.ma.array(POINTS, mask=[[0, 1], [0, 0], [0, 0]]),
        np.array([[2**53, 0], [2**53 + 1, 0], [5, 5]]),
        np.array([[2**64 - 1, 0], [1, 0], [5, 5]], dtype=np.uint64),
        np.array([[Fraction(1, 3), 1], [2, 3], [4, 5]], dtype=object),
        np.array([[1, 2], [3, 4], [5, 6]], "M8[ns]"),
        np.array([[1, 2], [3, 4], [5, 6]], "m8[ns]"),
    ],
    ids=["masked", "int64", "uint64", "fractions", "dates", "spans"],
)
def test_features_that_are_no_floats_are_not_rounded(points):
    with pytest.raises(ValueError, match=r"masked|float64|times"):
        MemorizingClassifier().fit(points, SIDES)
    with pytest.raises(ValueError, match=r"masked|float64|times"):
        MemorizingClassifier().fit(POINTS, SIDES).predict(points)


def test_features_that_are_floats_may_be_of_any_type():
    expected = MemorizingClassifier().fit(POINTS, SIDES).network_
    for kind in (object, np.longdouble, np.float16, ">f8"):
        assert MemorizingClassifier().fit(POINTS.astype(kind), SIDES).network_ == expected
    whole = np.array([[2**60, 1], [5, 6], [7, 8]])
    assert MemorizingClassifier().fit(whole, SIDES).certificate_.verdict == "memorizes"


def test_labels_and_seeds_are_not_changed():
    with pytest.raises(ValueError, match="masked"):
        MemorizingClassifier().fit(POINTS, np.ma.array(SIDES, mask=[0, 1, 0]))
    with pytest.raises(MemverifyError, match="seed"):
        MemorizingClassifier("interpolation", random_state=1.7).fit(POINTS, SIDES)
