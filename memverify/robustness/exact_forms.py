"""A network over one ball as exact affine forms, with a variable for each ReLU of open sign.

The forms are in the inputs and in the outputs of the kinks whose side is not known; z3's linear
arithmetic over the rationals then answers what can happen. "Unsat" is a proof; a model is a
point, to be evaluated exactly.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt
from gmpy2 import mpq

from ..rational import Rational, rational_from_float
from ..tensors.operations import Dense, MaxPool, Operation, Rectify
from ..tensors.plain import apply
from ..tensors.tensor_network import TensorNetwork
from ..tensors.windows import window_indices
from .bounds import Clamps, NodeBounds

Array = npt.NDArray[Any]
Form = Array
"""Coefficients of the variables, and the constant last."""


@dataclass(frozen=True)
class Kink:
    """A variable that is the largest of some forms.

    Attributes
    ----------
    variable : int
    choices : list of Form
        For a ReLU its pre-activation and 0.
    node, place : int
        Which entry of which node it is: what a ReLU reads, or what a maximum gives.
    is_relu : bool
    """

    variable: int
    choices: list[Form]
    node: int
    place: int
    is_relu: bool


@dataclass(frozen=True)
class ExactForms:
    """The outputs of a network over a region.

    Attributes
    ----------
    n_inputs, n_variables : int
    outputs : object array of Rational, shape (n_outputs, n_variables + 1)
    kinks : list of Kink
    signs : list of (Form, int)
        Forms that are at least 0 (1) or at most 0 (-1) in the region: what it was cut to.
    """

    n_inputs: int
    n_variables: int
    outputs: Array
    kinks: list[Kink]
    signs: list[tuple[Form, int]]


def count_kinks(network: TensorNetwork, found: NodeBounds) -> int:
    """Return how many variables `exact_forms` needs besides the inputs, for a region of one row."""
    total = 0
    for number, node in enumerate(network.nodes, start=1):
        if isinstance(node.operation, Rectify):
            total += int(found.unstable(node.sources[0]).sum())
        elif isinstance(node.operation, MaxPool):
            total += prod(network.shapes[number])
    return total


def exact_forms(network: TensorNetwork, found: NodeBounds, clamps: Clamps | None) -> ExactForms:
    """Carry exact affine forms through the network.

    Parameters
    ----------
    network : TensorNetwork
    found : NodeBounds
        Sound bounds for one region (one row): they say which ReLUs are on one side.
    clamps : dict or None
        Halves that the region was cut to, one row.
    """
    n = network.input_dim
    columns = n + count_kinks(network, found) + 1
    given = np.full((columns, n), mpq(0), dtype=object)
    for place in range(n):
        given[place, place] = mpq(1)
    values: dict[int, Array] = {0: given.reshape(columns, *network.input_shape)}
    kinks: list[Kink] = []
    signs: list[tuple[Form, int]] = []
    free = iter(range(n, columns - 1))

    def keep_signs(number: int) -> None:
        if clamps is not None and number in clamps:
            flat = values[number].reshape(columns, -1)
            for place, side in enumerate(clamps[number].flatten().tolist()):
                if side:
                    signs.append((flat[:, place], int(side)))

    keep_signs(0)
    for number, node in enumerate(network.nodes, start=1):
        source = node.sources[0]
        before = values[source].reshape(columns, -1)
        if isinstance(node.operation, Rectify):
            low = found.low[source].flatten().tolist()
            high = found.high[source].flatten().tolist()
            after = before.copy()
            for place, (least, most) in enumerate(zip(low, high, strict=True)):
                if most <= 0:
                    after[:, place] = mpq(0)
                elif least < 0:
                    variable = next(free)
                    zero = np.full(columns, mpq(0), dtype=object)
                    kinks.append(Kink(variable, [before[:, place].copy(), zero], source, place, True))
                    after[:, place] = mpq(0)
                    after[variable, place] = mpq(1)
            values[number] = after.reshape(columns, *network.shapes[number])
        elif isinstance(node.operation, MaxPool):
            values[number] = _maxima(
                number, node.operation, values[source], network.shapes[number], free, kinks
            )
        elif isinstance(node.operation, Dense) and source == 0:
            first = np.full((columns, node.operation.weight.shape[0]), mpq(0), dtype=object)
            first[:n] = node.operation.weight.rationals().T
            first[-1] = node.operation.bias.rationals()
            values[number] = first
        else:
            values[number] = _linear(node.operation, [values[k] for k in node.sources])
        keep_signs(number)
    outputs = values[len(network.nodes)].T
    return ExactForms(n, columns - 1, outputs, kinks, signs)


def _linear(operation: Operation, values: Sequence[Array]) -> Array:
    """Apply an affine operation to each column: constants belong to the last one alone."""
    result = apply(operation, values)
    nothing = apply(operation, [np.full_like(value[:1], mpq(0)) for value in values])
    result = result.copy()
    result[:-1] -= nothing
    return result


def _maxima(
    number: int,
    operation: MaxPool,
    images: Array,
    shape: tuple[int, ...],
    free: Any,
    kinks: list[Kink],
) -> Array:
    columns = len(images)
    places = window_indices(
        images.shape[1:], operation.kernel, operation.strides, operation.pads, operation.dilations
    )
    result = np.full((columns, prod(shape)), mpq(0), dtype=object)
    flat = images.reshape(*images.shape[:2], -1)
    for channel in range(images.shape[1]):
        for place, window in enumerate(places):
            variable = next(free)
            choices = [flat[:, channel, k].copy() for k in window.tolist() if k >= 0]
            position = channel * len(places) + place
            kinks.append(Kink(variable, choices, number, position, False))
            result[variable, position] = mpq(1)
    return result.reshape(columns, *shape)


class Solver:
    """z3 over one region's forms.

    Parameters
    ----------
    forms : ExactForms
    center : sequence of Rational
    box : pair of Rational or None
    """

    def __init__(
        self, forms: ExactForms, center: Sequence[Rational], box: tuple[Rational, Rational] | None
    ) -> None:
        import z3

        self._z3 = z3
        self._forms = forms
        self._center = list(center)
        self._context = z3.Context()
        self._variables = [z3.Real(f"v{k}", self._context) for k in range(forms.n_variables)]
        self._facts: list[Any] = []
        zero = self._number(mpq(0))
        for kink in forms.kinks:
            variable = self._variables[kink.variable]
            terms = [self._term(choice) for choice in kink.choices]
            self._facts += [variable >= term for term in terms]
            self._facts.append(z3.Or(*[variable <= term for term in terms]))
        for form, side in forms.signs:
            term = self._term(form)
            self._facts.append(term >= zero if side > 0 else term <= zero)
        if box is not None:
            for variable in self._variables[: forms.n_inputs]:
                self._facts += [variable >= self._number(box[0]), variable <= self._number(box[1])]

    def find(
        self, margins: Array, radius: Rational, seconds: float, cuts: Sequence[tuple[Array, Rational]] = ()
    ) -> tuple[str, list[Rational] | None]:
        """Look for a point within ``radius`` in the maximum norm where a margin is at most 0.

        Parameters
        ----------
        margins : array of Form, shape (k, n_variables + 1)
        radius : Rational
        seconds : float
        cuts : sequence of (direction, Rational), optional
            direction . (x - center) is at most the number.

        Returns
        -------
        "unsat" (proved), "sat" with the point, or "unknown".
        """
        z3 = self._z3
        solver = z3.SolverFor("QF_LRA", ctx=self._context)
        solver.set("timeout", _milliseconds(seconds))
        solver.add(*self._facts, self._some_wrong(margins))
        for variable, middle in zip(self._variables[: self._forms.n_inputs], self._center, strict=True):
            solver.add(variable >= self._number(middle - radius), variable <= self._number(middle + radius))
        for direction, most in cuts:
            offset = sum([d * c for d, c in zip(direction, self._center, strict=True)], mpq(0))
            terms = [
                self._number(d) * variable
                for d, variable in zip(direction, self._variables[: self._forms.n_inputs], strict=True)
                if d
            ]
            solver.add(z3.Sum(terms) <= self._number(most + offset))
        answer = str(solver.check())
        return answer, self._point(solver.model()) if answer == "sat" else None

    def least_radius(
        self, margins: Array, least: Rational, radius: Rational, seconds: float
    ) -> tuple[str, Rational | None, list[Rational] | None]:
        """Find the nearest wrong point in the maximum norm, from a certified radius to another one.

        Returns
        -------
        "unsat" (there is none), "sat" with the least radius and its point, or "unknown". That no
        nearer point exists is checked by a second query.
        """
        z3 = self._z3
        optimizer = z3.Optimize(ctx=self._context)
        optimizer.set("timeout", _milliseconds(seconds))
        reach = z3.Real("reach", self._context)
        facts = [*self._facts, self._some_wrong(margins)]
        facts += [reach <= self._number(radius), reach >= self._number(least)]
        for variable, middle in zip(self._variables[: self._forms.n_inputs], self._center, strict=True):
            center = self._number(middle)
            facts += [variable - center <= reach, center - variable <= reach]
        optimizer.add(*facts)
        goal = optimizer.minimize(reach)
        answer = str(optimizer.check())
        if answer != "sat":
            return answer, None, None
        model = optimizer.model()
        nearest = _rational(model.eval(reach, model_completion=True))
        if nearest is None or str(optimizer.lower(goal)) != str(optimizer.upper(goal)):
            return "unknown", None, self._point(model)
        solver = z3.SolverFor("QF_LRA", ctx=self._context)
        solver.set("timeout", _milliseconds(seconds))
        solver.add(*facts, reach < self._number(nearest))
        if str(solver.check()) != "unsat":
            return "unknown", None, self._point(model)
        return "sat", nearest, self._point(model)

    def _some_wrong(self, margins: Array) -> Any:
        zero = self._number(mpq(0))
        return self._z3.Or(*[self._term(form) <= zero for form in margins])

    def _number(self, value: Rational) -> Any:
        return self._z3.RealVal(f"{value.numerator}/{value.denominator}", self._context)

    def _term(self, form: Form) -> Any:
        parts = [
            self._number(weight) * self._variables[k]
            for k, weight in enumerate(form[:-1].tolist())
            if weight
        ]
        return self._z3.Sum([*parts, self._number(form[-1])])

    def _point(self, model: Any) -> list[Rational] | None:
        values = [
            _rational(model.eval(variable, model_completion=True))
            for variable in self._variables[: self._forms.n_inputs]
        ]
        return None if any([value is None for value in values]) else values


def margin_forms(forms: ExactForms, rows: npt.NDArray[np.float64]) -> Array:
    """Return margins as forms, from the outputs' forms and the rows that map outputs to margins."""
    exact = np.array([[rational_from_float(v) for v in row] for row in rows.tolist()], dtype=object)
    return np.asarray(exact @ forms.outputs)


def _milliseconds(seconds: float) -> int:
    return max(1, int(min(seconds, 1e6) * 1000))


def _rational(value: Any) -> Rational | None:
    try:
        return mpq(int(value.numerator_as_long()), int(value.denominator_as_long()))
    except AttributeError:  # no plain number, such as an infinitesimal
        return None
