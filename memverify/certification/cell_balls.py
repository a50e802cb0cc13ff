"""Whether a convex-cell network is right on a whole ball around each of its own samples."""

from __future__ import annotations

from gmpy2 import mpq

from ..any_dataset import AnyDataset, dense_form
from ..convex_cells import ConvexCellNetwork
from ..dataset import Dataset
from ..errors import DatasetError, MemverifyError
from ..evaluation.exact import evaluate_exact
from ..rational import Rational, RationalLike, as_rational, format_number
from .ball_points import shared_points, towards_opposite
from .balls import NORMS, BallCounterexample, BallReport
from .cell_radii import cell_radii

MAX_SEARCHED = 64
"""Samples with too small a cell, smallest first, around which a wrong point is searched for."""


def certify_cell_balls(
    network: ConvexCellNetwork, dataset: AnyDataset, radius: RationalLike, norm: str = "inf"
) -> BallReport:
    r"""Decide, as far as cells and a search can, whether every sample's ball is right.

    Parameters
    ----------
    network : ConvexCellNetwork
    dataset : Dataset or SparseDataset
        The samples that the network was built of, in their order.
    radius : RationalLike
        At least 0.
    norm : str, optional
        "inf" or "l2".

    Returns
    -------
    BallReport
        The bound of a ball inside its cell is r > 0 (`cell_radii`); of any other ball it is
        -N r, which says nothing.

    Raises
    ------
    DatasetError
        If the data are not the network's own samples.
    MemverifyError
        For a negative radius or an unknown norm.

    Examples
    --------
    >>> data = Dataset([[0], [1]], [1, -1])
    >>> net = ConvexCellNetwork.of(data)
    >>> [certify_cell_balls(net, data, radius).verdict for radius in ("49/100", "1/2", "0")]
    ['robust', 'fails', 'robust']
    """
    size = as_rational(radius)
    if size < 0:
        raise MemverifyError(f"the radius is {format_number(size)}; it must be at least 0")
    if norm not in NORMS:
        raise MemverifyError(f"unknown norm {norm!r}; known: {', '.join(NORMS)}")
    dataset = dense_form(dataset)
    check_own_samples(network, dataset)
    radii = cell_radii(network)
    if norm == "inf":
        fits = [size <= own for own in radii.linf]
        order = sorted(range(len(fits)), key=radii.linf.__getitem__)
    else:
        fits = [size**2 <= own for own in radii.l2_squared]
        order = sorted(range(len(fits)), key=radii.l2_squared.__getitem__)
    nothing = -network.n_samples * network.radius
    bounds = tuple(network.radius if fit else nothing for fit in fits)
    if all(fits):
        return BallReport("robust", size, norm, bounds)
    undecided = [index for index in order if not fits[index]]
    tried = shared_points(dataset, size, norm)
    for sample in undecided[:MAX_SEARCHED]:
        tried += [(sample, point) for point in towards_opposite(dataset, sample, size, norm)]
    found = _first_wrong(network, dataset, tried)
    return BallReport("undecided" if found is None else "fails", size, norm, bounds, found)


def check_own_samples(network: ConvexCellNetwork, dataset: AnyDataset) -> None:
    """Raise DatasetError unless the data are the network's samples, in their order."""
    own = Dataset(network.points, network.labels, scale=mpq(1, network.denominator))
    if own.sha256 != dense_form(dataset).sha256:
        raise DatasetError(
            "the radii of convex cells are those of the network's own samples; give the data that it "
            "was built of"
        )


def _first_wrong(
    network: ConvexCellNetwork, dataset: Dataset, tried: list[tuple[int, tuple[Rational, ...]]]
) -> BallCounterexample | None:
    if not tried:
        return None
    points = Dataset([point for _, point in tried], [1] * len(tried))
    outputs = evaluate_exact(network, points)[:, 0].tolist()
    for (sample, point), output in zip(tried, outputs, strict=True):
        if int(dataset.labels[sample]) * output <= 0:
            return BallCounterexample(sample, tuple(map(mpq, point)), output)
    return None
