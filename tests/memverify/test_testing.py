import subprocess
import sys

import numpy as np
import pytest
import torch

from memverify.edge_cases import load_edge_case
from memverify.errors import MemverifyError, UnknownNameError
from memverify.tensors.operations import Dense, Rectify
from memverify.testing import assert_exact_signs, edge_cases

SMALL = ["zero-difference", "tie", "tiny-input", "sat-dyadic", "weight-beyond-one"]


def numpy_forward(case, dtype, flush=False):
    """A chain of dense layers in NumPy; subnormal numbers become 0 if asked."""

    def forward(x):
        for node in case.network.nodes:
            operation = node.operation
            if isinstance(operation, Dense):
                weight, bias = operation.weight.nearest(dtype), operation.bias.nearest(dtype)
                with np.errstate(all="ignore"):
                    x = x @ weight.T + bias
            elif isinstance(operation, Rectify):
                x = np.maximum(x, 0)
            if flush:
                x = np.where(np.abs(x) < np.finfo(dtype).tiny, 0, x).astype(dtype)
        return x

    return forward


@pytest.mark.parametrize("case", edge_cases(["summation-order", "output-power"], most_bits=22))
def test_used_as_users_do(case):
    assert_exact_signs(numpy_forward(case, np.float32), case)


class TestParameters:
    def test_ids_are_names(self):
        parameters = edge_cases(["sat", "tenths"])
        assert [p.id for p in parameters] == [p.values[0].name for p in parameters]
        assert len(edge_cases()) >= 300

    def test_filters(self):
        for parameter in edge_cases(["weight-beyond-one", "tenths"], representable="float32"):
            assert parameter.values[0].is_representable("float32")
        assert [p.values[0].bits for p in edge_cases(["weight-beyond-one"], representable="float32")][
            -1
        ] == 23
        assert max(p.values[0].bits for p in edge_cases(["digit-packing"], most_bits=53)) == 53
        with pytest.raises(UnknownNameError):
            edge_cases(["sit"])

    def test_pytest_is_imported_there_alone(self):
        code = "import sys, memverify.testing; sys.exit('pytest' in sys.modules)"
        assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


class TestAssertion:
    def test_the_message_names_everything(self):
        case = load_edge_case("output-power-024")
        with pytest.raises(AssertionError) as caught:
            assert_exact_signs(numpy_forward(case, np.float32), case)
        text = str(caught.value)
        assert "output-power-024: 3 of 9 samples have a wrong sign in float32" in text
        assert "first sample 0 (counted from 0): exact sign +, exact value 1/16777216" in text
        assert "float sign 0, float output 0.0" in text
        assert "every weight and input is a float32 number" in text
        assert_exact_signs(numpy_forward(case, np.float64), case, dtype="float64")

    def test_classes(self):
        case = load_edge_case("near-tie-of-classes-024")
        with pytest.raises(AssertionError, match=r"exact class 0, .* float class none \(a tie\)"):
            assert_exact_signs(numpy_forward(case, np.float32), case)

    def test_not_finite(self):
        case = load_edge_case("hidden-overflow-0126")
        with pytest.raises(
            AssertionError, match="float sign none, since it is not finite, float output nan"
        ):
            assert_exact_signs(numpy_forward(case, np.float32), case)

    def test_long_values_are_cut_short(self):
        case = load_edge_case("tiny-input-1100")
        with pytest.raises(AssertionError, match=r"exact value about 7\.36215e-332; float sign 0"):
            assert_exact_signs(numpy_forward(case, np.float64), case, dtype="float64")

    def test_rounding_is_stated(self):
        case = load_edge_case("tenths")
        with pytest.raises(
            AssertionError, match="3 weights and 0 inputs are no float64 numbers and were rounded"
        ):
            assert_exact_signs(numpy_forward(case, np.float64), case, dtype="float64")

    def test_flush_to_zero_shows(self):
        for name in ("tiny-input-0127", "tiny-difference-0130", "tiny-product-0140"):
            case = load_edge_case(name)
            assert_exact_signs(numpy_forward(case, np.float32), case)
            with pytest.raises(AssertionError, match=f"{name}: 2 of 3 samples"):
                assert_exact_signs(numpy_forward(case, np.float32, flush=True), case)

    def test_shapes(self):
        case = load_edge_case("summation-order-012")
        assert_exact_signs(lambda x: x.sum(axis=1), case)
        assert_exact_signs(lambda x: x.sum(axis=1, keepdims=True), case)
        assert_exact_signs(lambda x: x.sum(axis=1).tolist(), case)
        for bad in (lambda x: x, lambda x: x.sum(axis=1)[:-1], lambda x: np.array(["a"] * len(x))):
            with pytest.raises(MemverifyError, match="it must give floats of shape"):
                assert_exact_signs(bad, case)
        with pytest.raises(MemverifyError, match="the dtype is one of"):
            assert_exact_signs(lambda x: x.sum(axis=1), case, dtype="float8")

    def test_half_precision(self):
        case = load_edge_case("summation-order-012")
        with pytest.raises(AssertionError, match="wrong sign in float16"):
            assert_exact_signs(lambda x: x.cumsum(axis=1, dtype=np.float16)[:, -1], case, dtype="float16")


class TestTorch:
    def module(self, case, dtype):
        layers = []
        for node in case.network.nodes:
            operation = node.operation
            if isinstance(operation, Dense):
                layer = torch.nn.Linear(*operation.weight.shape[::-1], dtype=dtype)
                layer.weight.data = torch.from_numpy(operation.weight.floats.copy()).to(dtype)
                layer.bias.data = torch.from_numpy(operation.bias.floats.copy()).to(dtype)
                layers.append(layer)
            else:
                layers.append(torch.nn.ReLU())
        return torch.nn.Sequential(*layers)

    def test_modules_and_tensors(self):
        case = load_edge_case("hidden-cancellation-030")
        assert_exact_signs(self.module(case, torch.float64), case, dtype="float64")
        with pytest.raises(AssertionError, match="wrong sign in float32"):
            assert_exact_signs(self.module(case, torch.float32), case)
        double = self.module(case, torch.float64)
        assert_exact_signs(lambda x: double(torch.from_numpy(x).double()), case)
        half = self.module(case, torch.bfloat16)
        with pytest.raises(AssertionError):
            assert_exact_signs(lambda x: half(torch.from_numpy(x).bfloat16()), case)

    def test_images(self):
        case = load_edge_case("channel-cancellation-020")
        assert case.float_points("float32").shape == (3, 3, 2, 2)

        def forward(x):
            return (x[:, 0] + x[:, 1] - x[:, 2]).sum(axis=(1, 2))

        assert_exact_signs(forward, case)

    def test_torch_that_flushes(self):
        case = load_edge_case("tiny-input-0130")
        if not torch.set_flush_denormal(True):
            pytest.skip("this processor does not flush")
        try:
            with pytest.raises(AssertionError, match="2 of 3 samples"):
                assert_exact_signs(lambda x: torch.from_numpy(x) * 1, case)
        finally:
            torch.set_flush_denormal(False)
        assert_exact_signs(lambda x: torch.from_numpy(x) * 1, case)


def test_onnxruntime_session(tmp_path):
    onnxruntime = pytest.importorskip("onnxruntime")
    from memverify.interchange.onnx_writer import write_onnx

    for name, right in (("hidden-cancellation-020", True), ("hidden-cancellation-025", False)):
        case = load_edge_case(name)
        path = str(tmp_path / f"{name}.onnx")
        write_onnx(case.network, path, "float32")
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        (given,) = session.get_inputs()

        def forward(x, session=session, given=given):
            return session.run(None, {given.name: x})[0]

        if right:
            assert_exact_signs(forward, case)
        else:
            with pytest.raises(AssertionError, match="wrong sign"):
                assert_exact_signs(forward, case)


def test_a_parameter_is_its_case():
    (parameter,) = edge_cases("summation-order-012")
    (case,) = parameter.values
    outputs = [float(value) for value in case.outputs[:, 0]]
    assert_exact_signs(lambda points: outputs, parameter)
    with pytest.raises(MemverifyError, match="masked"):
        assert_exact_signs(lambda points: np.ma.array(outputs, mask=True), case)
