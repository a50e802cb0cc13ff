"""The generalizing memorization network of Theorem 7.3: a convex cell around every sample.

Its sign is the nearest sample's label or 0 (`ConvexCellNetwork` has the proof), so it
generalizes as nearest neighbours do, and needs N >= S_D ln(S_D/delta)/epsilon samples for
accuracy 1 - epsilon with probability 1 - delta, S_D being the size of the nearby set.

Ours are the structured form, which never builds the quadratically many neurons, the
sequential form, the choice of other constants, and what is repaired:

- data of one class: the printed r is a minimum over nothing; r = 1 makes F constant;
- "O(N^2 n) parameters" holds for the non-zero weights of the printed network only; the
  sequential form meets it densely (`sequential_cells`);
- other radii than 1/3.1 need another split (`split_for_radius_ratio`): with 1/100 the
  printed argument fails from 3.0816 = 151/49 downwards.

F = 0 on open sets between the classes, and Sgn(0) counts as no label.
"""

from __future__ import annotations

from typing import Any

from gmpy2 import mpq

from ..convex_cells import PAPER_SPLIT, ConvexCellNetwork
from ..dataset import Dataset
from ..errors import ConstructionError
from ..network import Network
from ..rational import Rational, RationalLike, as_rational, format_number
from .construction import Construction
from .materialize import materialize as write_out
from .materialize import sequential_cells

NAME = "convex-cells"


def construct_convex_cells(
    dataset: Dataset,
    *,
    split: RationalLike = "1/100",
    slack: RationalLike | None = None,
    radius_ratio: RationalLike | None = None,
    materialize: bool = False,
    sequential: bool = False,
) -> Construction:
    r"""Build F_mem of Theorem 7.3.

    Parameters
    ----------
    dataset : Dataset
        Any consistent finite data set; in the unit cube if `sequential`.
    split : RationalLike, optional
        Planes stand at (1/2 + split) x_i + (1/2 - split) x_j; the paper has 1/100.
    slack : RationalLike, optional
        r is slack times the least squared distance between the classes; at most `split`,
        and the same by default.
    radius_ratio : RationalLike, optional
        k > 3 in place of `split`: balls of radius L/k around a sample's neighbours get its
        label, L being the distance to the other class; the split becomes
        (k - 3) / (2 (k + 1)). For k = 3.1 that is 1/82; the paper's 1/100 does as well.
    materialize : bool, optional
        Write out the plain depth-3 network.
    sequential : bool, optional
        Write out the equal deep network with O(N^2 n) parameters, dense.

    Returns
    -------
    Construction
        Depth 3, width max(2 N+ N-, N); weights of O(log(1/c)) bits beyond those of the data.
        Sequential: depth 2N + 1, width at most min(n, N) + N. One class: an affine constant.

    Raises
    ------
    ConstructionError
        For constants out of range, two forms at once, or a plain network too large.
    OutsideUnitCubeError
        For `sequential` on other data.

    Notes
    -----
    Source: Theorem 7.3, Appendix H. Generalizes; see the module's text. Cost: the distances
    between the classes, by one matrix product.

    Examples
    --------
    >>> data = Dataset([["0", "0"], ["1", "1"], ["0", "1"]], [1, 1, -1])
    >>> construct_convex_cells(data).details["radius"]
    '1/100'
    >>> construct_convex_cells(data, materialize=True).network.num_nonzero
    18
    """
    if materialize and sequential:
        raise ConstructionError("choose one form: materialize or sequential")
    exact = as_rational(split)
    if radius_ratio is not None:
        if exact != PAPER_SPLIT:
            raise ConstructionError("the radius ratio sets the split; give one of them")
        exact = split_for_radius_ratio(radius_ratio)
    margin = exact if slack is None else as_rational(slack)
    ConvexCellNetwork.check_constants(exact, margin)
    if sequential:
        dataset.check_unit_cube()
    n_positive = int((dataset.labels == 1).sum())
    details: dict[str, Any] = {
        "one_class": n_positive in (0, dataset.n_samples),
        "n_positive": n_positive,
        "n_negative": dataset.n_samples - n_positive,
        "split": format_number(exact),
        "slack": format_number(margin),
    }
    if details["one_class"]:
        value = mpq(dataset.n_samples * int(dataset.labels[0]))
        constant = Network.constant(dataset.n_features, value)
        return Construction(NAME, constant, {**details, "radius": "1", "form": "constant"})
    cells = ConvexCellNetwork.of(dataset, exact, margin)
    details |= {
        "radius": format_number(cells.radius),
        "least_opposite_squared": format_number(cells.least_opposite_squared),
    }
    if materialize:
        return Construction(NAME, write_out(cells), {**details, "form": "materialized"})
    if sequential:
        return Construction(NAME, sequential_cells(cells), {**details, "form": "sequential"})
    return Construction(NAME, cells, {**details, "form": "structured"})


def split_for_radius_ratio(ratio: RationalLike) -> Rational:
    r"""Return the largest split for which balls of 1/k of the opposite distance fit.

    Lemma H.4 with k in place of 3.1: let |b - a| >= k |a - c|, a != b, and put the plane at
    (1/2 + s) c + (1/2 - s) b. Its distance from a is
    ((|b-a|^2 - |c-a|^2)/2 - s |b-c|^2) / |b-c|, which falls as |c - a| and |b - c| grow; at
    |c - a| = |b - a|/k and |b - c| = |b - a| (1 + 1/k) it is at least |b - a|/k exactly if
    s <= (k - 3) / (2 (k + 1)).

    Parameters
    ----------
    ratio : RationalLike
        k > 3.

    Raises
    ------
    ConstructionError
        For k <= 3, where only s <= 0 would do, but cells need s > 0.

    Examples
    --------
    >>> split_for_radius_ratio("3.1"), split_for_radius_ratio("151/49")
    (mpq(1,82), mpq(1,100))
    """
    k = as_rational(ratio)
    if k <= 3:
        raise ConstructionError(
            f"a radius ratio of {format_number(k)}: it must exceed 3, since balls of a third of the "
            "distance reach half-way between the classes"
        )
    return (k - 3) / (2 * (k + 1))
