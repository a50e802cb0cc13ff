"""Every exception of the package; the command line turns them into one line and exit code 2."""

from __future__ import annotations

from memverify.errors import MemverifyError


class SatReductionError(MemverifyError):
    """Base of all named errors here: the input, not the program, is at fault."""


class FormulaError(SatReductionError):
    """Clauses or assignments that cannot be used: a zero literal, a variable out of range."""


class DimacsError(SatReductionError):
    """Text that is not in the DIMACS format; the message gives line and column."""


class NotReversibleError(SatReductionError):
    """A formula outside the reversible 6-CNF that a data set can be made of."""


class NotAnEncodingError(SatReductionError):
    """A data set that is no D(phi): the message names the first sample that does not fit."""


class NotAModelError(SatReductionError):
    """An assignment that does not satisfy the formula; the message names a clause it falsifies."""


class UndecodableNetworkError(SatReductionError):
    """A network from which no assignment can be read."""


class SolverError(SatReductionError):
    """A solver that is unknown, gives no proof, or broke off."""


class ProofError(SatReductionError):
    """A proof of unsatisfiability that does not check, or a lemma that was not proved."""


class MalformedBundleError(SatReductionError):
    """A folder that does not hold the files of a bundle."""


class DisagreementError(SatReductionError):
    """Two routes that must agree do not: a fault in this program or in a solver."""
