r"""The numbers of D(phi): where its points lie, and why they encode the formula exactly.

In dimension d, with a centre c (the same number on every coordinate), numbers a < b, and for
every clause width w an offset e(w), the samples of D(phi) are, in this order::

    c + a e_i, +1     c + b e_i, -1     c - a e_i, +1     c - b e_i, -1     (i = 1..d each)
    c + e(w) Q, +1    for each clause: Q in {-1, 0, 1}^d has its signs, w of them not 0

**Criterion.** Some network d-1-2-1 memorizes D(phi) if and only if some s in R^d has, with
mu = min |s_i| > 0 and u(x) = s.(x - c),

    (*)   a max |s_i| < b mu    and    e(w) |Q.s| < b mu    for every clause.

*Necessary.* Its first unit is z = Relu(u + beta) for the weights s: non-decreasing in u, so
samples of opposite labels have different u, and z in the same order. After z there are two
ReLUs of one number. Such a function never changes sign three times (Lemma G.5; it would need
slopes +, -, + or -, +, - on its three pieces, where an outer slope is 0, or the middle one is
0 or the sum of the outer ones), so in the order of u the labels change at most twice. If
s_i = 0, then c + a e_i and c + b e_i share u = 0 with opposite labels. So s_i != 0, and the
anchors of i read -, +, +, - at u = -b|s_i|, -a|s_i|, a|s_i|, b|s_i|: with two changes at
most, all positive samples form one run, every anchor -b|s_i| lies below it and every b|s_i|
above. The innermost of these are -b mu and b mu, so each positive sample has |u| < b mu: (*).

*The first ReLU.* It may clip negative anchors but no positive sample: below each of them
(at -b mu < u) lies a negative one, which would be clipped to the same z = 0.

*Sufficient.* Let theta be between the left sides of (*) and b mu. Then theta - |u| has all
the right signs; with B large enough that nothing is clipped it is the network
z = Relu(u + B), F = theta - Relu(z - B) - Relu(B - z).

**Exactness.** Call phi NAE-satisfiable if some signs give every clause a true and a false
literal. "(*) can be met iff phi is NAE-satisfiable" holds for all formulas whose clauses have
w distinct variables (w in some set of widths) if and only if for these widths

    sound:  b <= w e(w)        complete:  (w - 2) e(w) < b,

which leaves every offset from b/w on, up to b/(w - 2).

- *Sound.* Let s meet (*). Were all literals of a clause true under the signs of s, or all
  false, then e(w)|Q.s| = e(w) (sum of w of the |s_i|) >= w e(w) mu >= b mu. So the signs of s
  are an NAE model. If w e(w) < b, all 2^w clauses on w variables have none, and
  s = (1, .., 1) meets (*).
- *Complete.* Let s in {-1, 1}^d be an NAE model. Then |Q.s| <= w - 2, mu = 1, and (*)
  follows from a < b and (w - 2) e(w) < b. If the latter is false, take all clauses on
  d >= 2w variables that have exactly one positive literal. (1, .., 1) is an NAE model. But no
  s meets (*): if its signs are equal, then the clause whose positive literal is that of the
  least |s_i| has |Q.s| >= (w - 2) mu; if not, then w - 1 variables of one sign and one of the
  other make a violated clause, |Q.s| >= w mu.

The paper's own argument needs w e(w) a >= b^2, which is more than is needed: it compares a
violated clause with the largest anchors where the smallest will do.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from gmpy2 import mpq

from memverify.errors import UnknownNameError
from memverify.rational import Rational, format_number

from .errors import NotReversibleError

SCHEME_NAMES = ("paper", "nae", "dyadic")
"""As printed; one point a clause of any width; exact in float32 too."""

SIX = 6
"""The clause width of the paper's data set."""


@dataclass(frozen=True)
class Scheme:
    """Exact numbers of a data set D(phi) and of its network.

    Attributes
    ----------
    name : str
        One of `SCHEME_NAMES`.
    centre, inner, outer : Rational
        c, a and b of the module's description; 0 < a < b.
    slope, bias : Rational
        k and B of the network z = Relu(k s.(x - c) + B).
    six_offset : Rational or None
        e(6), where clauses must have six variables; None where any width will do and
        e(w) = 3 b / (3 w - 1), between the bounds b / w and b / (w - 2).

    Examples
    --------
    >>> paper = scheme_named("paper")
    >>> paper.centre, paper.clause_offset(6)
    (mpq(11,30), mpq(1,12))
    """

    name: str
    centre: Rational
    inner: Rational
    outer: Rational
    slope: Rational
    bias: Rational
    six_offset: Rational | None

    def clause_offset(self, width: int) -> Rational:
        """Return e(w): how far a clause's point is from the centre on each of its coordinates.

        Raises
        ------
        NotReversibleError
            For a width that the scheme does not take.

        Examples
        --------
        >>> scheme_named("nae").clause_offset(3)
        mpq(11,80)
        """
        if self.six_offset is None:
            if width < 1:
                raise NotReversibleError("a constraint of no variables has no point; it needs one at least")
            return 3 * self.outer / (3 * width - 1)
        if width != SIX:
            raise NotReversibleError(
                f"a clause of {width} variables; the scheme {self.name} takes exactly six distinct ones: "
                "pass the formula through sat-reduction reduce"
            )
        return self.six_offset

    def is_exact(self, width: int, offset: Rational) -> bool:
        """Whether clauses of this width may have this offset: sound and complete, see above.

        Examples
        --------
        The printed 1/12 is right for five and six variables alone.

        >>> paper = scheme_named("paper")
        >>> [w for w in range(1, 30) if paper.is_exact(w, mpq(1, 12))]
        [5, 6]
        """
        return bool(self.is_sound(width, offset) and self.is_complete(width, offset))

    def is_sound(self, width: int, offset: Rational) -> bool:
        """Whether a memorizing network implies an NAE model: b <= w e."""
        return bool(width * offset >= self.outer)

    def is_complete(self, width: int, offset: Rational) -> bool:
        """Whether an NAE model implies a memorizing network: (w - 2) e < b."""
        return bool((width - 2) * offset < self.outer)

    def check_width(self, width: int) -> None:
        """Raise unless the scheme is exact for clauses of this width.

        Raises
        ------
        NotReversibleError
            Saying which of the two inequalities fails.
        """
        offset = self.clause_offset(width)
        if not self.is_exact(width, offset):
            fault = "(w - 2) e < b" if self.is_sound(width, offset) else "w e >= b"
            raise NotReversibleError(
                f"the scheme {self.name} is not exact for clauses of w = {width} variables: {fault} fails, "
                f"e = {format_number(offset)}, b = {format_number(self.outer)}"
            )

    def threshold(self, widths: Iterable[int]) -> Rational:
        """Return h, half-way between the largest positive and the negative |u| for signs s.

        Parameters
        ----------
        widths : iterable of int
            The clause widths that occur, in any order, none possible.

        Examples
        --------
        >>> 3 * scheme_named("paper").threshold([6]), scheme_named("dyadic").threshold([6])
        (mpq(21,20), mpq(51,128))
        """
        reaches = [(width - 2) * self.clause_offset(width) for width in set(widths)]
        return (max([self.inner, *reaches]) + self.outer) / 2


def scheme_named(name: str) -> Scheme:
    """Return the scheme of a name.

    Parameters
    ----------
    name : {"paper", "nae", "dyadic"}

    Raises
    ------
    UnknownNameError
        For another name.

    Examples
    --------
    >>> scheme_named("dyadic").outer, scheme_named("nae").outer
    (mpq(27,64), mpq(11,30))
    """
    if name == "paper":
        return Scheme(name, mpq(11, 30), mpq(1, 3), mpq(11, 30), mpq(3), mpq(3), mpq(1, 12))
    if name == "dyadic":
        return Scheme(name, mpq(1, 2), mpq(3, 8), mpq(27, 64), mpq(1), mpq(1, 2), mpq(3, 32))
    if name == "nae":
        return Scheme(name, mpq(11, 30), mpq(1, 3), mpq(11, 30), mpq(3), mpq(3), None)
    raise UnknownNameError(f"there is no scheme {name!r}; choose one of {', '.join(SCHEME_NAMES)}")
