r"""The least margin of witness networks in closed form: many assignments of one formula, fast.

The network of signs s is F(x) = k (h - \|s.(x - c)\|). On the anchors \|s.(x - c)\| is a or b, on
a clause's point e(w) times the balance of its true and false literals. If no clause has equal
literals only, the balance is at most w - 2, and h was chosen half-way between the largest of
these numbers and b: so the least margin is k (b - h), attained at every negative anchor.
Nothing but "no clause has equal literals only" depends on s.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from memverify.rational import Rational

from .cnf import Array, Assignment, check_assignment
from .encoding import Encoding
from .errors import SatReductionError

_BYTES = 8
_TRUE, _FALSE = 0x0101010101010101, 0


@dataclass(frozen=True)
class WitnessMargins:
    """The clauses of an encoding, laid out for testing one assignment after the other.

    Examples
    --------
    >>> from sat_reduction.bundle import encode_source
    >>> from sat_reduction.cnf import Formula
    >>> margins = WitnessMargins.of(encode_source(Formula.of([[1, -2]]), "nae"))
    >>> margins.least([1, -1, -1, -1]), margins.least([-1, 1, -1, -1])
    (mpq(1,20), None)
    """

    encoding: Encoding
    margin: Rational
    groups: tuple[tuple[Array, int], ...]

    @classmethod
    def of(cls, encoding: Encoding) -> WitnessMargins:
        """Lay out the clauses: literals as places in a table of values, in words of eight bytes.

        The table reads (-, x_1, .., x_n, not x_n, .., not x_1): literal -j is j-th from its end.

        Raises
        ------
        SatReductionError
            For the literal reading, whose networks have no such closed form.
        """
        if encoding.literal:
            raise SatReductionError("the literal reading has no closed form; certify its network instead")
        scheme = encoding.scheme
        height = scheme.threshold(encoding.widths)
        groups = []
        for _, matrix in encoding.formula.by_width():
            width = matrix.shape[1]
            n_words = -(-width // _BYTES)
            filled = n_words * _BYTES
            # repeating a literal does not change whether all are equal
            padded = np.concatenate([matrix, np.repeat(matrix[:, :1], filled - width, axis=1)], axis=1)
            groups.append((padded.astype(np.intp).reshape(-1), n_words))
        return cls(encoding, scheme.slope * (scheme.outer - height), tuple(groups))

    def least(self, signs: Assignment) -> Rational | None:
        """Return the least y F(x) of the network of ``signs``, exactly, or None.

        Parameters
        ----------
        signs : int8 array of -1 and +1, shape (dimension,)

        Returns
        -------
        Rational or None
            None if the network does not memorize the data set: a clause has only true or only
            false literals. Otherwise what `memverify.certify` finds as the least margin.

        Notes
        -----
        Cost: one table look-up a literal; some ten microseconds for a thousand clauses.
        """
        values = check_assignment(signs, self.encoding.dimension) > 0
        table = np.concatenate([_NO_LITERAL, values, ~values[::-1]])
        for places, n_words in self.groups:
            words = table[places].view(np.uint64)
            if n_words > 1:
                words = words.reshape(-1, n_words)
                equal = np.all(words == _TRUE, axis=1) | np.all(words == _FALSE, axis=1)
            else:
                equal = (words == _TRUE) | (words == _FALSE)
            if equal.any():
                return None
        return self.margin


_NO_LITERAL = np.zeros(1, dtype=bool)
