"""The referee's verdict, against which certify's is held, and the smallest network with data."""

from memverify.certification.certificate import (
    Certificate,
    Counterexample,
)
from memverify.dataset import Dataset
from memverify.network import Affine, Network

from ...strategies import failing, referee, same

# F = 2x - 1
LINE = Network.sequential([Affine.from_dense([[2]], [-1])])
GOOD = Dataset([["1/4"], ["3/4"], ["0.6"]], [-1, 1, 1])
BAD = Dataset([["3/4"], ["1/4"], ["1/2"], [0]], [1, 1, -1, -1])


def check_verdict(found, network, dataset):
    """Certify's answer is the referee's."""
    outputs, labels = referee(network, dataset), dataset.labels.tolist()
    wrong = failing(outputs, labels)
    if wrong:
        assert isinstance(found, Counterexample)
        assert (found.index, found.label, found.n_failures) == (wrong[0], labels[wrong[0]], len(wrong))
        assert same([found.output], [outputs[wrong[0]]])
        assert found.label * found.output <= 0
    else:
        margins = [y * f for y, f in zip(labels, outputs, strict=True)]
        assert isinstance(found, Certificate)
        assert same([found.min_margin], [min(margins)])
        assert margins[found.min_margin_sample] == min(margins) > 0
