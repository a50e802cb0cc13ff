"""Megiddo's product as a reduction: kept to compare with the linear one."""

from __future__ import annotations

from .cnf import Formula
from .model_map import ModelMap
from .product_form import MAX_PRODUCT_CLAUSES, product_form, product_size
from .reversible import Reduction

__all__ = ["MAX_PRODUCT_CLAUSES", "megiddo_reduction", "megiddo_size"]


def megiddo_reduction(source: Formula) -> Reduction:
    """Reduce any CNF to a reversible 6-CNF, by the product of its clauses with their complements.

    Parameters
    ----------
    source : Formula
        Any CNF; see `linear_reduction` for what becomes of unusual clauses.

    Returns
    -------
    Reduction
        The target's clauses are a set: none is repeated, each has exactly six distinct
        variables, and the second half are the complements of the first. The map records the
        source, without which one cannot tell an assignment from its opposite.

    Raises
    ------
    FormulaError
        Beyond `MAX_PRODUCT_CLAUSES`.

    Notes
    -----
    Let the 3-CNF of the source, with its chain variables, have a models, and b assignments
    that satisfy it together with their opposites. With p paddings the target has
    2^p (2 a - b) models. Cost: O(m^2) in array work, against O(m) of the linear reduction.

    Examples
    --------
    >>> reduction = megiddo_reduction(Formula.of([[1, 2, 3], [4, 5, 6], [1]]))
    >>> reduction.target.n_clauses, megiddo_size(reduction.source)
    (10, (8, 10))
    """
    clauses = tuple(map(tuple, source.normalized().clauses()))
    return Reduction(source, product_form(source), ModelMap("megiddo", source.n_variables, source=clauses))


def megiddo_size(source: Formula) -> tuple[int, int]:
    """Return the numbers of variables and clauses of Megiddo's product, without its clauses.

    See `product_size` for the formula.
    """
    return product_size(source)
