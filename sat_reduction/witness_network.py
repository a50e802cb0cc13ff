"""Assignment to network and back: the (1, 2)-width network of a model, the model of a network.

`schemes` has the proofs: which signs make a memorizing network, and why the signs of the first
layer of any memorizing network d-1-2-1 are a model.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from gmpy2 import mpq

from memverify.network import Affine, Network, Row

from .cnf import Assignment, check_assignment
from .encoding import Encoding
from .errors import FormulaError, NotAModelError, UndecodableNetworkError
from .nae_form import balances

_LITERALS_SHOWN = 12


def witness(encoding: Encoding, assignment: Assignment) -> Network:
    r"""Return the network of an assignment, which memorizes the encoding's data set.

    Parameters
    ----------
    encoding : Encoding
    assignment : int8 array of -1 and +1
        Of the ``dimension`` variables of ``encoding.formula``, each constraint or clause having a
        true and a false literal; or, through the encoding's model map, a model of the source
        formula, of its variables.

    Returns
    -------
    Network
        z = Relu(k s.(x - c) + B), F = k h - Relu(z - B) - Relu(B - z), with the numbers of the
        scheme (for ``paper``: z = Relu(3 s.(x - 11/30) + 3) as printed, and
        F = 21/20 - Relu(z - 3) - Relu(3 - z)); d + 8 parameters. F(x) = k (h - \|s.(x - c)\|).

    Raises
    ------
    NotAModelError
        If a clause has only true or only false literals; the first one is named.
    FormulaError
        If the assignment has neither number of variables.

    Notes
    -----
    Section G.4, Part 1.2. Whether it memorizes the data is for `memverify.certify` to say.

    Examples
    --------
    >>> from .cnf import Formula
    >>> from .encoding import encode
    >>> net = witness(encode(Formula.of([[1, -2], [2]]), "nae"), [1, 1])
    >>> net.num_parameters, [layer.out_dim for layer in net.layers]
    (12, [1, 2, 1])
    """
    signs = _checked_signs(encoding, assignment)
    scheme = encoding.scheme
    k, bias = scheme.slope, scheme.bias
    weights = {1: k, -1: -k}
    first = Row(
        tuple(range(encoding.dimension)),
        tuple([weights[sign] for sign in signs.tolist()]),
        bias - k * scheme.centre * int(signs.sum(dtype=np.int64)),
    )
    # the literal reading memorizes only if |Q.s| / 12 <= 4/12 = a: then h is that of six literals
    height = scheme.threshold(() if encoding.literal else encoding.widths)
    return Network.sequential(
        [
            Affine(encoding.dimension, (first,)),
            Affine(1, (Row((0,), (mpq(1),), -bias), Row((0,), (mpq(-1),), bias))),
            Affine(2, (Row((0, 1), (mpq(-1), mpq(-1)), k * height),)),
        ]
    )


def decode(network: Network, encoding: Encoding) -> Assignment:
    """Read the signs of a network's first layer, and check that they are a model.

    Parameters
    ----------
    network : Network
        With one unit in its first layer, and weights of any size. If it is d-1-2-1 and
        memorizes the encoding's data set, then decoding succeeds (not so for data of the
        literal reading); whether it does is not checked here.
    encoding : Encoding

    Returns
    -------
    int8 array, shape (dimension,)
        An assignment under which every clause of ``encoding.formula`` has a true and a false
        literal, whatever the network is.

    Raises
    ------
    UndecodableNetworkError
        If the first layer has more units, a weight of it is 0, or the signs give a clause only
        true or only false literals; the message says which.

    Notes
    -----
    Section G.4, Part Two. The opposite signs are such an assignment too.

    Examples
    --------
    >>> from .cnf import Formula
    >>> from .encoding import encode
    >>> encoding = encode(Formula.of([[1, -2], [2]]), "nae")
    >>> decode(witness(encoding, [1, 1]), encoding).tolist()
    [1, 1, -1, -1]
    """
    d = encoding.dimension
    if network.input_dim != d:
        raise UndecodableNetworkError(
            f"a network of {network.input_dim} inputs; the data set has {d} features"
        )
    if not network.is_sequential or len(network.layers) < 2 or network.layers[0].out_dim != 1:
        raise UndecodableNetworkError(
            "the first layer has not exactly one unit; only such a network has signs"
        )
    (row,) = network.layers[0].rows
    signs = np.zeros(d, dtype=np.int8)
    signs[list(row.columns)] = [1 if weight > 0 else -1 for weight in row.weights]
    if not np.all(signs):
        raise UndecodableNetworkError(
            f"the first layer has the weight 0 for feature {int(np.argmin(np.abs(signs)))} (counted from "
            "0): the network does not memorize the data set"
        )
    clauses = encoding.point_literals
    equal = np.abs(balances(clauses, signs)) == clauses.widths
    if np.any(equal):
        consequence = "no network d-1-2-1 with such signs memorizes the data set"
        if encoding.literal:
            consequence = "in the literal reading that can be"
        raise UndecodableNetworkError(
            f"the signs of the first layer {_trouble(encoding, equal)}: {consequence}"
        )
    return signs


def source_assignment(encoding: Encoding, model: Assignment) -> Assignment:
    """Map a model of the encoding's formula to one of the formula that it was made from.

    Parameters
    ----------
    encoding : Encoding
        Without a model map, its formula is its own source.
    model : int8 array, shape (dimension,)
        Each clause of ``encoding.formula`` has a true and a false literal.

    Returns
    -------
    int8 array

    Raises
    ------
    NotAModelError
        If a clause has not.

    Examples
    --------
    >>> from .cnf import Formula
    >>> from .encoding import encode
    >>> encoding = encode(Formula.of([[1, -2], [2]]), "nae")
    >>> source_assignment(encoding, [-1, -1, 1, 1]).tolist()
    [1, 1]
    """
    signs = check_assignment(model, encoding.dimension)
    _check_signs(encoding, signs)
    return signs if encoding.model_map is None else encoding.model_map.backward(signs)


def _checked_signs(encoding: Encoding, assignment: Assignment) -> Assignment:
    """Return the signs of an assignment of either formula; the model map checks what it maps."""
    size, model_map = len(assignment), encoding.model_map
    if size == encoding.dimension:
        signs = check_assignment(assignment, size)
        _check_signs(encoding, signs)
        return signs
    if model_map is None:
        raise FormulaError(f"{size} values; the formula of the data set has {encoding.dimension} variables")
    if size != model_map.n_source:
        raise FormulaError(
            f"{size} values; the formula of the data set has {encoding.dimension} variables, its source "
            f"{model_map.n_source}"
        )
    return model_map.forward(encoding.formula, check_assignment(assignment, size))


def _check_signs(encoding: Encoding, signs: Assignment) -> None:
    """Raise unless e |Q.s| < b for every clause: NAE, save for the literal reading."""
    scheme, clauses = encoding.scheme, encoding.point_literals
    limits = np.zeros(max(encoding.widths, default=0) + 1, dtype=np.int64)
    for width in encoding.widths:
        bound = scheme.outer / encoding.offset(width)
        limits[width] = next(v for v in range(width, -1, -1) if v < bound)
    wrong = np.abs(balances(clauses, signs)) > limits[clauses.widths]
    if np.any(wrong):
        raise NotAModelError(f"no model of the data set's formula: the signs {_trouble(encoding, wrong)}")


def _trouble(encoding: Encoding, wrong: npt.NDArray[np.bool_]) -> str:
    clause = int(np.argmax(wrong))
    literals = encoding.point_literals.clause(clause)
    shown = " ".join(map(str, literals[:_LITERALS_SHOWN]))
    if len(literals) > _LITERALS_SHOWN:
        shown += " ..."
    kind = "constraint" if encoding.scheme.name == "nae" else "clause"
    return f"give {kind} {clause + 1} of {encoding.formula.n_clauses}, ({shown}), only equal literals"
