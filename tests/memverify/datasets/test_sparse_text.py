from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from memverify import SparseDataset, load_dataset
from memverify.certification import checker
from memverify.datasets import sparse_text
from memverify.datasets.sparse_text import save_sparse_text
from memverify.errors import ContradictorySamplesError, DatasetError, FileFormatError, MemverifyError

from ..sparse_samples import Plain, long_rationals, plain_samples

F = Fraction
HEAD = "memverify-sparse-dataset 1 n_features=4 background=1/2 first_column=0"
GOOD = f"{HEAD}\n1 0:1/3 3:5/6\n-1 1:1/3\n1\n"
DATA = SparseDataset(4, [1, -1, 1], [0, 2, 3, 3], [0, 3, 1], [0, 1, 0], ["-1/6", "1/3"], background="1/2")


def load(folder, content: str | bytes) -> SparseDataset:
    path = folder / "data.sparse"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return load_dataset(str(path))


class TestRoundTrip:
    @settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(st.one_of(plain_samples(), plain_samples(values=long_rationals, max_samples=3)))
    def test_what_is_written_is_read(self, tmp_path, plain):
        data = plain.build(note={"a": 1})
        save_sparse_text(data, tmp_path / "data.sparse")
        again = load_dataset(str(tmp_path / "data.sparse"))
        assert again == data
        assert again.note is None
        assert (tmp_path / "data.sparse").read_text() == plain.text()

    @settings(max_examples=40, deadline=None)
    @given(plain_samples())
    def test_the_checker_reads_the_same(self, plain):
        read = checker.read_sparse(plain.text().encode())
        assert (read.n_features, read.background) == (plain.n_features, plain.background)
        expected = [
            (sorted(row.items()), label) for row, label in zip(plain.rows, plain.labels, strict=True)
        ]
        assert [*read.samples] == expected

    def test_written_in_blocks(self, tmp_path, monkeypatch):
        from memverify.sparse_rows import blocks

        plain = Plain(9, F(0), [{k % 9: F(1), 8: F(2)} for k in range(40)], [1] * 40)
        monkeypatch.setattr(sparse_text, "blocks", lambda starts: blocks(starts, 3))
        monkeypatch.setattr(sparse_text, "_CACHED_VALUES", 1)
        save_sparse_text(plain.build(), tmp_path / "data.sparse")
        assert (tmp_path / "data.sparse").read_text() == plain.text()
        assert load_dataset(str(tmp_path / "data.sparse")) == plain.build()

    def test_other_spellings(self, tmp_path):
        text = GOOD.replace("\n", "\r\n").replace("1 0:1/3", "+1\t00:2/6  ").replace("5/6", "0x5/6")
        assert load(tmp_path, text + "\n  \n") == DATA
        assert load(tmp_path, GOOD.replace("=1/2", "=.5").removesuffix("\n")) == DATA

    def test_unwritable(self, tmp_path):
        with pytest.raises(FileFormatError, match="cannot be written"):
            save_sparse_text(DATA, tmp_path / "none" / "data.sparse")


class TestRefusals:
    @pytest.mark.parametrize(
        ("content", "pattern"),
        [
            ("1 0:1\n", "line 1: must be"),
            (GOOD.replace("dataset 1", "dataset 2"), "line 1: must be"),
            (GOOD.replace("first_column=0", "first_column=1"), "line 1: must be"),
            (GOOD.replace(" first_column=0", ""), "line 1: must be"),
            (GOOD.replace("features=4", "features=0"), "line 1: must be"),
            (GOOD.replace("features=4", "features=2147483648"), "line 1: 2147483648 features"),
            (GOOD.replace("features=4", "features=99999999999"), "line 1: must be"),
            (GOOD.replace("background=1/2", "background=x"), "line 1: the background: 'x' is not"),
            (GOOD.replace("background=1/2", "background=1/0"), "line 1: the background: '1/0'"),
            (HEAD, "no samples"),
            (HEAD + "\n\n", "no samples"),
            (GOOD.replace("-1 1:", "0 1:"), "line 3: the label is '0'; write labels"),
            (GOOD.replace("-1 1:", "1:"), "line 3: the label is '1:1/3'"),
            (GOOD.replace("3:5/6", "4:5/6"), "line 2: entry 2 has the column 4; columns ascend from 0 to"),
            (GOOD.replace("3:5/6", "0:5/6"), "line 2: entry 2 has the column 0"),
            (GOOD.replace("3:5/6", "-3:5/6"), "line 2: entry 2 is '-3:5/6'"),
            (GOOD.replace("3:5/6", "3"), "line 2: entry 2 is '3'"),
            (GOOD.replace("3:5/6", "3:"), "line 2: entry 2 is '3:'"),
            (GOOD.replace("3:5/6", "3 :5/6"), "line 2: entry 2 is '3'"),
            (GOOD.replace("3:5/6", "99999999999:1"), "line 2: entry 2 is '99999999999:1'"),
            (GOOD.replace("5/6", "nan"), "line 2: entry 2: 'nan' is not"),
            (GOOD.replace("5/6", "1/0"), "line 2: entry 2: '1/0' has the denominator 0"),
            (GOOD.replace("5/6", "0.50"), "line 2: entry 2 is 0.50, the background; leave it out"),
            (GOOD.replace("5/6", "\xe4"), "line 2: not ASCII text"),
            (b"\xff" + GOOD.encode(), "line 1: not ASCII text"),
        ],
    )  # fmt: skip
    def test_named(self, tmp_path, content, pattern):
        with pytest.raises((FileFormatError, DatasetError)) as caught:
            load(tmp_path, content)
        message = str(caught.value)
        assert pattern in message
        assert message.startswith(str(tmp_path / "data.sparse"))
        assert "\n" not in message
        raw = content if isinstance(content, bytes) else content.encode()
        if "no samples" not in pattern:  # that is for check_certificate to see
            refused_by_the_checker(raw)

    def test_contradictions_name_the_lines(self, tmp_path):
        with pytest.raises(ContradictorySamplesError, match=r"lines 2 and 5 of .*data.sparse"):
            load(tmp_path, GOOD.replace("-1 1", "\n-1 1").replace("\n1\n", "\n-1 0:2/6 3:5/6\n"))

    @settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(st.integers(0, len(GOOD)), st.integers(0, 3), st.text("0123 :/-\n\t=.xne\xe4", max_size=3))
    def test_any_change_is_a_data_set_or_a_named_error(self, tmp_path, place, cut, new):
        content = GOOD[:place] + new + GOOD[place + cut :]
        try:
            data = load(tmp_path, content)
        except MemverifyError as error:
            lines = str(error).count("\n") + 1
        else:
            lines = 0
        if lines:
            assert lines == 1
            return
        read = checker.read_sparse(content.encode())
        assert [label for _, label in read.samples] == data.labels.tolist()
        assert (read.n_features, read.background) == (data.n_features, data.background)


def refused_by_the_checker(content: bytes) -> None:
    def read():
        data = checker._SparseData(checker.read_sparse(content))
        for index, (entries, label) in enumerate(data.samples):
            data.add(entries, label, f"sample {index}")

    with pytest.raises(checker.MalformedError) as caught:
        read()
    assert caught.value.part == "data"
    assert "\n" not in str(caught.value)
