r"""Reading the bits of a packed integer by the triangle map (Telgarsky's tent).

The map :math:`\varphi(z) = \sigma(\sigma(2z) - \sigma(4z - 2))`, with ReLU as :math:`\sigma`,
goes up from 0 to 1 on [0, 1/2] and down again on [1/2, 1]. For an integer x of n bits put

.. math:: a_i = \varphi^i(x/2^n + 2^{-(n+1)}), \quad b_i = \varphi^i(x/2^n + 2^{-(n+2)}).

No multiple of :math:`2^{-n}` lies between the two starting points, so that every fold finds
both on one side, and :math:`b_i - a_i = \pm 2^{i-n-2}`: the sign is minus that of the slope
of :math:`\varphi^i`, which is negative exactly where bit i, counted from the most significant
as 1, is set. Hence bit i is :math:`2^{n+2-i}\sigma(b_i - a_i)`, which is what the source uses.
"""

from __future__ import annotations

from collections.abc import Iterable

from gmpy2 import mpq, mpz

from ..errors import ConstructionError
from ..rational import Integer
from .layer_builder import Expression


def pack(codes: Iterable[int | Integer], bits: int) -> Integer:
    """Write codes side by side, ``bits`` bits each, the first one in the most significant bits.

    Examples
    --------
    >>> pack([1, 0, 3], 2)
    mpz(19)
    """
    total = mpz(0)
    for code in codes:
        if not 0 <= code < mpz(1) << bits:
            raise ConstructionError(f"internal: the code {code} does not fit {bits} bits")
        total = (total << bits) + code
    return total


class BitReader:
    r"""Reads an integer held by the network, one bit a layer, most significant bit first.

    Parameters
    ----------
    name : str
        Prefix of the units' names.
    integer : Expression
        The integer x, over the units of the current layer.
    n_bits : int
        n, with 0 <= x < 2^n.

    Notes
    -----
    Two simplifications are ours. The units hold :math:`A_i = 2^{n+2-i} a_i` and :math:`B_i =
    2^{n+2-i} b_i`, integers which the map takes to :math:`A - 2\sigma(A - 2^{n+1-i})`: one layer
    an application, weights 1 and -2, and numbers that get shorter by a bit each time. And as
    :math:`B_i - A_i = \pm 1`, bit i is the affine :math:`(1 + B_i - A_i)/2`: no unit, no layer.
    Four units while reading, two while waiting, none once all bits are read.

    Examples
    --------
    >>> reader = BitReader("u", Expression.number(2), 2)
    >>> [sorted(reader.units(reading)) for reading in (True, False)]
    [['u_a', 'u_a_fold', 'u_b', 'u_b_fold'], ['u_a', 'u_b']]
    """

    def __init__(self, name: str, integer: Expression, n_bits: int) -> None:
        self._name = name
        self._upper = 4 * integer + 2
        self._lower = 4 * integer + 1
        self._remaining = n_bits

    def units(self, reading: bool) -> dict[str, Expression]:
        """Return the units of the next layer, in which a bit is read or not."""
        if not self._remaining:
            return {}
        units = {f"{self._name}_a": self._upper, f"{self._name}_b": self._lower}
        if reading:
            fold = mpz(1) << (self._remaining + 1)
            units[f"{self._name}_a_fold"] = self._upper - fold
            units[f"{self._name}_b_fold"] = self._lower - fold
        return units

    def advance(self, reading: bool) -> Expression | None:
        """Go on to the layer built of `units`; return the bit read, an affine function of it."""
        if not self._remaining:
            if reading:
                raise ConstructionError("internal: every bit has been read already")
            return None
        unit = Expression.unit
        self._upper, self._lower = unit(f"{self._name}_a"), unit(f"{self._name}_b")
        if not reading:
            return None
        self._upper = self._upper - 2 * unit(f"{self._name}_a_fold")
        self._lower = self._lower - 2 * unit(f"{self._name}_b_fold")
        self._remaining -= 1
        bit: Expression = mpq(1, 2) * (self._lower - self._upper + 1)
        return bit
