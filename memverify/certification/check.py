"""Handing files or objects to the independent checkers.

`checker` checks certificates of version 1, `tensor_checker` those of version 2. They share no code
with the rest, nor with each other. Each gets the bytes of certificate and network as
they are on disk, and the samples as exact numbers; what it trusts is the data set's reader
(and, run alone on a .csv file, not even that).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

from ..any_dataset import AnyDataset, require_data
from ..any_network import AnyNetwork
from ..class_dataset import ClassDataset
from ..dataset import Dataset
from ..errors import FileFormatError, MalformedCertificateError
from ..rational import Rational
from ..sparse_dataset import SparseDataset
from ..sparse_rows import blocks
from ..tensors.json_tensors import json_chunks
from ..tensors.kinds import require_network
from ..tensors.tensor_network import TensorNetwork
from . import checker, tensor_checker
from .certificate import TENSOR_VERSION, Certificate, Counterexample, certificate_text


def check(
    certificate: Certificate | Counterexample | str | Path,
    network: AnyNetwork | TensorNetwork | str | Path,
    dataset: AnyDataset,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> checker.Report:
    """Have the independent checker check a certificate.

    Parameters
    ----------
    certificate : Certificate, Counterexample, or path
    network : Network, ConvexCellNetwork, TensorNetwork, or path
        A path names the canonical file, whatever the network was read from.
    dataset : Dataset, SparseDataset or ClassDataset
    progress : callable, optional
        Called with (samples done, samples in all) for certificates of version 2.

    Returns
    -------
    checker.Report
        ``certificate_is_true``, ``verdict`` ("memorizes", "fails" or None), ``reason``.

    Raises
    ------
    MalformedCertificateError
        If the certificate does not follow its format.
    FileFormatError
        If the network or the data cannot be used.

    Examples
    --------
    >>> from memverify import Affine, Network, certify
    >>> net = Network.sequential([Affine.from_dense([[2]], [-1])])
    >>> data = Dataset([["0.25"], ["3/4"]], [-1, 1])
    >>> check(certify(net, data), net, data).certificate_is_true
    True
    """
    require_data(dataset)
    claim, text = _certificate_bytes(certificate), _network_bytes(network)
    try:
        if _is_version_2(claim):
            return _check_version_2(claim, text, dataset, progress)
        samples = (
            _sparse_samples(dataset) if isinstance(dataset, SparseDataset) else _signed_samples(dataset)
        )
        return checker.check_certificate(claim, text, samples)
    except (checker.MalformedError, tensor_checker.MalformedError) as error:
        kind = MalformedCertificateError if error.part == "certificate" else FileFormatError
        given = {"certificate": certificate, "network": network}.get(error.part)
        where = given if isinstance(given, (str, Path)) else f"the {error.part}"
        raise kind(f"{where}: {error.problem}") from None


def _is_version_2(claim: bytes) -> bool:
    """Tell which checker is to read a certificate; what else is wrong with it, that one says."""
    try:  # numbers as text, since both checkers read longer ones than the rest of this program
        document = json.loads(claim.decode("utf-8"), parse_int=str, parse_float=str, parse_constant=str)
    except (ValueError, RecursionError):
        return False
    return isinstance(document, dict) and document.get("version") == str(TENSOR_VERSION)


def _check_version_2(
    claim: bytes, network: bytes, dataset: AnyDataset, progress: Callable[[int, int], None] | None
) -> checker.Report:
    if isinstance(dataset, SparseDataset):
        raise FileFormatError("a certificate of version 2 is about data with all coordinates written out")
    n_classes = dataset.n_classes if isinstance(dataset, ClassDataset) else None

    def report(done: int) -> None:
        if progress is not None:
            progress(done, dataset.n_samples)

    found = tensor_checker.check_certificate(claim, network, _samples(dataset), n_classes, report)
    return checker.Report(*found)


def _certificate_bytes(certificate: Certificate | Counterexample | str | Path) -> bytes:
    if isinstance(certificate, (str, Path)):
        return _read(certificate, MalformedCertificateError)
    return certificate_text(certificate).encode("ascii")


def _network_bytes(network: AnyNetwork | TensorNetwork | str | Path) -> bytes:
    if isinstance(network, (str, Path)):
        return _read(network, FileFormatError)
    require_network(network)
    return b"".join(json_chunks(network))


def _read(path: str | Path, kind: type[MalformedCertificateError] | type[FileFormatError]) -> bytes:
    try:
        return Path(path).read_bytes()
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the name
        reason = getattr(error, "strerror", None) or error
        raise kind(f"{str(path)!a}: cannot be read: {reason}; check the name") from None


def _fraction(value: Rational) -> Fraction:
    return Fraction(int(value.numerator), int(value.denominator))


def _sparse_samples(dataset: SparseDataset) -> checker.SparseSamples:
    return checker.SparseSamples(dataset.n_features, _fraction(dataset.background), _entries(dataset))


def _entries(dataset: SparseDataset) -> Iterator[checker.SparseSample]:
    values = [_fraction(value) for value in dataset.values]
    for first, last in blocks(dataset.starts):
        ends = dataset.starts[first : last + 1].tolist()
        part = slice(ends[0], ends[-1])
        columns = dataset.columns[part].tolist()
        numbers = [values[code] for code in dataset.codes[part].tolist()]
        pairs = list(zip(columns, numbers, strict=True))
        for start, stop, label in zip(
            ends[:-1], ends[1:], dataset.labels[first:last].tolist(), strict=True
        ):
            yield pairs[start - ends[0] : stop - ends[0]], label


def _signed_samples(dataset: Dataset | ClassDataset) -> Iterator[tuple[list[Fraction | int], int]]:
    """Yield samples with the labels -1 and 1; that classes are none is said after faults of the files."""
    if isinstance(dataset, ClassDataset):  # its labels might all be 1
        raise FileFormatError("a certificate of version 1 is about the labels -1 and 1, not classes")
    yield from _samples(dataset)


def _samples(dataset: Dataset | ClassDataset) -> Iterator[tuple[list[Fraction | int], int]]:
    seen: dict[int, Fraction] = {}
    numerators, denominator = dataset.numerators, int(dataset.denominator)
    for index, label in enumerate(dataset.labels.tolist()):
        if numerators is None:
            yield [_fraction(v) for v in dataset.point(index)], label
            continue
        row: list[Fraction | int] = []
        for value in numerators[index].tolist():
            exact = seen.get(value)
            if exact is None:
                exact = Fraction(int(value), denominator)
                if len(seen) < 1 << 16:
                    seen[value] = exact
            row.append(exact)
        yield row, label
