"""A small network for parity on the cube: fold the sum of the bits until it is one bit."""

from __future__ import annotations

from memverify.network import Affine, Network, Row


def fold_count(n_features: int) -> int:
    """Return how many foldings bring 0..n to 0..1: the least K with 2^K >= n.

    Examples
    --------
    >>> [fold_count(n) for n in (1, 2, 3, 4, 5, 12)]
    [0, 1, 2, 2, 3, 4]
    """
    return (n_features - 1).bit_length()


def parity_network(n_features: int) -> Network:
    r"""Build a network with the sign of parity (odd: +1) on {0, 1}^n.

    Parameters
    ----------
    n_features : int
        n >= 1.

    Returns
    -------
    Network
        Hidden widths 1, then 2 for each of the K = `fold_count` foldings; 2n + 6K + 1
        parameters by the formula of Section 3.1 for K >= 1, which counts n_i (n_{i+1} + 1).

    Notes
    -----
    Ours; an upper bound of the memorization parameter complexity N_D for every distribution on
    the cube with these labels. A folding takes s in 0..m to s if s <= h and to 2h - s if not, with
    h = ceil(m/2): the parity stays, and the result lies in 0..h.

    Examples
    --------
    >>> net = parity_network(3)
    >>> net.depth, net.num_parameters_paper
    (4, 19)
    """
    layers = [Affine(n_features, (Row.of([(k, 1) for k in range(n_features)]),))]
    # the folded value as weights on the units of the layer before, without a bias
    value = [(0, 1)]
    most = n_features
    while most > 1:
        half = (most + 1) // 2
        layers.append(Affine(layers[-1].out_dim, (Row.of(value), Row.of(value, -half))))
        value, most = [(0, 1), (1, -2)], half
    layers.append(Affine(layers[-1].out_dim, (Row.of(value, "-1/2"),)))
    return Network.sequential(layers)
