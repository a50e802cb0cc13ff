"""The manifest of a bundle: what is proved, by what, what is assumed, and the hash of every file."""

from __future__ import annotations

import hashlib
import json
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from memverify.errors import FileFormatError
from memverify.formats.json_file import check_head, expect_keys, parse_json, read_file

from .encoding import Encoding
from .errors import MalformedBundleError

FORMAT = "memverify-sat-bundle"
VERSION = 1
MANIFEST = "manifest.json"
DATASET = "dataset.npz"
MODEL = "model.txt"
NETWORK = "network.json.gz"
CERTIFICATE = "certificate.json"
REDUCED = "reduced.cnf"
PROOF = "proof.drat"
FILES = {
    "satisfiable": (DATASET, MODEL, NETWORK, CERTIFICATE),
    "unsatisfiable": (DATASET, REDUCED, PROOF),
}
"""The files of a bundle beside the manifest, by its answer."""

_KEYS = (
    "format",
    "version",
    "answer",
    "statement",
    "dataset_sha256",
    "data",
    "proved",
    "assumed",
    "files",
    "solver",
    "created_by",
)
_DATA_KEYS = ("scheme", "dimension", "n_samples", "n_variables", "n_clauses", "num_parameters")
_MAX_BYTES = 1 << 24


@dataclass(frozen=True)
class Manifest:
    """What a bundle claims.

    Attributes
    ----------
    answer : str
        "satisfiable" or "unsatisfiable".
    dataset_sha256 : str
        Of the data set's canonical form.
    data : dict
        scheme, dimension, n_samples, n_variables and n_clauses (of the formula that the
        data set encodes), num_parameters (dimension + 8).
    proved : list of dict
        id, statement, by.
    assumed : list of str
        What no program checks.
    files : dict
        SHA-256 of every other file of the bundle.
    solver, created_by : str
        For the record; nothing depends on them.
    """

    answer: str
    dataset_sha256: str
    data: dict[str, Any]
    proved: list[dict[str, str]]
    assumed: list[str]
    files: dict[str, str]
    solver: str
    created_by: str

    @property
    def statement(self) -> str:
        """The claim in one sentence."""
        return statement_of(self.answer, int(self.data["num_parameters"]))

    def text(self) -> str:
        """Return the manifest file's text."""
        document = {
            "format": FORMAT,
            "version": VERSION,
            "answer": self.answer,
            "statement": self.statement,
            "dataset_sha256": self.dataset_sha256,
            "data": self.data,
            "proved": self.proved,
            "assumed": self.assumed,
            "files": self.files,
            "solver": self.solver,
            "created_by": self.created_by,
        }
        return json.dumps(document, indent=1) + "\n"


def statement_of(answer: str, num_parameters: int) -> str:
    """Return what the two answers mean for the data set D of the bundle.

    Examples
    --------
    >>> statement_of("satisfiable", 114)
    'the network of this bundle has 114 parameters and memorizes D; no network with fewer does'
    """
    if answer == "satisfiable":
        return (
            f"the network of this bundle has {num_parameters} parameters and memorizes D; "
            "no network with fewer does"
        )
    return f"no network with at most {num_parameters} parameters memorizes D"


def evidence_of(answer: str, checker: str) -> list[dict[str, str]]:
    """Return what the files of a bundle prove, before any lemma: id, statement, by.

    Parameters
    ----------
    answer : {"satisfiable", "unsatisfiable"}
    checker : str
        What checked the DRAT proof, if there is one.
    """
    if answer == "unsatisfiable":
        return [
            {
                "id": "formula-unsatisfiable",
                "statement": "the formula that the points of D spell out is unsatisfiable",
                "by": f"a DRAT proof, checked by {checker}",
            }
        ]
    return [
        {
            "id": "network-memorizes",
            "statement": "y F(x) > 0 on every sample of D, over the rationals",
            "by": "memverify, exact evaluation; certificate for the independent checker",
        },
        {
            "id": "model-satisfies",
            "statement": "the model, read off the network's weights, satisfies the formula",
            "by": "evaluation of every clause",
        },
    ]


def data_of(encoding: Encoding) -> dict[str, Any]:
    """Return the sizes that a manifest states and a verification recomputes."""
    return {
        "scheme": encoding.scheme.name,
        "dimension": encoding.dimension,
        "n_samples": encoding.n_samples,
        "n_variables": encoding.formula.n_variables,
        "n_clauses": encoding.formula.n_clauses,
        "num_parameters": encoding.dimension + 8,
    }


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file's bytes.

    Raises
    ------
    MalformedBundleError
        If it cannot be read, or is no plain file: a pipe would never end.
    """
    digest = hashlib.sha256()
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise MalformedBundleError(f"{path}: is no plain file; a bundle holds nothing else")
        with path.open("rb") as stream:
            while block := stream.read(1 << 20):
                digest.update(block)
    except OSError as error:
        raise MalformedBundleError(f"{path}: cannot be read: {error.strerror or error}") from None
    return digest.hexdigest()


def load_manifest(folder: str | Path) -> Manifest:
    """Read the manifest of a bundle; whether it is true is the verification's part.

    Raises
    ------
    MalformedBundleError
        If the folder has none, or it does not follow its format.
    """
    place = Path(folder)
    if not place.is_dir():
        raise MalformedBundleError(f"{str(folder)!a} is no folder; name the folder that solve wrote")
    try:
        document = read_file(place / MANIFEST, _parse, _MAX_BYTES)
    except FileFormatError as error:
        raise MalformedBundleError(str(error)) from None
    return document


def _parse(data: bytes) -> Manifest:
    document = parse_json(data)
    check_head(document, FORMAT, VERSION, "the manifest")
    expect_keys(document, _KEYS, "the manifest")
    expect_keys(document["data"], _DATA_KEYS, '"data"')
    answer = document["answer"]
    if not isinstance(answer, str) or answer not in FILES:
        raise FileFormatError('"answer" must be "satisfiable" or "unsatisfiable"')
    expect_keys(document["files"], FILES[answer], '"files"')
    _expect_texts(document["files"], '"files"')
    for key in ("statement", "dataset_sha256", "solver", "created_by"):
        if not isinstance(document[key], str):
            raise FileFormatError(f'"{key}" must be a string')
    if not isinstance(document["proved"], list) or not isinstance(document["assumed"], list):
        raise FileFormatError('"proved" and "assumed" must be lists')
    for item in document["proved"]:
        expect_keys(item, ("id", "statement", "by"), 'an entry of "proved"')
        _expect_texts(item, 'an entry of "proved"')
    if not all(isinstance(item, str) for item in document["assumed"]):
        raise FileFormatError('"assumed" must hold strings')
    for key in _DATA_KEYS[1:]:
        if type(document["data"][key]) is not int or document["data"][key] < 0:
            raise FileFormatError(f'"{key}" must be an integer from 0')
    manifest = Manifest(
        answer=answer,
        **{
            key: document[key]
            for key in ("dataset_sha256", "data", "proved", "assumed", "files", "solver", "created_by")
        },
    )
    if document["statement"] != manifest.statement:
        raise FileFormatError('"statement" does not fit answer and data')
    return manifest


def _expect_texts(mapping: Mapping[str, Any], what: str) -> None:
    if not all(isinstance(value, str) for value in mapping.values()):
        raise FileFormatError(f"{what} must hold strings")
