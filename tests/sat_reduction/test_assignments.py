from __future__ import annotations

import gzip
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memverify.errors import FileFormatError
from sat_reduction.assignments import load_model, model_text, parse_model, save_model
from sat_reduction.errors import DimacsError, FormulaError

SETTINGS = settings(deadline=None, max_examples=100)
models = st.lists(st.sampled_from([-1, 1]), max_size=60)


def refusal(data: bytes, n_variables: int | None = None) -> str:
    with pytest.raises(DimacsError) as caught:
        parse_model(data, n_variables, place="model.txt")
    message = str(caught.value)
    assert message.isprintable(), message
    assert message.startswith("model.txt: ")
    return message


@SETTINGS
@given(models)
def test_there_and_back(values) -> None:
    text = model_text(np.array(values, dtype=np.int8))
    lines = text.splitlines()
    assert lines[0] == "s SATISFIABLE"
    assert text.endswith(" 0\n")
    words = " ".join(line.removeprefix("v ") for line in lines[1:]).split()
    assert [int(word) for word in words] == [v * (i + 1) for i, v in enumerate(values)] + [0]
    for n in (None, len(values)):
        found = parse_model(text.encode(), n)
        assert found.dtype == np.int8
        assert found.tolist() == values


def test_lines_are_full_and_no_longer_than_78() -> None:
    lines = model_text(np.ones(5000, dtype=np.int8)).splitlines()[1:]
    assert max(map(len, lines)) <= 78
    assert all(len(a) + 1 + len(b.split()[1]) > 78 for a, b in pairwise(lines))


@SETTINGS
@given(models, st.randoms(use_true_random=False), st.booleans(), st.booleans())
def test_other_orders_and_spellings(values, random, with_v, end) -> None:
    literals = [v * (i + 1) for i, v in enumerate(values)]
    random.shuffle(literals)
    words = [str(literal) for literal in literals] + ["0"] * (end or with_v or not values)
    lines = ["c by hand", random.choice(["s SATISFIABLE", "SAT", ""]), "c v 1 -2"]
    while words:
        now = random.randint(1, 5)
        lines.append(("v " if with_v else " ") + random.choice([" ", "\t"]).join(words[:now]))
        words = words[now:]
    text = random.choice(["\n", "\r\n"]).join(lines)
    assert parse_model(text.encode(), len(values)).tolist() == values


@pytest.mark.parametrize(
    ("data", "n", "wrong"),
    [
        (b"", None, "no final 0; give a whole model"),
        (b"c v 1 0\n", None, "no final 0"),
        (b"s SATISFIABLE\n", None, "no final 0"),
        (b"v 1 -2\n", None, "no final 0"),
        (b"s UNSATISFIABLE\n", None, "line 1, column 1: 's UNSATISFIABLE'; give the output of a solver"),
        (b"c\ns UNKNOWN\nv 0\n", None, "line 2, column 1: 's UNKNOWN'"),
        (b"UNSAT\n", None, "'UNSAT'"),
        (b"INDET\n", None, "'INDET'"),
        (b"s SATISFIABLE twice\n", None, "line 1"),
        (b"s\n", None, "line 1"),
        (b"v 1 0\ns SATISFIABLE\n", None, "line 2"),
        (b"v 1 0 2\n", None, "line 1, column 7: text after the final 0"),
        (b"v 1 0\nv 2 0\n", None, "line 2, column 3: text after the final 0"),
        (b"v 0 0\n", None, "line 1, column 5: text after the final 0"),
        (b"v 1\n-2 0\n", None, "line 2, column 1: lines with v and lines without it"),
        (b"1\nv 2 0\n", None, "line 2, column 1: lines with v and lines without it"),
        (b"v 1 1 0\n", None, "line 1, column 5: variable 1 a second time"),
        (b"v 3 1 -2 -1 2 0\n", None, "line 1, column 10: variable 1 a second time"),
        (b"v 1 -3 0\n", None, "variable 2 of 3 has no value; add 2 or -2"),
        (b"v 1 2 0\n", 3, "variable 3 of 3 has no value"),
        (b"v 0\n", 1, "variable 1 of 1 has no value"),
        (b"v 1 -3 2 0\n", 2, "line 1, column 5: variable 3, but there are 2"),
        (b"v 1 0\n", 0, "variable 1, but there are 0"),
        (b"v +1 0\n", None, "line 1, column 3: '+1' is no literal"),
        (b"v 1 x2 0\n", None, "line 1, column 5: 'x2' is no literal"),
        (b"v1 0\n", None, "line 1, column 1: 'v1' is no literal"),
        (b"v v 1 0\n", None, "line 1, column 3: 'v' is no literal"),
        (b"v 1 2147483647 0\n", None, "line 1, column 5: '2147483647' is no literal"),
        (b"v 2147483646 0\n", None, "variable 1 of 2147483646 has no value"),
        (b"v 1\0 0\n", None, "is no literal"),
        (b"{}", None, "'{}' is no literal"),
    ],
)
def test_refusals(data, n, wrong) -> None:
    assert wrong in refusal(data, n)


@SETTINGS
@given(st.one_of(st.binary(max_size=30), st.text("v s10-2 \n", max_size=20).map(str.encode)))
def test_any_bytes(data) -> None:
    try:
        found = parse_model(data)
    except DimacsError as error:
        message = str(error)
    else:
        words = [word for line in data.split(b"\n") if line[:1] not in b"cS" for word in line.split()]
        literals = [int(word) for word in words if word not in (b"v", b"s", b"SATISFIABLE", b"0")]
        assert sorted(literals, key=abs) == [v * (i + 1) for i, v in enumerate(found.tolist())]
        return
    assert message.isprintable()


def test_files(tmp_path) -> None:
    model = np.array([1, -1, -1], dtype=np.int8)
    for name in ("model.txt", "model.txt.gz", "model.txt.xz"):
        save_model(model, tmp_path / name)
        assert load_model(str(tmp_path / name), 3).tolist() == model.tolist()
    assert gzip.decompress((tmp_path / "model.txt.gz").read_bytes()) == b"s SATISFIABLE\nv 1 -2 -3 0\n"
    with pytest.raises(DimacsError, match=r"model\.txt: variable 4 of 4 has no value"):
        load_model(tmp_path / "model.txt", 4)
    with pytest.raises(DimacsError, match="no such file"):
        load_model(tmp_path / "none.txt")
    with pytest.raises(FormulaError):
        save_model(np.array([1, 0]), tmp_path / "bad.txt")
    with pytest.raises(FileFormatError):
        save_model(model, tmp_path / "none" / "model.txt")
    assert not (tmp_path / "bad.txt").exists()
