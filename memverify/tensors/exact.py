"""Exact outputs of a tensor network on many samples, by residues through float64 products.

The float64 pass with error bounds runs beside the residues and tells the signs that ReLU and
MaxPool need; where it cannot, the integers are put together. Networks whose numbers are too
long for that go to the plain route, or, as plain sequences of layers, to the engines for them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt
from gmpy2 import mpq, mpz

from ..class_dataset import ClassDataset
from ..rational import Integer
from .fixed_layers import FixedLayer, fixed_layers, needed_bits
from .float_bounds import FLOAT64, Bounded
from .inputs import Samples, float_inputs, largest_absolute, largest_sample_norm
from .interpreter import chunks, interpret
from .operations import (
    AveragePool,
    Concat,
    Convolution,
    Dense,
    MaxPool,
    Operation,
    Permute,
    Rectify,
    Reshape,
    Scale,
    Sum,
)
from .plain import plain_outputs
from .prepared import bounded_arithmetic
from .residues import Moduli, largest_modulus, primes_below, reduce_, residues_of
from .tensor_network import TensorNetwork
from .torch_settings import full_products
from .torch_windows import convolve, pool_sum, window_counts, window_entries
from .windows import window_indices
from .working_memory import samples_at_once

Array = npt.NDArray[Any]
Tensor = Any
Progress = Callable[[int, int], None]

MOST_BITS = 1500
"""Beyond this many bits residues do not pay."""
_NARROW, _DEEP = 32, 8
"""Deep narrow sequences, such as digit packing, go to the engines for them: matrix products do not pay."""
_CHUNK_ENTRIES = 1 << 20
"""Entries of the widest layer that are worked on at once: they fit the processor's cache."""


def tensor_outputs(network: TensorNetwork, data: Samples, progress: Progress | None = None) -> Array:
    """Return F(x) for every sample, exactly.

    Parameters
    ----------
    network : TensorNetwork
    data : Dataset or ClassDataset
    progress : callable, optional
        Called with (samples done, samples in all).

    Returns
    -------
    object array of Rational, shape (n_samples, output_dim)

    Notes
    -----
    The cost is that of some ten float64 passes for float32 weights.
    """
    narrow = network.is_chain_of_layers and network.width <= _NARROW and network.depth >= _DEEP
    evaluator = None if narrow else ResidueEvaluator.of(network, data)
    if evaluator is None:
        return _by_plain_routes(network, data, progress)
    outputs = np.empty((data.n_samples, network.output_dim), dtype=object)
    size = samples_at_once(network, _CHUNK_ENTRIES, least=16, copies=1 + evaluator.n_primes)
    for part in chunks(data.n_samples, size):
        outputs[part] = evaluator.outputs(data, part)
        if progress is not None:
            progress(part.stop, data.n_samples)
    return outputs


def _by_plain_routes(network: TensorNetwork, data: Samples, progress: Progress | None) -> Array:
    if network.is_chain_of_layers:
        from ..evaluation.exact import evaluate_exact

        points = data.samples if isinstance(data, ClassDataset) else data
        return evaluate_exact(network.to_network(), points, progress)
    outputs = np.empty((data.n_samples, network.output_dim), dtype=object)
    for part in chunks(data.n_samples, 64):
        rationals = np.array([data.point(index) for index in range(part.start, part.stop)], dtype=object)
        outputs[part] = plain_outputs(network, rationals)
        if progress is not None:
            progress(part.stop, data.n_samples)
    return outputs


@dataclass
class _Value:
    """A layer's values: floats with bounds, and residues or one exact small integer each."""

    bounded: Bounded
    residues: list[Tensor]
    small: Tensor | None = None
    largest: int = 0
    """At least every absolute value of ``small``."""


class ResidueEvaluator:
    """Everything that a network's exact evaluation needs to prepare once."""

    def __init__(self, network: TensorNetwork, layers: list[FixedLayer], moduli: Moduli) -> None:
        self._network = network
        self._layers = layers
        self._moduli = moduli
        self._floats = bounded_arithmetic(network, FLOAT64)
        self._constants: dict[int, list[tuple[Tensor, Tensor]]] = {}
        self._limbs: dict[tuple[int, int], list[Tensor]] = {}

    @property
    def n_primes(self) -> int:
        """Residues of every value."""
        return len(self._moduli.primes)

    @classmethod
    def of(cls, network: TensorNetwork, data: Samples) -> ResidueEvaluator | None:
        """Prepare, or return None where residues do not pay."""
        if data.numerators is None:
            return None
        layers = fixed_layers(network, data.denominator)
        bits = needed_bits(network, layers, largest_sample_norm(data))
        if not bits < MOST_BITS:
            return None
        terms = max([_terms(node.operation) for node in network.nodes])
        bound = largest_modulus(terms)
        count = max(1, -(-int(bits + 1) // (bound.bit_length() - 2)))
        primes = primes_below(bound, count)
        while Moduli.of(primes).product.bit_length() <= bits + 1:
            primes = primes_below(bound, len(primes) + 1)
        return cls(network, layers, Moduli.of(primes))

    def outputs(self, data: Samples, part: slice) -> Array:
        """Return the exact outputs of some samples."""
        import torch

        numerators = np.asarray(data.numerators)[part].reshape(-1, *self._network.input_shape)
        bounded = float_inputs(data, part, FLOAT64, self._network.input_shape)
        largest = largest_absolute(numerators)
        if largest is not None and largest < 1 << 40:
            small = torch.from_numpy(numerators.astype(np.float64))
            given = _Value(bounded, [], small, largest)
        else:
            given = _Value(
                bounded, [torch.from_numpy(residues_of(numerators, p)) for p in self._moduli.primes]
            )
        with full_products():
            last = interpret(self._network, given, self._apply)
        denominator = self._layers[-1].denominator
        integers = self._integers(last, (...,))
        values = np.empty(len(integers), dtype=object)
        values[:] = [mpq(value, denominator) for value in integers]
        return values.reshape(-1, self._network.output_dim)

    def _apply(self, number: int, operation: Operation, given: Sequence[_Value]) -> _Value:
        bounded = self._floats(number, operation, [value.bounded for value in given])
        first, layer = given[0], self._layers[number]
        match operation:
            case Dense() | Convolution():
                if first.small is not None:
                    return _Value(bounded, self._from_small(number, operation, layer, first))
                return _Value(bounded, self._multiplied(number, operation, layer, first.residues))
            case Rectify():
                return self._rectified(bounded, first)
            case MaxPool():
                return self._largest(operation, bounded, first)
            case Reshape(shape):
                return _mapped(bounded, first, lambda part: part.reshape(len(part), *shape))
            case Permute(axes):
                return _mapped(bounded, first, lambda part: part.permute(0, *[axis + 1 for axis in axes]))
            case _:
                return _Value(bounded, self._others(number, operation, layer, given))

    def _others(
        self, number: int, operation: Operation, layer: FixedLayer, given: Sequence[_Value]
    ) -> list[Tensor]:
        import torch

        parts = [self._as_residues(value) for value in given]
        primes, residues = self._moduli.primes, []
        for index, prime in enumerate(primes):
            factors = [self._factors(layer, source)[index] for source in range(len(given))]
            scaled = [
                reduce_(part[index] * factor, prime) for part, factor in zip(parts, factors, strict=True)
            ]
            if isinstance(operation, Scale):
                weight, bias = self._residues(number, layer)[index]
                residues.append(reduce_(reduce_(scaled[0] * weight, prime) + bias, prime))
            elif isinstance(operation, Sum):
                residues.append(reduce_(torch.stack(scaled).sum(dim=0), prime))
            elif isinstance(operation, Concat):
                residues.append(torch.cat(scaled, dim=operation.axis + 1))
            elif isinstance(operation, AveragePool):
                counts = window_counts(operation, tuple(parts[0][index].shape[1:]))
                shares = torch.tensor(
                    [[float(layer.factors[0] // count % prime) for count in row] for row in counts],
                    dtype=torch.float64,
                    device="cpu",
                )
                total = reduce_(pool_sum(operation, parts[0][index]), prime)
                residues.append(reduce_(total * shares, prime))
        return residues

    def _from_small(
        self, number: int, operation: Dense | Convolution, layer: FixedLayer, given: _Value
    ) -> list[Tensor]:
        """Multiply small integers by long weights: exact products limb by limb, then residues."""
        primes = self._moduli.primes
        terms = _terms(operation)
        limb_bits = (1 << 53).bit_length() - 2 - (terms * max(1, given.largest)).bit_length()
        limbs = self._limbs_of(number, layer, limb_bits) if limb_bits >= 8 else []
        if not limbs or len(limbs) >= len(primes):
            return self._multiplied(number, operation, layer, self._as_residues(given))
        products = [_linear(operation, given.small, limb) for limb in limbs]
        residues = []
        for index, prime in enumerate(primes):
            factor = int(layer.factors[0] % prime)
            total: Tensor = None
            for place, product in enumerate(products):
                weight = pow(2, limb_bits * place, prime) * factor % prime
                term = reduce_(product.clone(), prime)
                if weight != 1:
                    term = reduce_(term.mul_(float(_centered(weight, prime))), prime)
                total = term if total is None else total.add_(term)
            bias = self._residues(number, layer)[index][1]
            residues.append(reduce_(_shifted(total, bias), prime))
        return residues

    def _multiplied(
        self, number: int, operation: Dense | Convolution, layer: FixedLayer, parts: Sequence[Tensor]
    ) -> list[Tensor]:
        residues = []
        for (weight, bias), factor, part, prime in zip(
            self._residues(number, layer), self._factors(layer, 0), parts, self._moduli.primes, strict=True
        ):
            product = reduce_(_linear(operation, part, weight), prime)
            residues.append(reduce_(_shifted(product.mul_(factor), bias), prime))
        return residues

    def _rectified(self, bounded: Bounded, given: _Value) -> _Value:
        import torch

        if given.small is not None:
            return _Value(bounded, [], given.small.clamp(min=0), given.largest)
        before, error = given.bounded.values, given.bounded.entry_errors(0, len(bounded.values))
        margin = torch.from_numpy(error)
        keep = before > margin
        unclear = ~(keep | (before < -margin))
        if bool(unclear.any()):
            integers = self._integers(given, unclear)
            keep[unclear] = torch.from_numpy(np.array([value > 0 for value in integers], dtype=bool))
        mask = keep.to(torch.float64)
        return _Value(bounded, [part * mask for part in given.residues])

    def _largest(self, operation: MaxPool, bounded: Bounded, given: _Value) -> _Value:
        shape = bounded.values.shape
        if given.small is not None:
            largest = window_entries(operation, given.small, float("-inf")).amax(dim=2)
            return _Value(bounded, [], largest.reshape(shape), given.largest)
        windows = window_entries(operation, given.bounded.values, float("-inf"))
        best = windows.argmax(dim=2, keepdim=True)
        if windows.shape[2] > 1:
            first, second = windows.topk(2, dim=2).values.unbind(dim=2)
            margin = 2.5 * _tensor(given.bounded.error).reshape(-1, 1, 1)
            samples, channels, places = (~(first - second > margin)).nonzero(as_tuple=True)
            if len(samples):
                found = self._best_of(operation, given, windows, (samples, channels, places))
                best[samples, channels, 0, places] = found
        parts = [
            window_entries(operation, part, 0.0).gather(2, best)[:, :, 0].reshape(shape)
            for part in given.residues
        ]
        return _Value(bounded, parts)

    def _best_of(
        self, operation: MaxPool, given: _Value, windows: Tensor, where: tuple[Tensor, Tensor, Tensor]
    ) -> Tensor:
        """Return which entry is the largest of windows that floats leave open.

        Entries with the same residues are equal, as zeros after a ReLU are; only where the
        entries that may be the largest differ are their integers put together.
        """
        samples, channels, places = where
        floats = windows[samples, channels, :, places]
        shape = tuple(given.bounded.values.shape[1:])
        taps = window_indices(
            shape, operation.kernel, operation.strides, operation.pads, operation.dilations
        )
        inside = _tensor(taps >= 0)[places]
        floor = floats.amax(dim=1) - 2.5 * _tensor(given.bounded.error)[samples]
        near = ~(floats < floor[:, None]) & inside
        best = near.double().argmax(dim=1)
        rows = [
            window_entries(operation, part, 0.0)[samples, channels, :, places] for part in given.residues
        ]
        differ: Tensor = None
        for row, prime in zip(rows, self._moduli.primes, strict=True):
            other = (reduce_(row - row.gather(1, best[:, None]), prime) != 0) & near
            differ = other if differ is None else differ | other
        open_ = differ.any(dim=1).nonzero()[:, 0]
        chosen = near[open_]
        integers = iter(self._moduli.integers([row[open_][chosen].numpy() for row in rows]))
        for place, candidates in zip(open_.tolist(), chosen.tolist(), strict=True):
            values = {tap: next(integers) for tap, is_near in enumerate(candidates) if is_near}
            best[place] = max(values, key=lambda tap: values[tap])
        return best

    def _integers(self, value: _Value, where: Any) -> list[Integer]:
        if value.small is not None:
            return [mpz(int(entry)) for entry in value.small[where].ravel().tolist()]
        return self._moduli.integers([part[where].numpy() for part in value.residues])

    def _as_residues(self, value: _Value) -> list[Tensor]:
        if value.small is None:
            return value.residues
        return [reduce_(value.small.clone(), prime) for prime in self._moduli.primes]

    def _residues(self, number: int, layer: FixedLayer) -> list[tuple[Tensor, Tensor]]:
        import torch

        if number not in self._constants:
            weight, bias = np.asarray(layer.weight), np.asarray(layer.bias)
            self._constants[number] = [
                (torch.from_numpy(residues_of(weight, prime)), torch.from_numpy(residues_of(bias, prime)))
                for prime in self._moduli.primes
            ]
        return self._constants[number]

    def _factors(self, layer: FixedLayer, source: int) -> list[float]:
        return [
            float(_centered(int(layer.factors[source] % prime), prime)) for prime in self._moduli.primes
        ]

    def _limbs_of(self, number: int, layer: FixedLayer, bits: int) -> list[Tensor]:
        import torch

        if (number, bits) not in self._limbs:
            rest = np.asarray(layer.weight)
            limbs: list[Tensor] = []
            while np.any(rest != 0):
                if len(limbs) >= len(self._moduli.primes):
                    break
                low = rest - ((rest + (1 << (bits - 1))) >> bits << bits)
                limbs.append(torch.from_numpy(low.astype(np.float64)))
                rest = (rest - low) >> bits
            self._limbs[number, bits] = limbs
        return self._limbs[number, bits]


def _tensor(array: Array) -> Tensor:
    """Return a NumPy array as a tensor that shares its memory."""
    import torch

    return torch.from_numpy(np.ascontiguousarray(array))


def _mapped(bounded: Bounded, given: _Value, function: Callable[[Tensor], Tensor]) -> _Value:
    if given.small is not None:
        return _Value(bounded, [], function(given.small), given.largest)
    return _Value(bounded, [function(part) for part in given.residues])


def _linear(operation: Dense | Convolution, part: Tensor, weight: Tensor) -> Tensor:
    import torch

    if isinstance(operation, Dense):
        return part @ weight.T
    return convolve(operation, part, weight, torch.zeros_like(weight[:, 0, 0, 0]))


def _shifted(product: Tensor, bias: Tensor) -> Tensor:
    return product.add_(bias.reshape(-1, *(1,) * (product.dim() - 2)))


def _terms(operation: Operation) -> int:
    if isinstance(operation, Dense | Convolution):
        return prod(operation.weight.shape[1:])
    if isinstance(operation, AveragePool | MaxPool):
        return operation.kernel[0] * operation.kernel[1]
    return 8


def _centered(value: int, prime: int) -> int:
    return value - prime if value > prime // 2 else value
