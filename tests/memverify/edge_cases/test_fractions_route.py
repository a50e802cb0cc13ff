import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from memverify.edge_cases.fractions_route import fraction_outputs
from memverify.tensors.exact_array import ExactArray
from memverify.tensors.operations import (
    AveragePool,
    Concat,
    Convolution,
    Dense,
    MaxPool,
    Permute,
    Rectify,
    Reshape,
    Scale,
    Sum,
)
from memverify.tensors.plain import plain_outputs
from memverify.tensors.tensor_network import TensorNetwork, TensorNode


def exact(random, *shape):
    numbers = [f"{random.randint(-9, 9)}/{random.randint(1, 7)}" for _ in range(int(np.prod(shape)))]
    return ExactArray(np.array(numbers, dtype=object).reshape(shape))


@given(st.randoms(use_true_random=False), st.integers(1, 2), st.integers(0, 1), st.booleans())
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_every_operation_agrees_with_the_plain_route(random, stride, pad, include_pad):
    pads = (pad, 0, 0, pad)
    shape = (4, 5, 4)
    convolution = Convolution(exact(random, 6, 2, 2, 2), exact(random, 6), (stride, 1), pads, (1, 2), 2)
    nodes = [
        TensorNode(convolution, (0,)),
        TensorNode(Rectify(), (1,)),
        TensorNode(Scale(exact(random, 6, 1, 1), exact(random, 1)), (2,)),
        TensorNode(Sum(), (1, 3)),
        TensorNode(MaxPool((2, 1), (1, 1), (pad, 0, 0, 0)), (4,)),
        TensorNode(AveragePool((2, 1), (1, 1), (pad, 0, 0, 0), include_pad), (4,)),
        TensorNode(Concat(1), (5, 6)),
        TensorNode(Permute((2, 0, 1)), (7,)),
    ]
    inner = TensorNetwork(
        shape,
        (
            *nodes[:7],
            TensorNode(Permute((2, 0, 1)), (7,)),
            TensorNode(Reshape((size(nodes, shape),)), (8,)),
        ),
    )
    last = TensorNode(Dense(exact(random, 2, inner.output_dim), exact(random, 2)), (9,))
    network = TensorNetwork(shape, (*inner.nodes, last))
    points = exact(random, 2, network.input_dim).rationals()
    found = np.array(fraction_outputs(network, points.tolist()), dtype=object)
    assert np.all(found == plain_outputs(network, points))


def size(nodes, shape):
    shapes = [shape]
    for node in nodes:
        shapes.append(node.operation.output_shape(*[shapes[source] for source in node.sources]))
    return int(np.prod(shapes[-1]))
