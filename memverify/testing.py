"""Hold your own evaluation against exact answers, from pytest.

A new torch, a GPU, a quantized runtime: build it from the network of each case, and say

    @pytest.mark.parametrize("case", edge_cases())
    def test_my_runtime(case):
        assert_exact_signs(my_runtime(case.network), case)
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt

from .edge_cases.case import EdgeCase, float_type
from .edge_cases.corpus import edge_case_names, load_edge_case, names_of
from .edge_cases.run import float_answers
from .errors import InexactNumberError, MemverifyError
from .numpy_form import numpy_form
from .rational import Rational, format_number, require_subnormals

__all__ = ["assert_exact_signs", "edge_cases"]

_LONGEST = 40


def edge_cases(
    names: str | Sequence[str] | None = None,
    *,
    most_bits: int | None = None,
    representable: str | None = None,
) -> list[Any]:
    """Return the cases as parameters for ``pytest.mark.parametrize``; their ids are their names.

    Parameters
    ----------
    names : str or sequence of str, optional
        Names of cases or of families; default the whole corpus.
    most_bits : int, optional
        Leave out cases of more bits; those without a number of bits stay.
    representable : {"float16", "float32", "float64"}, optional
        Keep cases whose weights and inputs are all numbers of this type: an evaluation that starts
        from them has rounded nothing yet.

    Raises
    ------
    UnknownNameError
        For a name that is neither a case nor a family.

    Examples
    --------
    >>> [parameter.id for parameter in edge_cases(["summation-order"], most_bits=22)]
    ['summation-order-012', 'summation-order-020', 'summation-order-022']
    """
    import pytest

    names = [names] if isinstance(names, str) else names
    chosen = edge_case_names() if names is None else [name for given in names for name in names_of(given)]
    cases = [load_edge_case(name) for name in chosen]
    return [
        pytest.param(case, id=case.name)
        for case in cases
        if (most_bits is None or (case.bits or 0) <= most_bits)
        and (representable is None or case.is_representable(representable))
    ]


def assert_exact_signs(
    forward: Callable[[Any], Any], case: EdgeCase | Any, *, dtype: str = "float32"
) -> None:
    """Raise AssertionError unless an evaluation has the exact sign, or class, on every sample.

    Parameters
    ----------
    forward : callable
        Maps a float array of shape (n_samples, *input_shape), which is (n_samples, n_features)
        unless the network takes images, to outputs: (n_samples,) or (n_samples, output_dim).
        A ``torch.nn.Module`` gets a tensor; tensors are taken back from any callable.
    case : EdgeCase, or a parameter of `edge_cases`
    dtype : {"float16", "float32", "float64"}, optional
        Of the inputs: the exact points, rounded to nearest.

    Raises
    ------
    AssertionError
        The message names the case, the first wrong sample, both signs, the float output and the
        exact value, how many samples are wrong, and what was rounded before anything was computed.
    MemverifyError
        For an unknown dtype, or outputs of a wrong shape.

    Examples
    --------
    >>> from memverify.edge_cases import load_edge_case
    >>> case = load_edge_case("summation-order-024")
    >>> def forward(x):
    ...     return x[:, 0] + x[:, 1] + x[:, 2]
    >>> assert_exact_signs(forward, case, dtype="float64")
    >>> try:
    ...     assert_exact_signs(forward, case)
    ... except AssertionError as error:
    ...     print(str(error).split(";")[0])
    summation-order-024: 4 of 18 samples have a wrong sign in float32
    """
    if not isinstance(case, EdgeCase) and hasattr(case, "values"):
        (case,) = case.values
    float_type(dtype)
    with _subnormals_kept():
        given = case.float_points(dtype)
    outputs = _outputs(forward, case, given)
    with _subnormals_kept():
        _compare(outputs, case, dtype)


@contextmanager
def _subnormals_kept() -> Iterator[None]:
    """Read numbers as they are, even if the evaluation under test runs with subnormals flushed."""
    try:
        require_subnormals()
    except InexactNumberError:
        torch: Any = sys.modules.get("torch")
        if torch is None:
            raise
        torch.set_flush_denormal(False)
        try:
            yield
        finally:
            torch.set_flush_denormal(True)
    else:
        yield


def _compare(outputs: npt.NDArray[Any], case: EdgeCase, dtype: str) -> None:
    answers, finite = float_answers(outputs)
    failed = np.flatnonzero((answers != case.labels) | ~finite)
    if not len(failed):
        return
    sample = int(failed[0])
    kind = "sign" if case.network.output_dim == 1 else "class"
    exact = ", ".join([_shown(value) for value in case.outputs[sample].tolist()])
    given = ", ".join([repr(value) for value in outputs[sample].tolist()])
    found = _named(int(answers[sample]), kind) if finite[sample] else "none, since it is not finite"
    lines = (
        f"{case.name}: {len(failed)} of {case.n_samples} samples have a wrong {kind} in {dtype}; "
        f"first sample {sample} (counted from 0): exact {kind} {_named(int(case.labels[sample]), kind)}, "
        f"exact value {exact}; float {kind} {found}, float output {given}",
        f"{case.what}; {_rounded(case, dtype)}",
    )
    raise AssertionError("\n".join(lines))


def _outputs(forward: Callable[[Any], Any], case: EdgeCase, given: Any) -> npt.NDArray[Any]:
    torch: Any = sys.modules.get("torch")  # a module or a tensor can only come from a torch in use
    if torch is not None and isinstance(forward, torch.nn.Module):
        with torch.inference_mode():
            result: Any = forward(torch.from_numpy(given))
    else:
        result = forward(given)
    outputs = np.asarray(numpy_form(result))
    if outputs.dtype.kind not in "fiu" or outputs.shape not in _shapes(case):
        raise MemverifyError(
            f"{case.name}: the evaluation gave {outputs.dtype} of shape {outputs.shape}; "
            f"it must give floats of shape {' or '.join(map(str, _shapes(case)))}"
        )
    return outputs.reshape(case.n_samples, case.network.output_dim)


def _shapes(case: EdgeCase) -> list[tuple[int, ...]]:
    wide = (case.n_samples, case.network.output_dim)
    return [wide[:1], wide] if case.network.output_dim == 1 else [wide]


def _rounded(case: EdgeCase, dtype: str) -> str:
    weights, inputs = case.inexact_weights(dtype), case.inexact_inputs(dtype)
    if not weights and not inputs:
        return f"every weight and input is a {dtype} number"
    return f"{weights} weights and {inputs} inputs are no {dtype} numbers and were rounded"


def _named(answer: int, kind: str) -> str:
    if kind == "class":
        return "none (a tie)" if answer < 0 else str(answer)
    return {-1: "-", 0: "0", 1: "+"}[answer]


def _shown(value: Rational) -> str:
    text = format_number(value)
    if len(text) <= _LONGEST:
        return text
    import gmpy2

    with gmpy2.context(precision=53):
        return f"about {gmpy2.mpfr(value):.5e}"
