import pytest
import z3
from gmpy2 import mpq

from memverify.errors import MemverifyError
from memverify.interchange.smtlib import write_smtlib
from memverify.interchange.torch_module import from_torch
from memverify.tensors.exact_array import ExactArray
from memverify.tensors.operations import AveragePool, Dense, MaxPool, Rectify, Reshape, Scale
from memverify.tensors.plain import plain_outputs
from memverify.tensors.tensor_network import TensorNetwork

from .exact_points import rational_points
from .test_weight_files import every_operation
from .torch_models import Net, few_bit_points, with_few_bits

INTERVAL = TensorNetwork.chain(
    (1,),
    [
        Dense(ExactArray([[1], [-1]]), ExactArray([0, 1])),
        Rectify(),
        Dense(ExactArray([[-1, -1], [1, -2]]), ExactArray(["4/3", 0])),
    ],
)
"""1/3 between 0 and 1, falling to both sides; the second output is largest far to the right."""


def outputs_at(path, count):
    """Return what z3 says of the outputs, and its answer."""
    text = path.read_text()
    context = z3.Context()  # of its own: definitions stay in a context
    solver = z3.Solver(ctx=context)
    names = " ".join(f"(= o{index} y{index})" for index in range(count))
    declared = "".join(f"(declare-const o{index} Real)\n" for index in range(count))
    solver.from_string(f"{text.replace('(check-sat)', '')}\n{declared}(assert (and {names} true))")
    if solver.check() != z3.sat:
        return None
    model = solver.model()
    values = [model[z3.Real(f"o{index}", context)] for index in range(count)]
    return [mpq(value.numerator_as_long(), value.denominator_as_long()) for value in values]


def networks():
    yield every_operation(), (1, 4, 4)
    yield from_torch(with_few_bits(Net()), (1, 8, 8), notes=[]), (1, 8, 8)
    yield INTERVAL, (1,)
    thirds = Scale(ExactArray(["-1/3"]), ExactArray(["1/7"]))
    pools = [
        thirds,
        MaxPool((3, 2), (2, 1), (1, 1, 1, 0)),
        AveragePool((2, 2), pads=(0, 0, 1, 0)),
        Reshape((9,)),
    ]
    yield TensorNetwork.chain((1, 5, 4), pools), (1, 5, 4)


@pytest.mark.parametrize(("network", "shape"), list(networks()))
@pytest.mark.filterwarnings("ignore:.*float64 values")
def test_z3_finds_the_exact_outputs_at_points(network, shape, tmp_path):
    points = few_bit_points(shape, count=2)
    exact = plain_outputs(network, rational_points(points)).tolist()
    for row, values in zip(rational_points(points).tolist(), exact, strict=True):
        write_smtlib(network, tmp_path / "n.smt2", point=row)
        assert outputs_at(tmp_path / "n.smt2", network.output_dim) == values


def answer(path):
    solver = z3.Solver(ctx=z3.Context())
    solver.from_string(path.read_text())
    return str(solver.check())


def test_questions(tmp_path):
    path = tmp_path / "n.smt2"
    for threshold, expected in ((0, "sat"), ("33/100", "sat"), ("1/3", "unsat"), (2, "unsat")):
        write_smtlib(INTERVAL, path, threshold=threshold)
        assert answer(path) == expected
    write_smtlib(INTERVAL, path, winner=1)
    assert answer(path) == "sat"
    write_smtlib(INTERVAL, path, winner=1, point=["1/2"])
    assert answer(path) == "unsat"
    write_smtlib(INTERVAL, path)
    assert "check-sat" not in path.read_text()


def test_questions_that_do_not_fit(tmp_path):
    for options in ({"winner": 2}, {"winner": -1}, {"point": [1, 2]}, {"threshold": 0.5}):
        with pytest.raises(MemverifyError):
            write_smtlib(INTERVAL, tmp_path / "n.smt2", **options)
    assert not list(tmp_path.iterdir())


def test_networks_too_large_to_write_out_are_refused(tmp_path):
    network = TensorNetwork.chain(
        (1, 2000, 2000), [MaxPool((9, 9)), AveragePool((1992, 1992)), Reshape((1,))]
    )
    with pytest.raises(MemverifyError, match="limit"):
        write_smtlib(network, tmp_path / "n.smt2")
