from __future__ import annotations

import os
import stat
import threading
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from memverify.dataset import Dataset
from memverify.datasets import load_dataset, save_dataset_csv
from memverify.errors import ContradictorySamplesError, DatasetError, FileFormatError
from memverify.formats.atomic import atomic_write


def write(folder, content: bytes | str) -> str:
    path = folder / "data.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return str(path)


EXPECTED = Dataset([["1/2", 3], [-1, "0.25"]], [1, -1])


@pytest.mark.parametrize(
    "content",
    [
        "1/2,3,1\n-1,1/4,-1\n",
        "0.5,3,1\n-1,0.25,-1",
        "\ufeff0.5,3,1\r\n-1,0.25,-1\r\n",
        "\ufeffx,y,label\r\n\r\n0.5,3,1\r\n-1,0.25,-1\r\n\r\n",
        "\n\n  \n.5 ,\t3 , +1\n\n -1, 25e-2 , -1.0\n \n",
        "größe, ,label\n+1/2,6/2,1.000\n-2/2,2.5e-1,-2/2\n",
        "1x1,1x2,label\n5e-1,0x3,0x1\n-0x1,1/0x4,-0x1\n",
        "a,b,c\n00.5,03,01\n-01,0.2500000000000000000000000000,-1e0\n",
    ],
)
def test_spellings_of_one_data_set(tmp_path, content: str) -> None:
    data = load_dataset(write(tmp_path, content))
    assert data == EXPECTED
    assert data.name == str(tmp_path / "data.csv")


BAD = [
    ("\n\n", DatasetError, "no samples"),
    ("a,b\n", DatasetError, "no samples"),
    ("\ufeff\n", DatasetError, "no samples"),
    ("1,2,1\n1,2\n", FileFormatError, "line 2: the number of fields is 2, but 3 in line 1"),
    ("a,b\n\n1,2,1\n", FileFormatError, "line 3: the number of fields is 3, but 2 in line 1"),
    ("1,2,1\n\n1,,1\n", FileFormatError, "line 3, column 2: an empty field"),
    ("1,2,1\n1,2,1,\n", FileFormatError, "line 2: the number of fields"),
    ("1,2,\n", FileFormatError, "line 1, column 3: an empty field"),
    ("1,x,1\n", FileFormatError, "line 1, column 2: 'x' is not"),
    ("0,1,label\n1,2,1\n", FileFormatError, "column 3: .*header"),
    ("nan,inf,1_0\n1,2,1\n", FileFormatError, "line 1, column 1"),
    ("1/0,5/0,2/0\n1,2,1\n", FileFormatError, "line 1, column 1.*denominator 0"),
    ("\u0661,\u0662,\u0661\n1,2,1\n", FileFormatError, "line 1, column 1"),
    ("1,2,1\n1_0,2,1\n", FileFormatError, "line 2, column 1"),
    ("1,2,1\nnan,2,1\n", FileFormatError, "line 2, column 1: 'nan'"),
    ("1,2,1\n1,1e999999999,1\n", FileFormatError, "line 2, column 2.*exponent"),
    ("1,2,1\n1,2,one\n", FileFormatError, "line 2, column 3: 'one'"),
    ("1,2,1\na,b,c\n", FileFormatError, "line 2, column 1"),
    ("1,2,0\n", DatasetError, r"line 1, column 3: the label is 0; .*2 y - 1"),
    ("1,2,1\n3,4,2\n", DatasetError, "line 2, column 3: the label is 2;"),
    ("1,2,0.999\n", DatasetError, "the label is 0.999"),
    ('"1",2,1\n', FileFormatError, "line 1, column 1: quotes"),
    ('"a","b"\n1,1\n', FileFormatError, "line 1, column 1: quotes"),
    ('1,2,1\n1,"2",1\n', FileFormatError, "line 2, column 2: quotes"),
    ("1;2;1\n", FileFormatError, "line 1: only one field.*semicolons"),
    ("1\t2\t1\n", FileFormatError, "line 1: only one field.*tabs"),
    ("1\n", FileFormatError, "line 1: only one field"),
    ("1,2,1\r3,4,1\r", FileFormatError, "line 1, column 3: a carriage return"),
    ("1,2,1\n1,\0002,1\n", FileFormatError, "line 2, column 2: a zero byte"),
    ("1,2,1\n# note\n", FileFormatError, "line 2: the number of fields is 1"),
    (b"1,2,1\n1,\xff2,1\n", FileFormatError, "line 2, column 2: not UTF-8 text .byte 0xff"),
    ("1,2,1\n".encode("utf-16"), FileFormatError, "line 1, column 1: not UTF-8"),
    (b"PK\x03\x04\x00\x00", FileFormatError, "line 1"),
    (b"", FileFormatError, "is empty"),
    ("1," + "7" * 5000 + "x,1\n", FileFormatError, r"column 2.*\(5001 characters\)"),
]


@pytest.mark.parametrize(("content", "kind", "pattern"), BAD)
def test_refusals_say_where(tmp_path, content, kind: type[Exception], pattern: str) -> None:
    path = write(tmp_path, content)
    with pytest.raises(kind, match=pattern) as caught:
        load_dataset(path)
    message = str(caught.value)
    assert message.startswith(path)
    assert "\n" not in message
    assert len(message) < len(path) + 200


def test_contradiction_names_lines(tmp_path) -> None:
    path = write(tmp_path, "x,y\n1/2,1\n\n3,1\n0.5,-1\n")
    with pytest.raises(ContradictorySamplesError, match="lines 2 and 5 of") as caught:
        load_dataset(path)
    assert (caught.value.first, caught.value.second) == (0, 2)


def test_contradiction_among_values_without_a_common_denominator(tmp_path) -> None:
    lines = [f"1/{2**89 + 2 * i + 1},1\n" for i in range(60)]
    lines.append(lines[7].replace(",1", ",-1"))
    with pytest.raises(ContradictorySamplesError, match="lines 8 and 61 of"):
        load_dataset(write(tmp_path, "".join(lines)))


def test_missing_file_folder_pipe_and_impossible_path(tmp_path) -> None:
    with pytest.raises(FileFormatError, match="no such file"):
        load_dataset(str(tmp_path / "none.csv"))
    folder = tmp_path / "folder.csv"
    folder.mkdir()
    with pytest.raises(FileFormatError, match="is a folder"):
        load_dataset(str(folder))
    with pytest.raises(FileFormatError, match="cannot be read"):
        load_dataset("a\0b.csv")
    with pytest.raises(FileFormatError, match="cannot be read"):
        load_dataset("\ud800.csv")
    with pytest.raises(FileFormatError, match="cannot be read"):
        load_dataset("a" * 5000 + ".csv")
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.csv")
        with pytest.raises(FileFormatError, match="not a regular file"):
            load_dataset(str(tmp_path / "pipe.csv"))


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="the superuser may read anything"
)
def test_unreadable_file(tmp_path) -> None:
    path = write(tmp_path, "1,1\n")
    os.chmod(path, 0)
    with pytest.raises(FileFormatError, match="cannot be read"):
        load_dataset(path)


def test_lack_of_memory_is_one_line(tmp_path, monkeypatch) -> None:
    from memverify.datasets import csv_reader

    def starve(*args, **kwargs):
        raise MemoryError

    monkeypatch.setattr(csv_reader, "_matrix_of", starve)
    with pytest.raises(FileFormatError, match="memory"):
        load_dataset(write(tmp_path, "1,1\n"))


@given(
    st.lists(
        st.tuples(st.fractions(), st.integers(), st.integers(-3, 3)), min_size=1, max_size=8, unique=True
    )
)
def test_save_then_load_is_equal(tmp_path_factory, points) -> None:
    data = Dataset(points, [1 if i % 3 else -1 for i in range(len(points))])
    path = tmp_path_factory.mktemp("csv") / "data.csv"
    save_dataset_csv(data, path)
    assert path.read_bytes() == b"".join(data.canonical_chunks())
    assert load_dataset(str(path)) == data


@pytest.mark.parametrize(
    "points",
    [
        [[10**4000], [10**5000 + 1]],
        [[Fraction(1, 2**89 + 2 * i + 1)] for i in range(60)],
        np.array([[5e-324, 1.7e308], [0.1, -0.0]]),
        [[2**62 - 1], [2**62], [-(2**63)]],
        [[Fraction(1, 10**18), 10**18]],
    ],
)
def test_extreme_values_survive(tmp_path, points) -> None:
    data = Dataset(points, [1] * len(points))
    save_dataset_csv(data, tmp_path / "data.csv")
    assert load_dataset(str(tmp_path / "data.csv")) == data


def test_more_distinct_tokens_than_the_cache_holds(tmp_path, monkeypatch) -> None:
    from memverify.datasets import csv_reader

    monkeypatch.setattr(csv_reader, "_CACHED_TOKENS", 3)
    points = [[i % 7, Fraction(i, 10)] for i in range(50)]
    data = Dataset(points, [1] * 50)
    text = "".join(f"{p[0]},{float(p[1])},1\n" for p in points)
    assert load_dataset(write(tmp_path, text)) == data


def test_many_rows_are_quick(tmp_path) -> None:
    import time

    row = ",".join(f"0.{i}" for i in range(10))
    path = write(tmp_path, f"{row},1\n" * 100_000)
    start = time.perf_counter()
    data = load_dataset(path)
    assert time.perf_counter() - start < 10
    assert (data.n_samples, data.n_features) == (100_000, 10)


def test_save_refuses_folder_and_missing_parent(tmp_path) -> None:
    for target, word in ((tmp_path, "is a folder"), (tmp_path / "no" / "a.csv", "does not exist")):
        with pytest.raises(FileFormatError, match=word):
            save_dataset_csv(EXPECTED, target)
    assert list(tmp_path.iterdir()) == []


def write_and_fail(path, error: BaseException) -> None:
    with atomic_write(path) as stream:
        stream.write(b"new")
        raise error


def test_failed_write_leaves_the_old_file_and_nothing_else(tmp_path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"old")
    for error in (KeyboardInterrupt(), RuntimeError("x")):
        with pytest.raises(type(error)):
            write_and_fail(path, error)
    with pytest.raises(FileFormatError, match="cannot be written: disk full"), atomic_write(path):
        raise OSError(28, "disk full")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(os.name != "posix", reason="POSIX permissions")
def test_written_files_have_the_permissions_of_any_new_file(tmp_path) -> None:
    plain = tmp_path / "plain"
    plain.write_bytes(b"")
    save_dataset_csv(EXPECTED, tmp_path / "a.csv")
    assert stat.S_IMODE((tmp_path / "a.csv").stat().st_mode) == stat.S_IMODE(plain.stat().st_mode)


@pytest.mark.skipif(os.name != "posix", reason="POSIX links and devices")
def test_links_are_followed_and_devices_refused(tmp_path) -> None:
    (tmp_path / "real.csv").write_bytes(b"old")
    (tmp_path / "link.csv").symlink_to("real.csv")
    save_dataset_csv(EXPECTED, tmp_path / "link.csv")
    assert (tmp_path / "link.csv").is_symlink()
    assert load_dataset(str(tmp_path / "real.csv")) == EXPECTED
    with pytest.raises(FileFormatError, match="not a regular file"), atomic_write("/dev/null"):
        pass


def test_writers_of_one_target_do_not_mix(tmp_path) -> None:
    path = tmp_path / "a.csv"

    def job(letter: bytes) -> None:
        for _ in range(20):
            with atomic_write(path) as stream:
                stream.write(letter * 10_000)

    threads = [threading.Thread(target=job, args=(letter,)) for letter in (b"a", b"b")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert path.read_bytes() in (b"a" * 10_000, b"b" * 10_000)
    assert list(tmp_path.iterdir()) == [path]


def test_compressing_wrapper(tmp_path) -> None:
    import gzip

    with atomic_write(tmp_path / "a.gz") as raw, gzip.GzipFile(fileobj=raw, mode="wb") as stream:
        stream.write(b"content")
    assert gzip.decompress((tmp_path / "a.gz").read_bytes()) == b"content"
