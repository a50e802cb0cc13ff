"""How models go between a formula and what it was reduced to; kept in comments and notes.

The map is small and says only where things are; `ModelMap.check_fits` makes sure that they
are there, by transforming again what the target says and comparing every literal.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from memverify.rational import shorten

from .chains import chain_values
from .cnf import MAX_VARIABLES, Assignment, Formula, check_assignment
from .comparison import check_same
from .errors import FormulaError, NotAModelError, NotAnEncodingError
from .linear_form import WIDTH, linear_pieces, linear_source
from .nae_form import check_closed_model, check_nae_model, nae_source
from .product_form import product_form, short_pieces

METHODS = ("linear", "megiddo", "nae", "identity")
COMMENT = "sat-reduction map "
"""How a comment line that holds a map begins."""
_COMMENT_LENGTH = 900
_GUARDED = ("linear", "nae")


@dataclass(frozen=True)
class ModelMap:
    """The way from models of a target back to models of its source, and forward.

    Parameters
    ----------
    method : str
        "linear", "megiddo", "nae" or "identity".
    n_source : int
        Variables of the source: 1 .. n_source of the target, too.
    guard : int, optional
        The variable whose value tells a model from an opposite one: n_source + 1, the first
        sentinel, for linear and nae; none for the others.
    source : tuple of tuples of int, optional
        The clauses of the source; Megiddo's product needs them to go back, no other method
        has them.

    Raises
    ------
    FormulaError
        If these do not go together.

    Examples
    --------
    >>> way = ModelMap("linear", 2, guard=3)
    >>> way.backward(np.array([1, -1, 1, 1, 1, 1, 1, 1], dtype=np.int8)).tolist()
    [-1, 1]
    """

    method: str
    n_source: int
    guard: int | None = None
    source: tuple[tuple[int, ...], ...] | None = None

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise _malformed(f"the method {_shown(self.method)} is none of {', '.join(METHODS)}")
        if type(self.n_source) is not int or not 0 <= self.n_source <= MAX_VARIABLES:
            raise _malformed(f"n_source is {_shown(self.n_source)}, not a number of variables")
        guard = self.n_source + 1 if self.method in _GUARDED else None
        if self.guard != guard or type(self.guard) is not type(guard):
            raise _malformed(
                f"guard is {_shown(self.guard)}, not {guard} ({self.method} with n_source {self.n_source})"
            )
        if (self.source is None) == (self.method == "megiddo"):
            raise _malformed("source is there for megiddo, and for no other method")
        if self.source is not None:
            Formula.of(self.source, self.n_source)

    def backward(self, model: Assignment) -> Assignment:
        """Return the assignment of the source that a model of the target stands for.

        Parameters
        ----------
        model : Assignment
            A model of the target, or for nae an assignment that makes no constraint all
            equal; that is not checked here.

        Returns
        -------
        Assignment
            Shape (n_source,). It satisfies the source if the target is the source's.

        Raises
        ------
        FormulaError
            If the model has the wrong length.
        NotAModelError
            For megiddo, if neither the assignment nor its opposite satisfies the source.
        """
        values = check_assignment(model, np.size(model))
        least = self.n_source + {"linear": WIDTH, "nae": 1}.get(self.method, 0)
        if len(values) < least or (self.method == "identity" and len(values) > least):
            raise FormulaError(
                f"an assignment of {len(values)} variables; the map of models ({self.method}) takes "
                f"{'' if self.method == 'identity' else 'at least '}{least}"
            )
        own = values[: self.n_source]
        if self.guard is not None:
            flipped: Assignment = own * -values[self.guard - 1]
            return flipped
        if self.source is not None:
            source = Formula.of(self.source, self.n_source)
            for candidate in (own, -own):
                if source.is_model(candidate):
                    return candidate
            raise NotAModelError(
                "neither the assignment nor its opposite satisfies the source: no model of the product"
            )
        return own

    def forward(self, target: Formula, source_model: Assignment) -> Assignment:
        """Return the model of the target that a model of the source gives.

        Sentinels and paddings are false; a chain variable is true if all literals before it
        in its clause are false.

        Parameters
        ----------
        target : Formula
        source_model : Assignment
            Shape (n_source,).

        Returns
        -------
        Assignment
            A model of the target, checked; for nae, one that makes no constraint all equal.

        Raises
        ------
        NotAModelError
            If the result is no model of the target, or for megiddo, the source not satisfied.
        NotAnEncodingError
            If the target has not the shape that the map claims.
        """
        own = check_assignment(source_model, self.n_source)
        if target.n_variables < self.n_source:
            raise NotAnEncodingError(
                f"the formula has {target.n_variables} variables, fewer than the {self.n_source} that its "
                "map of models names"
            )
        values: Assignment = np.full(target.n_variables, -1, dtype=np.int8)
        values[: self.n_source] = own
        if self.method == "linear":
            pieces = linear_pieces(target, self.n_source)
            first_fresh = self.n_source + WIDTH + 1
            values[first_fresh - 1 :] = chain_values(pieces, first_fresh, values)
        elif self.source is not None:
            source = Formula.of(self.source, self.n_source)
            # The product would take an assignment whose opposite satisfies the source.
            source.check_model(own)
            pieces = short_pieces(source)
            if target.n_variables < pieces.n_variables:
                raise NotAnEncodingError(
                    f"the formula has {target.n_variables} variables; the product that its map of models "
                    f"claims has {pieces.n_variables} at least"
                )
            chain = slice(self.n_source, pieces.n_variables)
            values[chain] = chain_values(pieces, self.n_source + 1, values)
        if self.method == "nae":
            check_nae_model(target, values)
        else:
            check_closed_model(target, values)
        return values

    def check_fits(self, target: Formula) -> None:
        """Raise unless the target is exactly what the map claims; see `source_of`.

        Raises
        ------
        NotAnEncodingError
            Naming the first clause that differs.
        """
        source_of(target, self)

    def to_json(self) -> dict[str, Any]:
        """Return the map as JSON values; `from_json` reads them back.

        Examples
        --------
        >>> ModelMap("linear", 2, guard=3).to_json()
        {'method': 'linear', 'n_source': 2, 'guard': 3}
        """
        found: dict[str, Any] = {"method": self.method, "n_source": self.n_source}
        if self.guard is not None:
            found["guard"] = self.guard
        if self.source is not None:
            found["source"] = [list(clause) for clause in self.source]
        return found

    @classmethod
    def from_json(cls, obj: Any) -> ModelMap:
        """Read what `to_json` returned, and nothing else.

        Raises
        ------
        FormulaError
            For a missing, unknown or wrong entry.
        """
        if not isinstance(obj, dict):
            raise _malformed("it is no JSON object")
        wanted = {"method", "n_source"}
        wanted |= {"guard"} if obj.get("method") in _GUARDED else set()
        wanted |= {"source"} if obj.get("method") == "megiddo" else set()
        for name in sorted(wanted - obj.keys()):
            raise _malformed(f"{name} is missing")
        for name in obj.keys() - wanted:
            raise _malformed(f"{_shown(name)} does not belong there")
        source = obj.get("source")
        if source is not None:
            if not isinstance(source, list) or not all(isinstance(clause, list) for clause in source):
                raise _malformed("source is no list of clauses")
            source = tuple(tuple(clause) for clause in source)
        return cls(obj["method"], obj["n_source"], obj.get("guard"), source)


def source_of(target: Formula, model_map: ModelMap) -> Formula:
    """Return the formula that a target encodes, after checking that it does.

    Whatever formula this returns, its reduction by the map's method *is* the target, literal
    by literal: so each model of the target (for nae, each assignment that makes no constraint
    all equal) maps back to a model of it.

    Parameters
    ----------
    target : Formula
    model_map : ModelMap

    Returns
    -------
    Formula
        Over ``n_source`` variables, without repeated literals and tautologies; for identity,
        the target.

    Raises
    ------
    NotAnEncodingError
        If the target is not the reduction of any formula by the method of the map.

    Examples
    --------
    >>> from sat_reduction.linear_form import linear_form
    >>> target = linear_form(Formula.of([[1, -2], [2, 2]]))
    >>> source_of(target, ModelMap("linear", 2, guard=3)).clauses()
    [[1, -2], [2]]
    >>> source_of(target, ModelMap("linear", 1, guard=2))
    Traceback (most recent call last):
    ...
    sat_reduction.errors.NotAnEncodingError: number of variables: 8, but 7 in the linear reduction \
that the map of models claims
    """
    if model_map.method == "linear":
        return linear_source(target, model_map.n_source)
    if model_map.method == "nae":
        return nae_source(target, model_map.n_source)
    if model_map.source is not None:
        source = Formula.of(model_map.source, model_map.n_source).normalized()
        check_same(target, product_form(source), "product")
        return source
    if target.n_variables != model_map.n_source:
        raise NotAnEncodingError(
            f"the formula has {target.n_variables} variables, its map of models names {model_map.n_source}"
        )
    return target


def comments_of(model_map: ModelMap) -> tuple[str, ...]:
    """Return the comment lines that hold a map: one, or more if it is long.

    Examples
    --------
    >>> comments_of(ModelMap("linear", 2, guard=3))
    ('sat-reduction map {"method":"linear","n_source":2,"guard":3}',)
    """
    text = json.dumps(model_map.to_json(), separators=(",", ":"))
    return tuple(
        COMMENT + text[start : start + _COMMENT_LENGTH] for start in range(0, len(text), _COMMENT_LENGTH)
    )


def map_of_comments(comments: Iterable[str]) -> ModelMap | None:
    """Return the map that comment lines hold, or None if none does.

    Raises
    ------
    FormulaError
        If a line begins like a map and is none.

    Examples
    --------
    >>> map_of_comments(["made by hand", 'sat-reduction map {"method":"identity","n_source":2}'])
    ModelMap(method='identity', n_source=2, guard=None, source=None)
    """
    parts = []
    for line in comments:
        words = line.split(None, 2)
        if words[:2] == COMMENT.split():
            parts.append("".join(words[2:]).rstrip())
    if not parts:
        return None
    try:
        obj = json.loads("".join(parts), object_pairs_hook=_without_repeats)
    except (ValueError, RecursionError):
        raise _malformed("it is no JSON text") from None
    return ModelMap.from_json(obj)


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise _malformed(f"{_shown(max(names, key=names.count))} is there twice")
    return found


def _malformed(reason: str) -> FormulaError:
    return FormulaError(f"the map of models is malformed: {reason}; reduce the source again")


def _shown(value: Any) -> str:
    return shorten(ascii(value))
