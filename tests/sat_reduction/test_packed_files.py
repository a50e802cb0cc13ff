from __future__ import annotations

import gzip
import io
import lzma
import os
import subprocess
import sys
from types import SimpleNamespace

import pytest

from memverify.errors import FileFormatError
from sat_reduction import packed_files
from sat_reduction.errors import DimacsError
from sat_reduction.packed_files import read_packed, write_packed

TEXT = b"p cnf 2 1\n1 -2 0\n" * 5000


def refusal(path) -> str:
    with pytest.raises(DimacsError) as caught:
        read_packed(path)
    message = str(caught.value)
    assert message.isprintable(), message
    return message


@pytest.mark.parametrize("name", ["f.cnf", "f.dimacs", "f", "f.cnf.gz", "f.cnf.xz", "f.GZ"])
def test_there_and_back(tmp_path, name) -> None:
    path = tmp_path / name
    write_packed([TEXT, b"", b"end\n"], path)
    assert read_packed(path) == TEXT + b"end\n"
    assert (path.stat().st_size < 3000) == name.endswith((".gz", ".xz"))
    first = path.read_bytes()
    write_packed([TEXT + b"end\n"], str(path))
    if name.endswith(".gz"):
        assert path.read_bytes() == first, "no time stamp"
    assert os.listdir(tmp_path) == [name]


@pytest.mark.parametrize("data", [b"", b"x", b"\x1f", b"\xfd7zX"])
def test_short_files(tmp_path, data) -> None:
    (tmp_path / "f").write_bytes(data)
    assert read_packed(tmp_path / "f") == data


def test_the_first_bytes_tell_compression_not_the_name(tmp_path) -> None:
    for place, packed in enumerate([gzip.compress(TEXT), lzma.compress(TEXT)]):
        path = tmp_path / f"{place}.cnf"
        path.write_bytes(packed)
        assert read_packed(path) == TEXT


@pytest.mark.parametrize("pack", [gzip.compress, lzma.compress])
def test_several_streams_one_after_the_other(tmp_path, pack) -> None:
    path = tmp_path / "f"
    path.write_bytes(pack(TEXT) + b"\0" * 8 + pack(b"") + pack(b"end"))
    assert read_packed(path) == TEXT + b"end"
    path.write_bytes(pack(TEXT) + b"\0" * 8)
    assert read_packed(path) == TEXT


@pytest.mark.parametrize("pack", [gzip.compress, lzma.compress])
def test_damaged(tmp_path, pack) -> None:
    packed = pack(os.urandom(2000))
    path = tmp_path / "f.gz"
    for cut in (6, 7, 30, len(packed) // 2, len(packed) - 1):
        path.write_bytes(packed[:cut])
        assert "cut short; copy" in refusal(path)
    for place in (len(packed) // 2, len(packed) - 5):
        changed = bytearray(packed)
        changed[place] ^= 255
        path.write_bytes(changed)
        assert "unpacked" in refusal(path) or "cut short" in refusal(path)
    path.write_bytes(packed + b"some garbage")
    assert "unpacked" in refusal(path)


@pytest.mark.parametrize(("suffix", "kind"), [(".gz", "gzip"), (".xz", "xz")])
def test_plain_under_a_packed_name(tmp_path, suffix, kind) -> None:
    path = tmp_path / f"f{suffix}"
    path.write_bytes(TEXT)
    assert f"no {kind} data" in refusal(path)


@pytest.mark.parametrize("pack", [bytes, gzip.compress, lzma.compress])
def test_bombs(tmp_path, monkeypatch, pack) -> None:
    monkeypatch.setattr(packed_files, "MAX_BYTES", 10**6)
    monkeypatch.setattr(packed_files, "_CHUNK", 1000)
    path = tmp_path / "f"
    path.write_bytes(pack(b"0" * 10**6))
    assert len(read_packed(path)) == 10**6
    path.write_bytes(pack(b"0" * (10**6 + 1)))
    assert "more than 1000000 bytes" in refusal(path)


def test_an_xz_file_that_wants_too_much_memory(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(packed_files, "_XZ_MEMORY", 1 << 20)
    (tmp_path / "f.xz").write_bytes(lzma.compress(b"", preset=6))
    assert read_packed(tmp_path / "f.xz") == b""
    (tmp_path / "f.xz").write_bytes(lzma.compress(TEXT, preset=6))
    assert "emory" in refusal(tmp_path / "f.xz")


def test_what_cannot_be_read(tmp_path) -> None:
    assert "is a folder" in refusal(tmp_path)
    assert "no such file" in refusal(tmp_path / "missing.cnf")
    assert "cannot be read" in refusal(tmp_path / "nul\0.cnf")
    assert "cannot be read" in refusal(tmp_path / ("x" * 300))
    assert "no such file" in refusal(str(tmp_path / "two\nlines"))
    assert "cannot be read" in refusal("\udcff\ud800")
    if os.path.exists("/dev/zero"):
        assert "is a device" in refusal("/dev/zero")


def test_standard_input_and_output(monkeypatch, tmp_path) -> None:
    for data in (TEXT, gzip.compress(TEXT)):
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(data)))
        assert read_packed("-") == TEXT
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(gzip.compress(TEXT)[:20])))
    assert refusal("-").startswith("standard input: ")
    target = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", SimpleNamespace(buffer=target))
    write_packed([b"a", b"b"], "-")
    assert target.getvalue() == b"ab"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_named_pipe(tmp_path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    code = "import sys; open(sys.argv[1], 'wb').write(b'p cnf 0 0' + b' ' * 200_000)"
    with subprocess.Popen([sys.executable, "-c", code, str(path)]) as writer:
        assert read_packed(path) == b"p cnf 0 0" + b" " * 200_000
    assert writer.returncode == 0


def test_a_failed_write_leaves_the_old_file(tmp_path) -> None:
    path = tmp_path / "f.cnf.gz"
    write_packed([b"old"], path)

    def broken():
        yield b"new"
        raise DimacsError("stop")

    with pytest.raises(DimacsError, match="stop"):
        write_packed(broken(), path)
    assert read_packed(path) == b"old"
    assert os.listdir(tmp_path) == ["f.cnf.gz"]
    with pytest.raises(FileFormatError):
        write_packed([b""], tmp_path / "nowhere" / "f.cnf")
