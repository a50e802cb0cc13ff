"""Run a back end on the corpus: where it is right, where it errs, and from how many bits on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import MemverifyError, UnknownNameError
from ..rational import Rational, format_number
from .case import TIE, EdgeCase
from .corpus import edge_case_names, load_edge_case, names_of

EXACT_BACKENDS = ("exact", "fractions")
BACKENDS = (*EXACT_BACKENDS, "torch:float32", "torch:float64", "onnxruntime")
_BATCH = 1024

RIGHT, WRONG, NON_FINITE, REFUSED = "right", "wrong", "non-finite", "refused"


@dataclass(frozen=True)
class FirstWrong:
    """The first sample of a case that a back end gets wrong.

    Attributes
    ----------
    sample : int
        Counted from 0.
    expected, found : int
        Signs -1, 0, 1, or classes, -1 for a tie.
    exact, outputs : list of str
        The exact outputs, and those of the back end.
    """

    sample: int
    expected: int
    found: int
    exact: list[str]
    outputs: list[str]


@dataclass(frozen=True)
class CaseResult:
    """What a back end did on one case.

    Attributes
    ----------
    n_wrong : int
        Samples with finite outputs and another answer than the exact one.
    n_nonfinite : int
        Samples with a NaN or an infinity among their outputs.
    n_batch_dependent : int
        Samples whose outputs differ, bit by bit, from those of the sample alone.
    refused : str or None
        Why the back end does not run the network at all, e.g. a weight that overflows.
    """

    name: str
    family: str
    bits: int | None
    n_samples: int
    n_wrong: int = 0
    n_nonfinite: int = 0
    n_batch_dependent: int = 0
    first_wrong: FirstWrong | None = None
    refused: str | None = None

    @property
    def verdict(self) -> str:
        """One of right, wrong, non-finite, refused: the worst that happened."""
        if self.refused is not None:
            return REFUSED
        if self.n_nonfinite:
            return NON_FINITE
        return WRONG if self.n_wrong else RIGHT


@dataclass(frozen=True)
class EdgeCaseRun:
    """The results of a back end, in the order of the cases."""

    backend: str
    results: tuple[CaseResult, ...]

    @property
    def n_right(self) -> int:
        """Cases with every sample right."""
        return sum([result.verdict == RIGHT for result in self.results])

    def first_failures(self) -> dict[str, int | None]:
        """Return for each family with a number of bits the least at which it fails; None: never."""
        first: dict[str, int | None] = {}
        for result in self.results:
            if result.bits is None:
                continue
            least = first.setdefault(result.family, None)
            if result.verdict != RIGHT and (least is None or result.bits < least):
                first[result.family] = result.bits
        return first

    def as_dict(self) -> dict[str, Any]:
        """Return all of it, JSON-ready."""
        return {
            "backend": self.backend,
            "n_cases": len(self.results),
            "n_right": self.n_right,
            "first_failures": self.first_failures(),
            "results": [{**asdict(result), "verdict": result.verdict} for result in self.results],
        }


def run_edge_cases(
    backend: str, names: Sequence[str] | None = None, progress: Callable[[int, int], None] | None = None
) -> EdgeCaseRun:
    """Run a back end on cases of the corpus.

    Parameters
    ----------
    backend : str
        One of `BACKENDS`. "exact" is the cascade, "fractions" the definition in plain fractions, the
        others are float runtimes, with the whole case as one batch and sample by sample.
    names : sequence of str, optional
        Of cases or of families; default the whole corpus.
    progress : callable, optional
        Called with (cases done, cases in all).

    Raises
    ------
    UnknownNameError
        For an unknown back end or case.

    Examples
    --------
    >>> run_edge_cases("exact", ["summation-order-024"]).n_right
    1
    """
    if backend not in BACKENDS:
        raise UnknownNameError(f"no back end {backend!r}; there are {', '.join(BACKENDS)}")
    chosen = edge_case_names() if names is None else [name for given in names for name in names_of(given)]
    results = []
    for name in chosen:
        results.append(_run_case(backend, load_edge_case(name)))
        if progress is not None:
            progress(len(results), len(chosen))
    return EdgeCaseRun(backend, tuple(results))


def float_answers(outputs: npt.NDArray[Any]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Return the answer of each row of outputs, and which rows are finite; 0 or `TIE` where not."""
    finite = np.isfinite(outputs).all(axis=1)
    safe = np.where(finite[:, None], outputs, 0)
    if outputs.shape[1] == 1:
        return np.sign(safe[:, 0]).astype(np.int64), finite
    best = safe.argmax(axis=1)
    unique = (safe == safe.max(axis=1, keepdims=True)).sum(axis=1) == 1
    return np.where(unique & finite, best, TIE).astype(np.int64), finite


def exact_answer(row: Sequence[Any]) -> int:
    """Return the answer of exact outputs: a sign, or the class of the strictly largest, or `TIE`."""
    if len(row) == 1:
        return int(row[0] > 0) - int(row[0] < 0)
    largest = max(row)
    return list(row).index(largest) if list(row).count(largest) == 1 else TIE


def _run_case(backend: str, case: EdgeCase) -> CaseResult:
    if backend == "exact":
        from ..tensors.cascade import decide

        return _compared(case, decide(case.network, case.data).answers, None)
    if backend == "fractions":
        from .fractions_route import fraction_outputs

        outputs = fraction_outputs(case.network, case.points)
        answers = np.array([exact_answer(row) for row in outputs], dtype=np.int64)
        shown = np.array(outputs, dtype=object)
        return _compared(case, answers, shown, differing=np.any(shown != case.outputs, axis=1))
    from ..interchange.runtimes import runtime_answers

    try:
        whole = runtime_answers(case.network, case.data, backend, batch_size=_BATCH)
        alone = runtime_answers(case.network, case.data, backend, batch_size=1)
    except MemverifyError as error:
        return CaseResult(case.name, case.family, case.bits, case.n_samples, refused=str(error))
    same = (whole.outputs == alone.outputs) | (np.isnan(whole.outputs) & np.isnan(alone.outputs))
    answers, finite = float_answers(whole.outputs)
    return _compared(
        case, answers, whole.outputs, finite=finite, batch_dependent=int((~same.all(axis=1)).sum())
    )


def _compared(
    case: EdgeCase,
    answers: npt.NDArray[np.int64],
    outputs: npt.NDArray[Any] | None,
    *,
    finite: npt.NDArray[np.bool_] | None = None,
    differing: npt.NDArray[np.bool_] | None = None,
    batch_dependent: int = 0,
) -> CaseResult:
    kept = np.ones(case.n_samples, dtype=bool) if finite is None else finite
    wrong = answers != case.labels
    if differing is not None:
        wrong = wrong | differing
    failed = np.flatnonzero(wrong | ~kept)
    first = None
    if len(failed):
        sample = int(failed[0])
        first = FirstWrong(
            sample,
            int(case.labels[sample]),
            int(answers[sample]),
            [format_number(value) for value in case.outputs[sample].tolist()],
            [] if outputs is None else [_shown(value) for value in outputs[sample].tolist()],
        )
    return CaseResult(
        case.name,
        case.family,
        case.bits,
        case.n_samples,
        int((wrong & kept).sum()),
        int((~kept).sum()),
        batch_dependent,
        first,
    )


def _shown(value: float | Rational) -> str:
    return repr(value) if isinstance(value, float) else str(value)
