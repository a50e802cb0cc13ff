"""Every exception of the package; the command line turns them into one line and exit code 2."""

from __future__ import annotations


class MemverifyError(Exception):
    """Base of all named errors: the input, not the program, is at fault."""


class InexactNumberError(MemverifyError):
    """A float was offered where an exact number is needed."""


class NumberFormatError(MemverifyError):
    """Text that is not an exact number of the grammar in force."""


class NonFiniteError(MemverifyError):
    """NaN or an infinity, which have no rational value."""


class DatasetError(MemverifyError):
    """A data set that cannot be used: shape, labels, or values."""


class ContradictorySamplesError(DatasetError):
    """The same point carries both labels, so that no network memorizes the data.

    Attributes
    ----------
    first, second : int
        Indices of the two samples, counted from 0, ``first < second``.
    """

    def __init__(self, first: int, second: int, where: str | None = None) -> None:
        self.first = first
        self.second = second
        place = where or f"samples {first} and {second} (counted from 0)"
        super().__init__(
            f"contradictory data: {place} are the same point with both labels; remove one of them"
        )


class OutsideUnitCubeError(DatasetError):
    """A coordinate outside [0, 1] where a construction needs the unit cube."""


class UnknownNameError(MemverifyError):
    """An unknown data set or construction; the message names the nearest one."""


class DataUnavailableError(MemverifyError):
    """A named data set that is neither on disk nor to be had from the network."""


class FileFormatError(MemverifyError):
    """A file that does not follow its documented format."""


class DimensionMismatchError(MemverifyError):
    """Network and data (or two layers) do not fit together."""


class NetworkStructureError(MemverifyError):
    """Layers or nodes that do not form a network."""


class ConstructionError(MemverifyError):
    """A construction whose hypotheses do not hold on the given data."""


class DirectionNotFoundError(ConstructionError):
    """No sampled direction separated the projections of the two classes."""


class PrintedConstructionUndefinedError(ConstructionError):
    """The construction, read literally, is undefined on the given data."""


class MalformedCertificateError(MemverifyError):
    """A certificate that does not follow its documented format."""
