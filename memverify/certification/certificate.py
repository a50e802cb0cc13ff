"""Certificates and counterexamples: what was proved, and the JSON that says so.

Formats ``memverify-certificate`` and ``memverify-counterexample``, version 1, are documented
in docs/formats.md; `checker` reads them with code of its own.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import FileFormatError, MalformedCertificateError, NumberFormatError
from ..formats.atomic import atomic_write
from ..formats.json_file import expect_keys, parse_json, read_file
from ..rational import Rational, format_number, parse_number

CERTIFICATE_FORMAT = "memverify-certificate"
COUNTEREXAMPLE_FORMAT = "memverify-counterexample"
VERSION = 1


@dataclass(frozen=True)
class Evidence:
    """What a certificate and a counterexample share.

    Attributes
    ----------
    network_sha256, dataset_sha256 : str
        Of the canonical bytes.
    n_samples, n_features : int
    architecture : dict
        input_dim, depth, width, num_parameters, num_nonzero.
    decided_by : dict
        How many samples each exact route decided.
    theorem : dict or None
        Theorem 4.1's bound for these data, for comparison.
    """

    network_sha256: str
    dataset_sha256: str
    n_samples: int
    n_features: int
    architecture: dict[str, int]
    decided_by: dict[str, int]
    theorem: dict[str, Any] | None = field(default=None, compare=False)

    def _shared_json(self) -> dict[str, Any]:
        shared: dict[str, Any] = {
            "network_sha256": self.network_sha256,
            "dataset_sha256": self.dataset_sha256,
            "architecture": self.architecture,
            "decided_by": self.decided_by,
        }
        if self.theorem is not None:
            shared["theorem"] = self.theorem
        return shared


@dataclass(frozen=True, kw_only=True)
class Certificate(Evidence):
    """The network memorizes the data: y F(x) > 0 on every sample, over the rationals.

    Attributes
    ----------
    min_margin : Rational
        The least y F(x), exact.
    min_margin_sample : int
        A sample that attains it, counted from 0.
    """

    min_margin: Rational
    min_margin_sample: int
    verdict = "memorizes"

    def to_json(self) -> dict[str, Any]:
        """Return the JSON-ready certificate."""
        return {
            "format": CERTIFICATE_FORMAT,
            "version": VERSION,
            "verdict": self.verdict,
            "semantics": "real",
            "n_samples": self.n_samples,
            "n_features": self.n_features,
            "min_margin": format_number(self.min_margin),
            "min_margin_sample": self.min_margin_sample,
            **self._shared_json(),
        }


@dataclass(frozen=True, kw_only=True)
class Counterexample(Evidence):
    """A sample with y F(x) <= 0; F(x) = 0 is not memorized.

    Attributes
    ----------
    index : int
        The sample, counted from 0: the first that fails.
    label : int
    output : Rational
        F(x), exact.
    n_failures : int
        How many samples fail in all.
    n_zero : int
        How many of them have F(x) = 0: no answer, rather than the wrong one.
    """

    index: int
    label: int
    output: Rational
    n_failures: int
    n_zero: int = 0
    verdict = "fails"

    def to_json(self) -> dict[str, Any]:
        """Return the JSON-ready counterexample."""
        return {
            "format": COUNTEREXAMPLE_FORMAT,
            "version": VERSION,
            "verdict": self.verdict,
            "semantics": "real",
            "n_samples": self.n_samples,
            "n_features": self.n_features,
            "counterexample": {
                "index": self.index,
                "label": self.label,
                "output": format_number(self.output),
            },
            "n_failures": self.n_failures,
            "n_zero": self.n_zero,
            **self._shared_json(),
        }


def certificate_text(evidence: Certificate | Counterexample) -> str:
    """Return the certificate file's text."""
    return json.dumps(evidence.to_json(), indent=1) + "\n"


def save_certificate(evidence: Certificate | Counterexample, path: str | Path) -> None:
    """Write a certificate or counterexample file, whole or not at all."""
    with atomic_write(path) as file:
        file.write(certificate_text(evidence).encode("ascii"))


def load_certificate(path: str | Path) -> Certificate | Counterexample:
    """Read a certificate or counterexample file; its truth is `check`'s part.

    Raises
    ------
    MalformedCertificateError
        If the file cannot be read or does not follow its format.
    """
    try:
        return read_file(path, _parse_text, 1 << 26)
    except FileFormatError as error:
        raise MalformedCertificateError(str(error)) from None


def _parse_text(data: bytes) -> Certificate | Counterexample:
    try:
        return _parse(parse_json(data))
    except NumberFormatError as error:
        raise FileFormatError(str(error)) from None


_SHARED_KEYS = (
    "format",
    "version",
    "verdict",
    "semantics",
    "n_samples",
    "n_features",
    "network_sha256",
    "dataset_sha256",
    "architecture",
)
_OPTIONAL_KEYS = (
    "decided_by",
    "theorem",
    "network_file",
    "dataset_name",
    "created_by",
    "n_failures",
    "n_zero",
)
_SIZES = ("input_dim", "depth", "width", "num_parameters", "num_nonzero")
_SHA256 = re.compile(r"[0-9a-f]{64}\Z", re.ASCII)


def _parse(document: Any) -> Certificate | Counterexample:
    if not isinstance(document, dict) or document.get("format") not in (
        CERTIFICATE_FORMAT,
        COUNTEREXAMPLE_FORMAT,
    ):
        raise FileFormatError("this is no memverify certificate or counterexample")
    proves = document["format"] == CERTIFICATE_FORMAT
    own = ("min_margin", "min_margin_sample") if proves else ("counterexample",)
    required = (*_SHARED_KEYS, *own)
    expect_keys(
        document, (*required, *(key for key in _OPTIONAL_KEYS if key in document)), "the certificate"
    )
    _natural(document, "version", 1)
    if document["version"] != VERSION:
        raise FileFormatError(f"version {document['version']} is not known; this program reads {VERSION}")
    if document["verdict"] != ("memorizes" if proves else "fails") or document["semantics"] != "real":
        raise FileFormatError("verdict or semantics do not fit the format")
    for key in ("network_sha256", "dataset_sha256"):
        if not isinstance(document[key], str) or not _SHA256.match(document[key]):
            raise FileFormatError(f'"{key}" must be 64 lower-case hexadecimal digits')
    expect_keys(document["architecture"], _SIZES, "the architecture")
    for key in _SIZES:
        _natural(document["architecture"], key)
    shared = {
        "network_sha256": document["network_sha256"],
        "dataset_sha256": document["dataset_sha256"],
        "n_samples": _natural(document, "n_samples", 1),
        "n_features": _natural(document, "n_features", 1),
        "architecture": document["architecture"],
        "decided_by": document.get("decided_by", {}),
        "theorem": document.get("theorem"),
    }
    if proves:
        return Certificate(
            **shared,
            min_margin=_number(document, "min_margin"),
            min_margin_sample=_natural(document, "min_margin_sample"),
        )
    claim = document["counterexample"]
    expect_keys(claim, ("index", "label", "output"), "the counterexample")
    if type(claim["label"]) is not int or claim["label"] not in (-1, 1):
        raise FileFormatError('"label" must be -1 or 1')
    return Counterexample(
        **shared,
        index=_natural(claim, "index"),
        label=claim["label"],
        output=_number(claim, "output"),
        n_failures=_natural(document, "n_failures", 1) if "n_failures" in document else 1,
        n_zero=_natural(document, "n_zero") if "n_zero" in document else 0,
    )


def _natural(document: dict[str, Any], key: str, least: int = 0) -> int:
    value = document[key]
    if type(value) is not int or value < least:
        raise FileFormatError(f'"{key}" must be an integer from {least}')
    return value


def _number(document: dict[str, Any], key: str) -> Rational:
    value = document[key]
    if not isinstance(value, str):
        raise FileFormatError(f'"{key}" must be a string, such as "1/16"')
    return parse_number(value)
