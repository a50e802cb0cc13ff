from __future__ import annotations

import re
import tracemalloc

import numpy as np
import pytest
import z3
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pysat.formula import CNF
from pysat.solvers import Solver

from memverify.errors import FileFormatError
from sat_reduction import dimacs, integer_text
from sat_reduction.cnf import MAX_VARIABLES, Formula
from sat_reduction.dimacs import FORGIVEN, dimacs_bytes, load_dimacs, parse_dimacs, save_dimacs
from sat_reduction.errors import DimacsError

from .dimacs_reader import Refused, read
from .formulas import formulas, models, small_formulas

SETTINGS = settings(deadline=None, max_examples=80)
MANY = settings(deadline=None, max_examples=250)

spaces = st.text(" \t\n", min_size=1, max_size=3)
comments = st.text(st.characters(exclude_characters="\n\r\0", exclude_categories=["Cs"]), max_size=12)


@st.composite
def texts(draw) -> tuple[Formula, bytes]:
    """A formula and a strict text of it: comments, odd spacing, several clauses a line or none."""
    formula = draw(formulas())
    n, m = formula.n_variables, formula.n_clauses
    gap, rest = draw(st.sampled_from([" ", "\t", "  \t"])), draw(st.sampled_from(["", " ", "\t "]))
    text = "".join(
        f"{draw(st.sampled_from(['c', 'c ', 'c', '']))}\n" for _ in range(draw(st.integers(0, 2)))
    )
    text += f"p{gap}cnf{gap}{n}{gap}{m}{rest}"
    separator = "\n"
    for clause in formula.clauses():
        for literal in [*clause, 0]:
            if "\n" in separator and draw(st.integers(0, 5)) == 0:
                separator = re.sub("\n", lambda _: f"\nc{draw(comments)}\n", separator, count=1)
            text += f"{separator}{literal}"
            separator = draw(spaces)
    text += draw(st.sampled_from(["", "\n", "\nc end", " \n\n"]))
    if draw(st.booleans()):
        text = text.replace("\n", "\r\n")
    return formula, text.encode()


def refusal(data: bytes, lenient: bool = False) -> str:
    with pytest.raises(DimacsError) as caught:
        parse_dimacs(data, lenient=lenient, place="F.cnf")
    message = str(caught.value)
    assert message.isprintable(), message
    assert re.match(r"F\.cnf: line \d+, column \d+: ", message), message
    return message


# ------------------------------------------------------------------------------------ writing
@SETTINGS
@given(formulas(max_variables=15), st.lists(comments, max_size=4))
def test_there_and_back(formula: Formula, lines: list[str]) -> None:
    written = dimacs_bytes(formula.with_comments(lines))
    for lenient in (False, True):
        found = parse_dimacs(written, lenient=lenient)
        assert found == formula
        assert found.comments == tuple(lines)
    assert dimacs_bytes(parse_dimacs(written)) == written
    assert read(written) == (formula.n_variables, formula.clauses())


def test_all_small_formulas_there_and_back() -> None:
    for formula in small_formulas():
        assert parse_dimacs(dimacs_bytes(formula)) == formula


def test_the_text_itself() -> None:
    formula = Formula.of([[1, -3], [], [-2147483646], [3, 3, -3]]).with_comments(["one", "", " two "])
    expected = b"c one\nc\nc  two \np cnf 2147483646 4\n1 -3 0\n0\n-2147483646 0\n3 3 -3 0\n"
    assert dimacs_bytes(formula) == expected
    assert parse_dimacs(expected).comments == formula.comments
    assert dimacs_bytes(Formula.of([], 7)) == b"p cnf 7 0\n"


@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_pieces_of_the_writer(monkeypatch, size) -> None:
    monkeypatch.setattr(dimacs, "_WRITTEN", size)
    formula = Formula.of([[1, -2], [], [], [3], [-1, 2, 3]])
    assert dimacs_bytes(formula) == b"p cnf 3 5\n1 -2 0\n0\n0\n3 0\n-1 2 3 0\n"


@pytest.mark.parametrize("comment", ["a\nb", "a\r", "\n", "a\0b"])
def test_comments_that_would_break_the_file(tmp_path, comment) -> None:
    formula = Formula.of([[1]]).with_comments(["fine", comment])
    with pytest.raises(DimacsError, match="no single line") as caught:
        save_dimacs(formula, tmp_path / "f.cnf")
    assert str(caught.value).isprintable()
    with pytest.raises(DimacsError):
        dimacs_bytes(formula)
    assert not list(tmp_path.iterdir())


def test_comments_that_are_no_unicode() -> None:
    formula = Formula.of([[1]]).with_comments(["\ud800 lone"])
    assert parse_dimacs(dimacs_bytes(formula)).comments == ("\\ud800 lone",)
    assert parse_dimacs(b"c caf\xe9\np cnf 0 0\n").comments == ("caf\\xe9",)


@settings(deadline=None, max_examples=30)
@given(formulas(max_variables=5))
def test_solvers_read_what_is_written(tmp_path_factory, formula: Formula) -> None:
    path = tmp_path_factory.mktemp("dimacs") / "f.cnf"
    save_dimacs(formula.with_comments(["p cnf 9 9", "c", "%"]), path)
    found = CNF(from_file=str(path))
    assert found.clauses == formula.clauses()
    satisfiable = bool(models(formula))
    solver = z3.Solver()
    solver.from_file(str(path))
    assert (solver.check() == z3.sat) == satisfiable
    if all(formula.widths):
        with Solver("cadical195", bootstrap_with=found) as other:
            assert other.solve() == satisfiable


@pytest.mark.parametrize("name", ["f.cnf", "f.dimacs", "f.cnf.gz", "f.cnf.xz"])
def test_files(tmp_path, name) -> None:
    formula = Formula.of([[1, -2], [], [3]], 5).with_comments(["kept"])
    save_dimacs(formula, tmp_path / name)
    found = load_dimacs(str(tmp_path / name))
    assert (found, found.comments) == (formula, ("kept",))


def test_file_names_are_in_the_messages(tmp_path) -> None:
    path = tmp_path / "wrong.cnf"
    path.write_bytes(b"p cnf 1 1\n2 0\n")
    with pytest.raises(DimacsError, match=r"wrong\.cnf: line 2, column 1: variable 2"):
        load_dimacs(path)
    with pytest.raises(DimacsError, match="no such file"):
        load_dimacs(tmp_path / "none.cnf")
    with pytest.raises(FileFormatError):
        save_dimacs(Formula.of([]), tmp_path / "none" / "f.cnf")


# ------------------------------------------------------------------------------------ reading
@MANY
@given(texts())
def test_odd_but_valid_texts(case) -> None:
    formula, text = case
    assert read(text) == (formula.n_variables, formula.clauses())
    assert parse_dimacs(text) == formula
    assert parse_dimacs(bytearray(text)) == formula
    lenient = parse_dimacs(text, lenient=True)
    assert lenient == formula
    assert not [line for line in lenient.comments if line.startswith(FORGIVEN)]


@SETTINGS
@given(formulas(), st.data())
def test_agreement_with_pysat(formula: Formula, data) -> None:
    """PySAT's reader wants a clause a line; comments, spacing and line ends are free there, too."""
    lines = ["c first", f"p cnf {formula.n_variables}  {formula.n_clauses}\t"]
    for clause in formula.clauses():
        lines += ["c between"] * data.draw(st.integers(0, 1))
        gaps = data.draw(st.lists(st.text(" \t", min_size=1, max_size=2), min_size=len(clause) + 1))
        lines.append("".join(gap + str(value) for gap, value in zip(gaps, [*clause, 0], strict=False)))
    text = data.draw(st.sampled_from(["\n", "\r\n"])).join([*lines, ""])
    found = CNF(from_string=text)
    ours = parse_dimacs(text.encode())
    assert (found.clauses, found.nv) == (ours.clauses(), Formula.of(ours.clauses()).n_variables)


@st.composite
def damaged_texts(draw) -> bytes:
    """A valid text with a few bytes changed, added, removed, repeated or cut off."""
    _, text = draw(texts())
    data = bytearray(text)
    byte = st.one_of(st.sampled_from(b"0123456789-+ \t\r\nc%pnfw\0\x0b\xff_"), st.integers(0, 255))
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, len(data)))
        kind = draw(st.sampled_from(["change", "add", "remove", "repeat", "cut"]))
        if kind == "change":
            data[place : place + 1] = bytes([draw(byte)])
        elif kind == "add":
            data[place:place] = bytes(draw(st.lists(byte, min_size=1, max_size=3)))
        elif kind == "remove":
            del data[place : place + draw(st.integers(1, 4))]
        elif kind == "repeat":
            data[place:place] = data[place : place + draw(st.integers(1, 12))]
        elif draw(st.booleans()):
            del data[place:]
    return bytes(data)


def check_against_the_slow_reader(data: bytes) -> None:
    try:
        n, clauses = read(data)
    except Refused as fault:
        where = f"F.cnf: line {fault.line}, column " + (f"{fault.column}: " if fault.column else "")
    else:
        formula = Formula.of(clauses, n)
        assert parse_dimacs(data) == parse_dimacs(data, lenient=True) == formula
        return
    message = refusal(data)
    assert message.startswith(where)
    if message.endswith(", or try --lenient"):
        parse_dimacs(data, lenient=True)
    else:
        refusal(data, lenient=True)


@MANY
@given(damaged_texts())
def test_damaged_texts(data) -> None:
    check_against_the_slow_reader(data)


@SETTINGS
@given(damaged_texts(), st.integers(12, 30))
def test_damaged_texts_in_small_pieces(data, size) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(integer_text, "_PIECE", size)
        check_against_the_slow_reader(data)


@SETTINGS
@given(st.binary(max_size=60), st.booleans())
def test_any_bytes(data, header) -> None:
    check_against_the_slow_reader(b"p cnf 3 2\n" * header + data)


@pytest.mark.parametrize(
    ("body", "column", "wrong"),
    [
        (b"1 +2 0\n", 3, "'+2' is no literal; write integers without + and leading zeros"),
        (b"1 -0 0\n", 3, "'-0' is no literal"),
        (b"1 02 0\n", 3, "'02' is no literal; write integers without"),
        (b"1 1_2 0\n", 3, "'1_2' is no literal"),
        (b"1 --1 0\n", 3, "'--1' is no literal"),
        (b"1 2.0 0\n", 3, "'2.0' is no literal"),
        (b"1 0x2 0\n", 3, "'0x2' is no literal"),
        (b"1 2-1 0\n", 3, "'2-1' is no literal"),
        (b"1 2- 0\n", 3, "'2-' is no literal"),
        (b"1 - 2 0\n", 3, "'-' is no literal"),
        ("1 \u0661 0\n".encode(), 3, "'\\u0661' is no literal"),
        (b"1 2\xa00\n", 3, "is no literal"),
        (b"1 2\x0b0\n", 3, "'2\\x0b0' is no literal"),
        (b"1 2\x0c0\n", 3, "is no literal"),
        (b"1 2\0 0\n", 4, "a NUL byte"),
        (b"1 2 0\r2 0\n", 6, "a carriage return alone"),
        (b"1 2147483647 0\n", 3, "'2147483647' is too large"),
        (b"1 -2147483648 0\n", 3, "'-2147483648' is too large"),
        (b"1 4294967297 0\n", 3, "'4294967297' is too large"),
        (b"1 18446744073709551617 0\n", 3, "is too large"),
        (b"1 " + b"1" * 6000 + b" 0\n", 3, "(6000 characters)' is too large"),
        (b"1 4 0\n", 3, "variable 4, but the header declares 3"),
        (b"1 -2147483646 0\n", 3, "variable 2147483646, but the header declares 3"),
        (b"1 c 2 0\n", 3, "'c' is no literal; put comments on lines of their own"),
        (b" c no\n1 0\n", 2, "'c' is no literal; put comments on lines of their own"),
        (b"1 0\n", None, "2 clauses are declared, but 1 follow"),
        (b"1 0 2 0 3 0\n", 9, "more than the 2 clauses"),
        (b"1 0 2 0 0\n", 9, "more than the 2 clauses"),
        (b"1 0 2 \n\n", 6, "the last clause has no final 0"),
        (b"1 0 %\n0\n", 5, "SATLIB"),
        (b"p cnf 3 2\n1 0\n", 1, "a second header"),
    ],
)
def test_refusals(body, column, wrong) -> None:
    message = refusal(b"p cnf 3 2\n" + body)
    assert wrong in message
    assert message.startswith(
        f"F.cnf: line 2, column {column}: " if column else "F.cnf: line 1, column 1: "
    )


@pytest.mark.parametrize(
    ("data", "column", "wrong"),
    [
        (b"", 1, "no header"),
        (b"c only this", 12, "no header"),
        (b"1 2 0\n", 1, "'1' before the header; put a line `p cnf"),
        (b" p cnf 1 1\n1 0\n", 2, "the header is indented"),
        (b"p wcnf 1 1 3\n3 1 0\n", 3, "the format 'wcnf' (clauses with weights) is not read"),
        (b"p dnf 1 1\n1 0\n", 3, "the format 'dnf' is not read"),
        (b"p CNF 1 1\n1 0\n", 3, "the format 'CNF' is not read"),
        (b"pcnf 1 1\n1 0\n", 1, "'pcnf' is no header"),
        (b"p\n", 1, "a header of 1 words"),
        (b"p cnf 1\n1 0\n", 1, "a header of 3 words"),
        (b"p cnf 1 1 1\n1 0\n", 1, "a header of 5 words"),
        (b"p cnf -1 1\n1 0\n", 7, "'-1' is no natural number"),
        (b"p cnf 1 1x\n1 0\n", 9, "'1x' is no natural number"),
        (b"p cnf 01 1\n1 0\n", 7, "'01' is no natural number"),
        (b"p cnf 1 +1\n1 0\n", 9, "'+1' is no natural number"),
        (b"p cnf 2147483647 1\n1 0\n", 7, "'2147483647' is too large"),
        (b"p cnf " + b"9" * 5000 + b" 1\n1 0\n", 7, "is too large"),
        (b"p cnf 1 " + b"9" * 19 + b"\n1 0\n", 9, "is too large"),
        (b"\xef\xbb\xbfp cnf 1 1\n1 0\n", 1, "'\\ufeffp' before the header"),
    ],
)
def test_refused_headers(data, column, wrong) -> None:
    message = refusal(data)
    assert message.startswith(f"F.cnf: line 1, column {column}: ")
    assert wrong in message


def test_the_largest_numbers() -> None:
    text = f"p cnf {MAX_VARIABLES} 1\n{MAX_VARIABLES} -{MAX_VARIABLES} 123456789 12345678 0".encode()
    expected = [MAX_VARIABLES, -MAX_VARIABLES, 123456789, 12345678]
    assert parse_dimacs(text).clauses() == [expected]


@pytest.mark.parametrize("n_clauses", [30_000])
def test_faults_far_into_a_long_text(n_clauses) -> None:
    random = np.random.default_rng(3)
    rows = random.integers(1, 1000, (n_clauses, 3)) * random.choice([-1, 1], (n_clauses, 3))
    text = dimacs_bytes(Formula.of_matrix(rows, 1000))
    assert len(text) > 3 * integer_text._PIECE
    lines = text.split(b"\n")
    for fault in (b"1001 0 ", b"+1", b"7 00 8", b"c"):
        line = int(random.integers(n_clauses // 2, n_clauses))
        changed = b"\n".join([*lines[:line], b"1 " + fault + b" " + lines[line], *lines[line + 1 :]])
        column = 5 if fault.startswith(b"7") else 3
        assert refusal(changed).startswith(f"F.cnf: line {line + 1}, column {column}: ")
    several = b"\n".join([*lines[:20_000], b"9999 0", *lines[20_001:25_000], b"+9", *lines[25_001:]])
    assert refusal(several).startswith("F.cnf: line 20001, column 1: variable 9999")
    assert refusal(text.replace(b"30000\n", b"19999\n", 1)).startswith("F.cnf: line 20001, column 1: more")
    assert parse_dimacs(text) == Formula.of_matrix(rows, 1000)


def test_memory_is_a_small_multiple_of_the_text() -> None:
    random = np.random.default_rng(0)
    text = dimacs_bytes(Formula.of_matrix(random.integers(1, 10**6, (100_000, 3)), 10**6))
    tracemalloc.start()
    parse_dimacs(text)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4 * len(text) + 6_000_000


# ----------------------------------------------------------------------------------- comments
def test_comments_before_the_clauses_are_kept_and_bounded() -> None:
    lines = [f"c line {k}" for k in range(1200)] + ["c sat-reduction map {}", "c" + "x" * 2000]
    body = ["1 0", "c sat-reduction late", "c other", "2 0"]
    found = parse_dimacs("\n".join([*lines, "p cnf 2 2", *body]).encode())
    assert found.comments[:1000] == tuple(line[2:] for line in lines[:1000])
    assert found.comments[1000:] == ("sat-reduction map {}", "sat-reduction late")
    long = "sat-reduction " + "y" * 5000
    found = parse_dimacs(f"c {long}\nc {'z' * 5000}\nc\tt\ncnone\nc\np cnf 0 0".encode())
    assert found.comments == (long, "z" * 1000 + " ...", "t", "cnone", "")


# ------------------------------------------------------------------------------------ lenient
def forgiven(data: bytes) -> tuple[list[list[int]], int, list[str]]:
    assert "try --lenient" in refusal(data)
    found = parse_dimacs(data, lenient=True)
    notes = [line.removeprefix(FORGIVEN) for line in found.comments if line.startswith(FORGIVEN)]
    return found.clauses(), found.n_variables, notes


@pytest.mark.parametrize(
    ("data", "clauses", "n", "notes"),
    [
        (b"p cnf 2 1\n1 2 0\n%\n0\n\n", [[1, 2]], 2, ["the line % and the zeros after it"]),
        (b"1 -5 0 0", [[1, -5], []], 5, ["no header; 5 variables, 2 clauses taken"]),
        (b"c x\n1 0", [[1]], 1, ["no header; 1 variables, 1 clauses taken"]),
        (b"p cnf 9 3\n1 0", [[1]], 9, ["3 clauses were declared, 1 follow"]),
        (b"p cnf 9 0\n1 0", [[1]], 9, ["0 clauses were declared, 1 follow"]),
        (b"p cnf 1 1\n-3 0", [[-3]], 3, ["1 variables were declared, 3 occur"]),
        (b"p cnf 2 2\n1 0 2", [[1], [2]], 2, ["a missing 0 at the end"]),
        (b"p cnf 2 2\n1 0\n  c x\n2 0 c 0 0", [[1], [2]], 2, ["comments that do not begin a line"]),
        (b"p cnf 2 1\n1 0 c", [[1]], 2, ["comments that do not begin a line"]),
        (b" c x\n  p cnf 2 1\n1 0", [[1]], 2, ["indented lines before the clauses"]),
        (b"c x\rp cnf 2 1\r1 0\r", [[1]], 2, ["carriage returns as line ends"]),
        (b"\xef\xbb\xbfp cnf 2 1\n1 0", [[1]], 2, ["a byte order mark"]),
        (b"\xef\xbb\xbfc\n1 0", [[1]], 1, ["a byte order mark", "no header; 1 variables, 1 clauses taken"]),
    ],
)
def test_forgiven(data, clauses, n, notes) -> None:
    assert forgiven(data) == (clauses, n, notes)


@pytest.mark.parametrize(
    ("data", "wrong"),
    [
        (b"", "neither a header nor a clause"),
        (b"c x\n", "neither a header nor a clause"),
        (b"%\n0\n", "neither a header nor a clause"),
        (b"p cnf 2 1\n1 0\n%\n1 0\n", "more than zeros come after it"),
        (b"p cnf 2 1\n1 0 %\n0\n", "more than zeros come after it"),
        (b"p cnf 2 1\n1 +2 0\n", "'+2' is no literal"),
        (b"p cnf 2 1\n1 x 0\n", "'x' is no literal"),
        (b"p cnf 2 1\n1 comment\n", "'comment' is no literal"),
        (b"p wcnf 2 1\n1 0\n", "weights"),
        (b"p cnf 2\n1 0\n", "a header of 3 words"),
        (b"p cnf 2 1\n1 0\np cnf 2 1\n", "a second header"),
        (b"p cnf 2 1\n1 2147483647 0\n", "too large"),
        (b"p cnf 2 1\n1 0\0", "NUL"),
    ],
)
def test_not_forgiven(data, wrong) -> None:
    assert wrong in refusal(data, lenient=True)
    assert "lenient" not in refusal(data)


@SETTINGS
@given(
    formulas(),
    st.sets(st.sampled_from(["header", "counts", "tail", "zero", "comments", "mark", "returns"])),
)
def test_any_mixture_of_what_is_forgiven(formula: Formula, defects: set[str]) -> None:
    assume("header" not in defects or formula.n_clauses)
    lines = dimacs_bytes(formula).decode().splitlines()
    if "header" in defects:
        del lines[0]
    elif "counts" in defects:
        lines[0] = "p cnf 0 99"
    if "zero" in defects and formula.n_clauses and formula.widths[-1]:
        lines[-1] = lines[-1].removesuffix(" 0")
    if "comments" in defects:
        lines = [piece for line in lines for piece in ("  c 1 0", line)]
        lines.append("\t c")
    if "tail" in defects:
        lines += ["%", "0", ""]
    text = ("\r" if "returns" in defects else "\n").join(lines)
    data = (b"\xef\xbb\xbf" if "mark" in defects else b"") + text.encode()
    found = parse_dimacs(data, lenient=True)
    assert found.clauses() == formula.clauses()
    largest = max((abs(literal) for clause in formula.clauses() for literal in clause), default=0)
    assert found.n_variables == (largest if defects & {"header", "counts"} else formula.n_variables)


def test_satlib(satlib) -> None:
    for path in sorted(satlib.glob("*.cnf")):
        text = path.read_bytes()
        before = text.partition(b"\n%\n")[0]
        with pytest.raises(DimacsError) as caught:
            load_dimacs(path)
        where = f"{path}: line {before.count(10) + 2}, column 1: '%' is no literal; SATLIB"
        assert str(caught.value).startswith(where)
        assert str(caught.value).endswith("try --lenient")
        formula = load_dimacs(path, lenient=True)
        assert (formula.n_variables, formula.clauses()) == read(before)
        assert formula.comments[-1] == f"{FORGIVEN}the line % and the zeros after it"
        assert set(formula.widths.tolist()) == {3}
        assert parse_dimacs(dimacs_bytes(formula)) == formula
