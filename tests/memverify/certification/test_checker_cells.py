"""The independent checker on convex-cell networks, against the three layers written out."""

import gzip
import json
import math
import shutil
import subprocess
import sys
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memverify.certification import checker
from memverify.certification.checker import MalformedError, main

from .naive_cells import cell_certificate, cell_output, cell_text, layers_of
from .naive_checker import CHECKER, csv_text, dump, naive_certificate, naive_output, run, sha, write_case

POINTS = [[0, 0], [4, 0], [0, 4], [4, 4], [1, 2]]
LABELS = [-1, 1, 1, -1, -1]
TEXT = cell_text(POINTS, LABELS, denominator=4)
SAMPLES = [([Fraction(v, 4) for v in point], label) for point, label in zip(POINTS, LABELS, strict=True)]
CLAIM = cell_certificate(TEXT, SAMPLES)


def edited(**changes):
    return dump(json.loads(TEXT) | changes)


def replaced(key, index, value):
    entries = list(json.loads(TEXT)[key])
    entries[index] = value
    return edited(**{key: entries})


def test_a_true_certificate():
    report = run(CLAIM, TEXT, SAMPLES)
    assert (report.certificate_is_true, report.verdict, report.exit_code) == (True, "memorizes", 0)
    assert report.reason == "the network memorizes all 5 samples; margin 1/320 (sample 1)"
    assert CLAIM["architecture"]["depth"] == 3
    assert CLAIM["architecture"]["width"] == 2 * 2 * 3


def test_smallest_network():
    text = cell_text([[0], [1]], [1, -1], "1/4", "1/8")
    samples = [([0], 1), ([1], -1), ([Fraction(1, 4)], 1)]
    claim = cell_certificate(text, samples)
    # S_01(x) = -(x - 1/4) and S_10(x) = x - 3/4; r = 1/8.
    assert claim["min_margin"] == "1/8"
    # weights 2 + 2 + 2, biases 1/4 and -3/4 and twice r
    assert claim["architecture"]["num_nonzero"] == 10
    assert run(claim, text, samples).exit_code == 0


@pytest.mark.parametrize("between", [0, 1])
def test_zero_is_a_failure(between):
    text = cell_text([[0], [1]], [1, -1])
    samples = [([0], 1), ([Fraction(1, 2)], 2 * between - 1)]
    claim = cell_certificate(text, samples)
    assert claim["counterexample"] == {"index": 1, "label": 2 * between - 1, "output": "0"}
    report = run(claim | {"n_failures": 1, "n_zero": 1}, text, samples)
    assert (report.certificate_is_true, report.verdict, report.exit_code) == (True, "fails", 1)
    positive = cell_certificate(text, samples[:1]) | {
        "n_samples": 2,
        "dataset_sha256": claim["dataset_sha256"],
    }
    report = run(positive, text, samples)
    assert report.exit_code == 1
    assert "y*F(x) > 0, with 0 at sample 1" in report.reason


def test_counterexample_of_the_wrong_sign():
    samples = [*SAMPLES, ([Fraction(1, 8), 0], 1)]
    claim = cell_certificate(TEXT, samples)
    assert claim["counterexample"]["index"] == 5
    assert Fraction(claim["counterexample"]["output"]) < 0
    assert run(claim, TEXT, samples).verdict == "fails"
    for change in ({"output": "0"}, {"output": "-1"}, {"index": 4}, {"label": -1}):
        changed = claim | {"counterexample": claim["counterexample"] | change}
        assert run(changed, TEXT, samples).verdict is None


def test_margin_one_apart_is_false():
    margin = Fraction(CLAIM["min_margin"])
    for wrong in (margin + Fraction(1, 10**40), margin - Fraction(1, 10**40), 2 * margin, -margin):
        assert "min_margin" in run(CLAIM | {"min_margin": str(wrong)}, TEXT, SAMPLES).reason


@pytest.mark.parametrize("step", [-1, 1])
@pytest.mark.parametrize("key", ["input_dim", "depth", "width", "num_parameters", "num_nonzero"])
def test_false_architecture(key, step):
    claim = CLAIM | {"architecture": CLAIM["architecture"] | {key: CLAIM["architecture"][key] + step}}
    report = run(claim, TEXT, SAMPLES)
    assert report.exit_code == 1
    assert f"architecture.{key}" in report.reason


@pytest.mark.parametrize("key", ["network_sha256", "dataset_sha256"])
def test_false_hash(key):
    report = run(CLAIM | {key: "0" * 64}, TEXT, SAMPLES)
    assert report.exit_code == 1
    assert key in report.reason


TAMPERED = {
    "coordinate": replaced("points", 1, "4,1"),
    "sign": replaced("points", 3, "4,-4"),
    "label": replaced("labels", 4, 1),
    "split": edited(split="1/50"),
    "split by 10^-60": edited(split=f"{10**58 + 1}/{10**60}"),
    "slack": edited(slack="1/200"),
    "denominator": edited(denominator="5"),
    "order": edited(points=[",".join(map(str, p)) for p in POINTS[::-1]], labels=LABELS[::-1]),
    "dropped": edited(points=json.loads(TEXT)["points"][:4], labels=LABELS[:4]),
    "repeated": edited(points=[*json.loads(TEXT)["points"], "1,2"], labels=[*LABELS, -1]),
    "layers": dump(layers_of(TEXT)),
}


@pytest.mark.parametrize("text", TAMPERED.values(), ids=TAMPERED.keys())
def test_tampered_network(text):
    assert "network_sha256" in run(CLAIM, text, SAMPLES).reason
    fresh = cell_certificate(text, SAMPLES) if "cells" in text else CLAIM
    forged = CLAIM | {"network_sha256": sha(text)}  # a forger who recomputes the hash
    if fresh["architecture"] == CLAIM["architecture"] and "min_margin" in fresh:
        forged |= {"min_margin": fresh["min_margin"], "min_margin_sample": fresh["min_margin_sample"]}
        assert run(forged, text, SAMPLES).exit_code == 0  # and the numbers, until it is true
        forged["min_margin"] = CLAIM["min_margin"]
        same = fresh["min_margin"] == CLAIM["min_margin"]
        assert run(forged, text, SAMPLES).exit_code == (0 if same else 1)
    else:
        assert run(forged, text, SAMPLES).exit_code == 1


SPELLINGS = {
    "hexadecimal": replaced("points", 1, "0x4,0"),
    "minus zero": replaced("points", 1, "4,-0"),
    "zeros in front": replaced("points", 1, "004,0x00"),
    "split": edited(split="0x2/200", slack="01/0x64"),
    "not least": edited(denominator="12", points=[f"{3 * a},{3 * b}" for a, b in POINTS]),
    "order of keys": dump(dict(reversed(json.loads(TEXT).items()))),
    "blanks": json.dumps(json.loads(TEXT), indent=3) + "\n",
    "escapes": TEXT.replace("memverify", "\\u006demverify"),
}


@pytest.mark.parametrize("text", SPELLINGS.values(), ids=SPELLINGS.keys())
def test_other_spellings_are_the_same_network(text):
    assert text != TEXT
    assert run(CLAIM, text, SAMPLES).exit_code == 0


MALFORMED = {
    "no split": (TEXT.replace('"split":"1/100",', ""), "keys.*split"),
    "no points": (TEXT[: TEXT.index(',"points"')] + "}", "keys.*points"),
    "unknown key": (edited(layers=[]), "keys.*layers"),
    "twice": (TEXT.replace('"version":1', '"version":1,"version":1'), "distinct"),
    "version": (edited(version=2), "version"),
    "version true": (edited(version=True), "version"),
    "input_dim 0": (edited(input_dim=0), "input_dim"),
    "input_dim 3": (edited(input_dim=3), r"points\[0\] must be 3, not 2"),
    "split 0": (edited(split="0", slack="0"), "0 < slack"),
    "split 1/2": (edited(split="1/2"), "0 < slack"),
    "slack 0": (edited(slack="0"), "0 < slack"),
    "slack below 0": (edited(slack="-1/100"), "0 < slack"),
    "slack over split": (edited(slack="101/10000"), "0 < slack"),
    "split decimal": (edited(split="0.01"), "split"),
    "split number": (edited(split=1), "split"),
    "split over 0": (edited(split="1/0"), "split"),
    "denominator 0": (edited(denominator="0"), "denominator"),
    "denominator 0x00": (edited(denominator="0x00"), "denominator"),
    "denominator below 0": (edited(denominator="-4"), "denominator"),
    "denominator fraction": (edited(denominator="4/1"), "denominator"),
    "denominator number": (edited(denominator=4), "denominator"),
    "label 0": (replaced("labels", 2, 0), r"labels\[2\]"),
    "label true": (replaced("labels", 2, True), r"labels\[2\]"),
    "label text": (replaced("labels", 2, "1"), r"labels\[2\]"),
    "label list": (replaced("labels", 2, [1]), r"labels\[2\]"),
    "labels empty": (edited(labels=[]), "labels"),
    "labels text": (edited(labels="1,1"), "labels"),
    "label missing": (edited(labels=LABELS[:4]), "number of labels must be 5, not 4"),
    "point missing": (edited(points=json.loads(TEXT)["points"][:4]), "number of labels must be 4, not 5"),
    "points empty": (edited(points=[]), "points"),
    "points text": (edited(points="0,0"), "points"),
    "one class": (edited(labels=[1] * 5), "both -1 and 1"),
    "other class": (edited(labels=[-1] * 5), "both -1 and 1"),
    "contradiction": (replaced("points", 3, "4,0"), r"points\[3\] .*points\[1\] of the other label"),
    "hidden contradiction": (replaced("points", 3, "0x4,-0"), r"points\[3\] .*points\[1\]"),
    "short": (replaced("points", 2, "0"), r"points\[2\] must be 2, not 1"),
    "long": (replaced("points", 2, "0,4,4"), r"points\[2\] must be 2, not 3"),
    "cut": (TEXT[:-1], "not valid JSON"),
    "huge version": (TEXT.replace('"version":1', '"version":' + "1" * 5000), "bare number"),
    "deep": (TEXT.replace('"points":[', '"points":' + "[" * 10**5), "not valid JSON"),
}
BAD_POINTS = ["", ",", "0,", ",0", "0,,0", "0, 4", " 0,4", "0,4 ", "0,1_0", "0,+4", "0,4.0", "0,4e1", "0;4"]
BAD_POINTS += ["0,4/1", "0,0x", "0,0X4", "0,--4", "0,\u0664", "0,4\n", "0,nan", 4, None, [0, 4], {}, 1.5]


@pytest.mark.parametrize(("text", "message"), MALFORMED.values(), ids=MALFORMED.keys())
def test_malformed(text, message):
    with pytest.raises(MalformedError, match=f"^network: .*{message}") as caught:
        run(CLAIM, text, SAMPLES)
    assert caught.value.part == "network"
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("point", BAD_POINTS, ids=range(len(BAD_POINTS)))
def test_malformed_points(point):
    with pytest.raises(MalformedError, match=r"^network: (points\[2\] must be|a bare number)"):
        run(CLAIM, replaced("points", 2, point), SAMPLES)


def test_truncated_anywhere_never_passes():
    for size in range(len(TEXT)):
        with pytest.raises(MalformedError):
            run(CLAIM, TEXT[:size], SAMPLES)


def test_long_numbers():
    huge = 10**4000 + 7
    text = cell_text([[0], [2]], [1, -1], denominator=3).replace('"2"', f'"{hex(huge)}"')
    claim = cell_certificate(cell_text([[0], [2]], [1, -1], denominator=3), [([0], 1)])
    claim |= {"network_sha256": sha(text)}
    margin = Fraction(huge**2, 9 * 100)
    claim["min_margin"] = f"{hex(margin.numerator)}/{margin.denominator}"
    assert run(claim, text, [([0], 1)]).exit_code == 0
    digits = f"1{'0' * 3996}0007"
    assert run(claim, text.replace(hex(huge), digits), [([0], 1)]).exit_code == 0


coordinates = st.one_of(st.integers(-2, 2), st.integers(-(10**30), 10**30))
fractions = st.one_of(
    st.sampled_from([Fraction(1, 100), Fraction(49, 100), Fraction(1, 4), Fraction(1, 6)]),
    st.fractions(min_value=Fraction(1, 50), max_value=Fraction(49, 100), max_denominator=100),
)


@st.composite
def cells_with_samples(draw):
    inputs = draw(st.integers(1, 3))
    size = draw(st.integers(2, 7))
    point = st.tuples(*[draw(st.sampled_from([st.integers(-2, 2), coordinates]))] * inputs)
    points = draw(st.lists(point, min_size=size, max_size=size))  # with repetitions and ties
    labels = [draw(st.sampled_from([-1, 1])) for _ in points]
    seen = {}
    labels = [seen.setdefault(p, y) for p, y in zip(points, labels, strict=True)]
    if len(set(labels)) < 2:  # a point that no other one equals, to have both classes
        points.append((3, *points[0][1:]))
        labels.append(-labels[0])
    split = draw(fractions)
    slack = draw(st.sampled_from([split, split / 2, split * Fraction(2, 3)]))
    bottom = draw(st.sampled_from([1, 2, 6, 10**20]))
    document = json.loads(cell_text(points, labels, split, slack, bottom))
    # Samples: on the points, on the bisectors of two of them, on the planes S_ij = 0, and anywhere.
    samples = [[Fraction(v, bottom) for v in p] for p in points]
    i, j = draw(st.integers(0, len(points) - 1)), draw(st.integers(0, len(points) - 1))
    for share in (Fraction(1, 2), Fraction(1, 2) + split, draw(st.fractions(0, 1, max_denominator=9))):
        samples.append([share * a + (1 - share) * b for a, b in zip(samples[i], samples[j], strict=True)])
    some = st.fractions(min_value=-3, max_value=3, max_denominator=7)
    samples.append(draw(st.lists(some, min_size=inputs, max_size=inputs)))
    return document, samples


def least_text(document):
    """The canonical text, the denominator from the coordinates in lowest terms."""
    bottom = int(document["denominator"])
    points = [[Fraction(int(v), bottom) for v in p.split(",")] for p in document["points"]]
    least = math.lcm(*(v.denominator for p in points for v in p))
    texts = [",".join(str(int(v * least)) for v in p) for p in points]
    return dump(document | {"denominator": str(least), "points": texts})


@settings(max_examples=120, deadline=None)
@given(cells_with_samples(), st.booleans())
def test_agrees_with_the_layers_written_out(problem, own_labels):
    document, points = problem
    text, layers = least_text(document), layers_of(dump(document))
    outputs = [naive_output(layers, point) for point in points]
    cells = checker._read_network(dump(document).encode())[2]
    assert [checker._output(cells, point) for point in points] == outputs
    labels = [1 if output > 0 else -1 for output in outputs]
    if own_labels:  # else samples with F = 0 get a label of their own, and fail
        kept = [k for k, output in enumerate(outputs) if output]
        points, labels = [points[k] for k in kept], [labels[k] for k in kept]
    samples = list(zip(points, labels, strict=True))
    claim = cell_certificate(text, samples)
    for spelling in (text, dump(document)):
        report = run(claim, spelling, samples)
        assert report.certificate_is_true, report.reason
        assert report.verdict == claim["verdict"]
    wrong = claim | {"architecture": claim["architecture"] | {"num_nonzero": 1}}
    assert not run(wrong, text, samples).certificate_is_true


def test_its_own_points_are_memorized_and_the_layers_agree():
    layers = layers_of(TEXT)
    assert run(naive_certificate(layers, SAMPLES), layers, SAMPLES).exit_code == 0
    assert naive_certificate(layers, SAMPLES)["min_margin"] == CLAIM["min_margin"]


@pytest.mark.parametrize(
    ("points", "split", "zeros"),
    [
        ([[1], [-2]], "1/6", 1),  # 2/3 * 1 + 1/3 * (-2) = 0
        ([[-2], [1]], "1/6", 1),
        ([[1], [-1]], "1/6", 0),
        ([[1, 0], [-2, 0]], "1/6", 3),  # and two weights
        ([[3, 1], [4, 1]], "1/100", 2),
    ],
)
def test_parameters_that_are_zero(points, split, zeros):
    text = cell_text(points, [1, -1], split)
    claim = cell_certificate(text, [(points[0], 1)])
    assert claim["architecture"]["num_nonzero"] == 2 * (len(points[0]) + 1) - zeros + 6
    assert run(claim, text, [(points[0], 1)]).exit_code == 0


def test_many_opposite_points_add_up():
    # In the middle of a ring each S_ij alone is too small to matter, all of them together are not.
    ring = [[8, 0], [-8, 0], [0, 8], [0, -8], [6, 5], [-6, 5], [6, -5], [-6, -5]]
    text = cell_text([[0, 0], *ring], [1] + [-1] * 8, "1/100", "1/100")
    outside = (
        [Fraction(39, 10), Fraction(1, 10)],
        [Fraction(401, 100), Fraction(401, 100)],
        [4, Fraction(7, 2)],
    )
    values = [cell_output(text, point) for point in outside]
    cells = checker._read_network(text.encode())[2]
    assert [checker._output(cells, point) for point in outside] == values
    assert len(set(values)) > 1


@pytest.mark.parametrize("name", ["network.json", "network.json.gz"])
def test_command_line(tmp_path, capsys, name):
    packed = gzip.compress(TEXT.encode()) if name.endswith("gz") else TEXT
    paths = write_case(tmp_path, dump(CLAIM), packed, csv_text(SAMPLES), network_name=name)
    assert main(paths) == 0
    assert capsys.readouterr().out.startswith("certificate TRUE: ")
    shutil.copy(CHECKER, tmp_path / "checker.py")
    command = [sys.executable, "-I", "-OO", "checker.py", "certificate.json", name, "data.csv", "--json"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["verdict"] == "memorizes"
    (tmp_path / name).write_bytes(edited(slack="1/50").encode())
    assert main(paths) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"error: {tmp_path / name}: slack and split must be")
