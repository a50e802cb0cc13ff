import hashlib
import json
import os
import subprocess
import sys
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memverify.certification import checker
from memverify.certification.checker import main

from .naive_checker import CHECKER, dump, naive_certificate, naive_output, run, sha, write_case


def decimal_text(value):
    """Decimal digits by a method of their own: repeated division by a small power of ten."""
    pieces = []
    while value >= 10**300:
        value, low = divmod(value, 10**300)
        pieces.append(str(low).zfill(300))
    return str(value) + "".join(reversed(pieces))


@pytest.mark.parametrize("digits", [1, 511, 512, 513, 1024, 1025, 3999, 4000, 4001, 4300, 4301, 20_000])
def test_canonical_numbers_of_every_length(digits):
    for value in (10 ** (digits - 1), 10**digits - 1, 7**digits % 10**digits):
        text = decimal_text(value)
        assert checker._number(text) == value
        assert checker._number("-000" + text) == -value
        assert checker._number(hex(value).upper().replace("X", "x")) == value
        canonical = checker.canonical_number(-value)
        assert canonical == ("-" + text if len(text) <= 4000 else hex(-value))
        both = checker.canonical_number(Fraction(3, value)) if value % 3 else "3/"
        assert both.startswith("3/") or value == 1


def test_weight_of_20000_digits(tmp_path, capsys):
    digits = "123456789" * 2222 + "99"
    value = int.from_bytes(hashlib.sha256(b"").digest(), "big")
    exact = Fraction(checker._integer(digits))
    assert exact == sum(123456789 * 10 ** (9 * i + 2) for i in range(2222)) + 99  # without checker's method
    plain = {"format": "memverify-network", "version": 1, "input_dim": 1}
    network = plain | {"layers": [{"weight": [[[0, digits + "/7"]]], "bias": ["-1"]}]}
    canonical = plain | {"layers": [{"weight": [[[0, hex(exact.numerator) + "/7"]]], "bias": ["-1"]}]}
    if exact % 7 == 0:
        pytest.fail("choose digits that 7 does not divide")
    margin = exact * value / 7 - 1
    certificate = naive_certificate(
        plain | {"layers": [{"weight": [[[0, "1"]]], "bias": ["-1"]}]}, [([value], 1)]
    )
    certificate["min_margin"] = f"{hex(margin.numerator)}/{hex(margin.denominator)}"
    certificate["network_sha256"] = sha(dump(canonical))
    paths = write_case(tmp_path, dump(certificate), dump(network), f"{value},1\n")
    assert main(paths) == 0
    assert len(capsys.readouterr().out) < 200
    environment = {"PYTHONINTMAXSTRDIGITS": "640", "PATH": os.environ.get("PATH", "")}
    command = [sys.executable, str(CHECKER), *paths]
    assert subprocess.run(command, env=environment, capture_output=True, check=False).returncode == 0
    certificate["min_margin"] = f"{hex(margin.numerator + 1)}/{hex(margin.denominator)}"
    assert run(certificate, network, [([value], 1)]).exit_code == 1


small = st.fractions(min_value=-4, max_value=4, max_denominator=12)
numbers = st.one_of(
    small,
    st.integers(-2, 2).map(Fraction),
    st.builds(lambda a, k: Fraction(a, 2**k), st.integers(-99, 99), st.integers(0, 40)),
    st.builds(Fraction, st.integers(-(2**90), 2**90), st.integers(1, 2**80)),
)


@st.composite
def problems(draw):
    sizes = [*draw(st.lists(st.integers(1, 4), min_size=1, max_size=5)), 1]
    layers = []
    for inputs, outputs in pairwise(sizes):
        dense = draw(st.lists(numbers, min_size=inputs * outputs, max_size=inputs * outputs))
        rows = [dense[r * inputs : (r + 1) * inputs] for r in range(outputs)]
        weight = [[[c, str(w)] for c, w in enumerate(row) if w] for row in rows]
        bias = [str(b) for b in draw(st.lists(numbers, min_size=outputs, max_size=outputs))]
        layers.append({"weight": weight, "bias": bias})
    network = {"format": "memverify-network", "version": 1, "input_dim": sizes[0], "layers": layers}
    point = st.lists(numbers, min_size=sizes[0], max_size=sizes[0])
    points = draw(st.lists(point, min_size=1, max_size=5, unique_by=tuple))
    labels = [draw(st.sampled_from([-1, 1])) for _ in points]
    if draw(st.booleans()):  # most random labels are wrong; half the time take the network's own
        labels = [1 if naive_output(network, p) > 0 else -1 for p in points]
    return network, list(zip(points, labels, strict=True))


@settings(max_examples=150, deadline=None)
@given(problems())
def test_agrees_with_the_naive_forward_pass(problem):
    network, samples = problem
    layers = checker._read_network(dump(network).encode())[2]
    for point, _ in samples:
        assert checker._output(layers, point) == naive_output(network, point)
    certificate = naive_certificate(network, samples)
    report = run(certificate, network, samples)
    assert report.certificate_is_true, report.reason
    assert report.verdict == certificate["verdict"]
    key = "min_margin" if report.exit_code == 0 else "counterexample"
    wrong = certificate[key]
    if key == "min_margin":
        wrong = str(Fraction(wrong) + Fraction(1, 10**60))
    else:
        wrong = wrong | {"output": str(Fraction(wrong["output"]) - Fraction(1, 10**60))}
    assert not run(certificate | {key: wrong}, network, samples).certificate_is_true


def test_coprime_denominators_take_the_rational_path():
    primes = [p for p in range(1000, 5000) if all(p % d for d in range(2, 71))]
    row = [[c, f"{(-1) ** c}/{primes[c]}"] for c in range(480)]
    layers = [
        {"weight": [row, [[c, str(c % 5 - 2)] for c in range(480)]], "bias": ["1/7", "-3"]},
        {"weight": [[[0, "2/3"], [1, "-1/1000"]]], "bias": ["-1/9"]},
    ]
    network = {"format": "memverify-network", "version": 1, "input_dim": 480, "layers": layers}
    prepared = checker._read_network(dump(network).encode())[2]
    assert [type(offsets[0]) for _, offsets, _ in prepared] == [Fraction, int]
    for shift in range(3):
        point = [Fraction((c * c + shift) % 7 - 1, 1 + c % 3) for c in range(480)]
        assert checker._output(prepared, point) == naive_output(network, point)


def test_deep_network_whose_denominators_cancel():
    for factor in (2**70, 3**50):
        layers = [
            {"weight": [[[0, f"1/{factor}"]]], "bias": [f"1/{factor}"]},
            {"weight": [[[0, str(factor)]]], "bias": ["-1"]},
        ] * 100
        network = {"format": "memverify-network", "version": 1, "input_dim": 1, "layers": layers}
        prepared = checker._read_network(dump(network).encode())[2]
        assert checker._output(prepared, [Fraction(5, 11)]) == Fraction(5, 11)


@pytest.mark.parametrize("factor", [2**70, 3**50, 6**30])
def test_denominators_that_cancel_in_part(factor):
    rows = [[[0, f"5/{factor}"], [1, "1"]], [[0, "-2"], [1, f"{factor * 12}/7"]]]
    layers = [{"weight": rows, "bias": [f"1/{factor}", "3"]}] * 6
    layers = [*layers, {"weight": [[[0, "1"], [1, "-1/2"]]], "bias": ["-1"]}]
    network = {"format": "memverify-network", "version": 1, "input_dim": 2, "layers": layers}
    dyadic = json.loads(dump(network).replace("/7", ""))
    for net in (network, dyadic):
        prepared = checker._read_network(dump(net).encode())[2]
        for point in ([1, 0], [Fraction(3, 4), Fraction(1, 2**80)], [Fraction(1, 3), 5]):
            assert checker._output(prepared, point) == naive_output(net, point)
