"""D(phi) written once more, from the paper's text alone, with fractions; and an oracle on the line.

Nothing of `sat_reduction` is imported. `samples` is Appendix G.4's list with the numbers as
parameters; `network_exists` asks z3 (linear arithmetic) for an affine map to the line under
which one class lies in an open interval that is free of the other (Lemma G.5, for finite data).
"""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

Sample = tuple[tuple[Fraction, ...], int]

CENTRE, INNER, OUTER, TWELFTH = Fraction(11, 30), Fraction(1, 3), Fraction(11, 30), Fraction(1, 12)


def signs_as_printed(clause, n: int) -> list[int]:
    """Q: 1 if x_j occurs in the clause; -1 if its negation occurs; 0 otherwise; in this order."""
    return [1 if j in clause else -1 if -j in clause else 0 for j in range(1, n + 1)]


def samples(n: int, clauses, centre=CENTRE, inner=INNER, outer=OUTER, offset=lambda width: TWELFTH):
    """(x_i, y_i), i = 1 .. 4n + m, as listed in (1) to (5); ``offset`` takes the number of signs."""

    def around(vector) -> tuple[Fraction, ...]:
        return tuple(centre + v for v in vector)

    def unit(i: int, factor: Fraction) -> list[Fraction]:
        return [factor if j == i else Fraction(0) for j in range(n)]

    found: list[Sample] = []
    found += [(around(unit(i, inner)), 1) for i in range(n)]
    found += [(around(unit(i, outer)), -1) for i in range(n)]
    found += [(around(unit(i, -inner)), 1) for i in range(n)]
    found += [(around(unit(i, -outer)), -1) for i in range(n)]
    for clause in clauses:
        q = signs_as_printed(clause, n)
        size = offset(sum(map(abs, q)))
        found.append((around([size * sign for sign in q]), 1))
    return found


def numbers(scheme: str):
    """Keyword arguments of `samples` for a scheme of the package."""
    if scheme == "paper":
        return {}
    if scheme == "dyadic":
        return {
            "centre": Fraction(1, 2),
            "inner": Fraction(3, 8),
            "outer": Fraction(27, 64),
            "offset": lambda width: Fraction(3, 32),
        }
    return {"offset": lambda width: Fraction(11, 10 * (3 * width - 1))}


def samples_of(dataset) -> list[Sample]:
    """The samples of a data set of the package, as fractions."""
    return [
        (tuple(Fraction(int(v.numerator), int(v.denominator)) for v in dataset.point(i)), int(label))
        for i, label in enumerate(dataset.labels)
    ]


def network_exists(data: list[Sample]):
    """Weights s such that x -> s.x puts one class between the other, or None if there are none."""
    import z3

    d = len(data[0][0])
    s = [z3.Real(f"s{i}") for i in range(d)]
    low, high = z3.Reals("low high")
    values = [
        (z3.Sum([z3.Q(v.numerator, v.denominator) * w for v, w in zip(x, s, strict=True)]), y)
        for x, y in data
    ]
    for inside in (1, -1):
        solver = z3.SolverFor("QF_LRA")
        for value, label in values:
            solver.add(
                z3.And(low < value, value < high) if label == inside else z3.Or(value <= low, value >= high)
            )
        answer = solver.check()
        if answer == z3.sat:
            model = solver.model()
            found = [model.eval(w, model_completion=True) for w in s]
            return [Fraction(w.numerator_as_long(), w.denominator_as_long()) for w in found]
        assert answer == z3.unsat
    return None


def changes(values, labels) -> int | None:
    """How often the labels change in the order of the values; None if equal values differ."""
    seen: dict[Fraction, int] = {}
    for value, label in zip(values, labels, strict=True):
        if seen.setdefault(value, label) != label:
            return None
    ordered = [seen[value] for value in sorted(seen)]
    return sum(a != b for a, b in pairwise(ordered))
