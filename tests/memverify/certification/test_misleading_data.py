"""Data files made to mislead: both checkers and memverify must take the same samples from them, or none."""

from fractions import Fraction

import pytest

from memverify.certification import checker, tensor_checker
from memverify.datasets import load_dataset
from memverify.errors import MemverifyError

from .naive_checker import XOR_DATA, XOR_NETWORK, csv_text, dump, naive_certificate, write_case

Read = tuple[int | None, list[tuple[list[Fraction], int]]]


def read_by_all(text: bytes, tmp_path) -> list[Read | None]:
    """What the two checkers and memverify read from a .csv file: classes and samples, or None."""
    found: list[Read | None] = []
    for reader in (lambda: (None, checker.read_csv(text)), lambda: tensor_checker.read_csv(text)):
        try:
            n_classes, samples = reader()
            found.append((n_classes, [([*map(Fraction, point)], label) for point, label in samples]))
        except (checker.MalformedError, tensor_checker.MalformedError):
            found.append(None)
    path = tmp_path / "data.csv"
    path.write_bytes(text)
    try:
        data = load_dataset(path)
    except MemverifyError:
        return [*found, None]
    points = [
        [Fraction(int(v.numerator), int(v.denominator)) for v in data.point(i)]
        for i in range(data.n_samples)
    ]
    pairs = list(zip(points, data.labels.tolist(), strict=True))
    return [*found, (getattr(data, "n_classes", None), pairs)]


WRONG_NUMBERS = [
    "1_0,0,1_",
    "\uff11,\uff10,\uff11",
    "\u0661,x,y",
    '"0","0","1"',
    '"x","y","label"',
    "1/0,x,y",
    "1/0x0,x,y",
    "nan,x,y",
    "-inf,x,y",
    "Infinity,x,y",
    "x\r,y,z",
    "x,\0,z",
    "1e10000000000,x,y",
    "1e0000000000,0,1",
]


@pytest.mark.parametrize("line", WRONG_NUMBERS, ids=range(len(WRONG_NUMBERS)))
def test_a_wrong_number_in_the_first_line_is_no_header(tmp_path, line):
    text = f"{line}\n0,0,-1\n".encode()
    assert read_by_all(text, tmp_path) == [None, None, None]


def test_a_dropped_sample_is_no_proof(tmp_path, capsys):
    # the certificate is about the four samples that follow; the first line would fail
    claim = naive_certificate(XOR_NETWORK, XOR_DATA)
    for line in ('"9","9","1"', "1_0,1_0,1_"):
        paths = write_case(tmp_path, dump(claim), dump(XOR_NETWORK), f"{line}\n{csv_text(XOR_DATA)}")
        assert checker.main(paths) == 2
        assert "line 1: a field must be a number" in capsys.readouterr().err


@pytest.mark.parametrize("line", ["info,1st,nano", "x1,x2,y", "0X1,1e,#", "inference,2d,infarct"])
def test_names_that_begin_like_numbers_are_a_header(tmp_path, line):
    found = read_by_all(f"{line}\n1/2,0,-1\n".encode(), tmp_path)
    assert found == [(None, [([Fraction(1, 2), Fraction(0)], -1)])] * 3


@pytest.mark.parametrize("line", ["# classes 3", "\t# classes 3 ", "# classes 3 \r"])
def test_the_line_of_classes(tmp_path, line):
    first, *others = read_by_all(f"{line}\n1,2,2\n".encode(), tmp_path)
    assert first is None
    assert others == [(3, [([Fraction(1), Fraction(2)], 2)])] * 2


@pytest.mark.parametrize("text", [b"# classes 3\r\r\n1,2,2\n", b"1,2,1\r\r\n", b"1,2\r,1\n"])
def test_a_carriage_return_inside_a_line(tmp_path, text):
    assert read_by_all(text, tmp_path) == [None, None, None]
