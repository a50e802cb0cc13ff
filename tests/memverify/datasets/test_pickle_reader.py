from __future__ import annotations

import collections
import contextlib
import datetime
import os
import pickle
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memverify.datasets.pickle_reader import Name, Record, read_pickle
from memverify.errors import FileFormatError

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.binary() | st.text(),
    lambda inner: (
        st.lists(inner)
        | st.tuples(inner)
        | st.tuples(inner, inner, inner, inner)
        | st.dictionaries(st.text() | st.integers() | st.binary(), inner)
    ),
    max_leaves=10,
)


@settings(max_examples=50)
@given(PLAIN, st.integers(0, pickle.HIGHEST_PROTOCOL))
def test_plain_data_comes_back(value, protocol: int) -> None:
    found = read_pickle(pickle.dumps(value, protocol), "here")
    assert found == value
    assert repr(found) == repr(value)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_every_protocol(protocol: int) -> None:
    value = {"a": [1, -(2**70), (3, (), "é\n")], "b": {"c": None}, "big": list(range(3000)), "same": []}
    value["same"] = value["big"]
    found = read_pickle(pickle.dumps(value, protocol), "here")
    assert found == value
    assert found["same"] is found["big"]


def test_strings_of_python_2_are_bytes() -> None:
    long = bytes(range(256)) * 2
    content = b"\x80\x02]q\x00(U\x03a\xff\x00T" + len(long).to_bytes(4, "little") + long + b"S'b'\ne."
    assert read_pickle(content, "here") == [b"a\xff\x00", long, b"b"]


class Runs:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return os.system, (f"touch {self.path}",)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_nothing_named_is_run(tmp_path, protocol: int) -> None:
    content = pickle.dumps(Runs(tmp_path / "ran"), protocol)
    found = read_pickle(content, "here")
    assert isinstance(found, Record)
    assert isinstance(found.function, Name)
    assert found.function.name == "system"
    assert found.arguments == (f"touch {tmp_path / 'ran'}",)
    assert not (tmp_path / "ran").exists()
    pickle.loads(content)  # the danger is real
    assert (tmp_path / "ran").exists()


def test_states_are_kept() -> None:
    found = read_pickle(pickle.dumps(datetime.date(2020, 1, 2), 2), "here")
    assert found.function == Name("datetime", "date")
    content = b"cm\nC\n)\x81}(U\x01aK\x01ub."
    assert read_pickle(content, "here") == Record(Name("m", "C"), (), {b"a": 1})


@pytest.mark.parametrize(
    ("content", "pattern"),
    [
        (b"", "damaged pickle"),
        (b".", "ends with 0 objects"),
        (b"NN.", "ends with 2 objects"),
        (b"(.", "a mark where an object is needed"),
        (b"N", "damaged pickle"),
        (b"]", "damaged pickle"),
        (b"\xff.", "damaged pickle"),
        (b"t.", "damaged pickle"),
        (b"a.", "damaged pickle"),
        (b"NNa.", "appended to what is no list"),
        (b"(NNs.", "no dictionary"),
        (b"}(Nu.", "no dictionary"),
        (b"}]Ns.", "a dictionary key of type list"),
        (b"}NNs.", "a dictionary key of type NoneType"),
        (b"}))s.", "a dictionary key of type tuple"),
        (b"NNb.", "not called into being"),
        (b"h\x00.", "nothing is kept under 0"),
        (b"(q\x00.", "a mark is kept"),
        (b"U\xff.", "damaged pickle"),
        (b"T\xff\xff\xff\x7f.", "damaged pickle"),
        (b"\x8e" + b"\xff" * 7 + b"\x7f.", "damaged pickle"),
        (b"I" + b"9" * 5000 + b"\n.", "damaged pickle"),
        (b"\x8c\x01\xff.", "damaged pickle"),
        (b"K\x01K\x02\x93.", "a name that is no text"),
        (b"(I1\nios\nsystem\n.", "opcode INST"),
        (b"(cos\nsystem\nI1\no.", "opcode OBJ"),
        (b"P1\n.", "opcode PERSID"),
        (b"G" + bytes(8) + b".", "opcode BINFLOAT"),
        (b"\x82\x01.", "opcode EXT1"),
        (b"2.", "opcode DUP"),
    ],
)
def test_damage_is_one_line(content: bytes, pattern: str) -> None:
    with pytest.raises(FileFormatError, match=pattern) as caught:
        read_pickle(content, "here")
    assert str(caught.value).startswith("here: ")
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


def test_nested_tuples_as_a_key_take_no_time() -> None:
    # Hashing this key would take 2^200 steps.
    with pytest.raises(FileFormatError, match="key of type tuple"):
        read_pickle(b"})" + b"q\x00h\x00\x86" * 200 + b"Ns.", "here")


def test_an_escape_that_no_writer_makes_is_damage() -> None:
    with pytest.raises(FileFormatError, match="damaged pickle"):
        read_pickle(b"c\\ollections\nOrderedDict\n.", "here")


@settings(max_examples=150)
@given(st.data())
def test_changed_bytes_never_escape(data) -> None:
    value = collections.OrderedDict(a=[1, 2, (3, b"x")], b={"c": "d"})
    content = bytearray(pickle.dumps(value, data.draw(st.integers(0, 5))))
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(FileFormatError):
        read_pickle(bytes(content), "here")
