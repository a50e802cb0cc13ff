"""Where bundles are written: whole or not at all, and nothing else is lost."""

import os

import pytest

from memverify.errors import FileFormatError
from sat_reduction.bundle import decide, encode_source, write_bundle
from sat_reduction.cnf import Formula
from sat_reduction.errors import MalformedBundleError, SatReductionError
from sat_reduction.generate import random_cnf
from sat_reduction.manifest import FILES
from sat_reduction.verification import verify_bundle


def test_a_folder_with_other_files_is_left_alone(tmp_path):
    (tmp_path / "thesis.tex").write_text("dear")
    with pytest.raises(FileFormatError, match=r"thesis\.tex"):
        write_bundle(decide(Formula.of([[1]])), tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.tex"]


def test_an_older_bundle_is_replaced_whole(tmp_path):
    target = tmp_path / "out"
    write_bundle(decide(Formula.of([[1], [-1]])), target)
    write_bundle(decide(Formula.of([[1]])), target)
    assert {p.name for p in target.iterdir()} == {"manifest.json", *FILES["satisfiable"]}
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_a_bundle_replaces_one_in_the_working_folder(tmp_path, monkeypatch):
    target = tmp_path / "out"
    write_bundle(decide(Formula.of([[1], [-1]])), target)
    monkeypatch.chdir(target)
    write_bundle(decide(Formula.of([[1]])), ".")
    assert verify_bundle(".").answer == verify_bundle(target).answer == "satisfiable"
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_a_bundle_behind_a_link_is_replaced_and_the_link_stays(tmp_path):
    target, link = tmp_path / "out", tmp_path / "link"
    target.mkdir()
    link.symlink_to(target, target_is_directory=True)
    for clauses in ([[1], [-1]], [[1]]):
        write_bundle(decide(Formula.of(clauses)), link)
        assert verify_bundle(target).is_true
    assert link.is_symlink()


def test_a_folder_inside_is_no_file_of_a_bundle(tmp_path):
    (tmp_path / "model.txt").mkdir()
    with pytest.raises(FileFormatError, match=r"model\.txt"):
        write_bundle(decide(Formula.of([[1]])), tmp_path)


def test_a_bundle_that_cannot_be_moved_into_place_is_none(tmp_path, monkeypatch):
    target = tmp_path / "out"
    write_bundle(decide(Formula.of([[1], [-1]])), target)
    solution = decide(Formula.of([[1]]))
    replace = os.replace

    def full(source, to):
        if str(to).endswith("out/model.txt"):
            raise OSError(28, "No space left on device")
        replace(source, to)

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(FileFormatError, match="No space left"):
        write_bundle(solution, target)
    with pytest.raises(MalformedBundleError, match="manifest"):
        verify_bundle(target)
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_equal_formulas_give_equal_bundles(tmp_path):
    for name in ("a", "b"):
        write_bundle(decide(random_cnf(6, 40, 3, 5)), tmp_path / name)
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()


def test_unknown_choices():
    with pytest.raises(SatReductionError, match="linear, megiddo, none"):
        encode_source(Formula.of([[1]]), "paper", "magic")
    with pytest.raises(SatReductionError, match="as they are"):
        encode_source(Formula.of([[1]]), "nae", "megiddo")
