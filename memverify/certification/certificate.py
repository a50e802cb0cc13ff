"""Certificates and counterexamples: what was proved, and the JSON that says so.

Formats ``memverify-certificate`` and ``memverify-counterexample`` are documented in
docs/formats.md; `checker` (version 1) and `tensor_checker` (version 2) read them with code of their
own. Version 2 says what version 1 cannot: several classes, a threshold, tensor networks, the source
of a network, and which samples fail.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gmpy2 import mpq

from ..errors import FileFormatError, MalformedCertificateError, NumberFormatError
from ..formats.atomic import atomic_write
from ..formats.json_file import expect_keys, parse_json, read_file, show
from ..rational import Rational, format_number, parse_number

CERTIFICATE_FORMAT = "memverify-certificate"
COUNTEREXAMPLE_FORMAT = "memverify-counterexample"
VERSION, TENSOR_VERSION = 1, 2
MOST_LISTED = 1000
"""Failing samples that a counterexample lists at most."""


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
    float32_any_order : int or None
        How many samples every float32 evaluation answers as it is proved here, in whatever order
        it adds (docs/float-bounds.md); None where no float32 stage ran, with a threshold, and for
        a source whose float evaluations differ. Not in the file.
    theorem : dict or None
        Theorem 4.1's bound for these data, for comparison.
    version : int
        Of the format: 2 where version 1 has no room for what is said.
    n_classes : int or None
        C if the rule is "argmax": the true class's output is strictly the largest of C. None if
        it is "sign": label * (F(x) - threshold) > 0.
    threshold : Rational
    source_sha256, source_format : str or None
        Of the file that the network was read from, if it is not its canonical file.
    """

    network_sha256: str
    dataset_sha256: str
    n_samples: int
    n_features: int
    architecture: dict[str, int]
    decided_by: dict[str, int]
    theorem: dict[str, Any] | None = field(default=None, compare=False)
    version: int = VERSION
    n_classes: int | None = None
    threshold: Rational = field(default_factory=mpq)
    source_sha256: str | None = None
    source_format: str | None = None
    float32_any_order: int | None = field(default=None, compare=False, kw_only=True)

    @property
    def rule(self) -> str:
        """What decides: "sign" or "argmax"."""
        return "sign" if self.n_classes is None else "argmax"

    def _head_json(self, format_name: str, verdict: str) -> dict[str, Any]:
        head: dict[str, Any] = {
            "format": format_name,
            "version": self.version,
            "verdict": verdict,
            "semantics": "real",
        }
        if self.version != VERSION:
            head["rule"] = self.rule
            if self.n_classes is None:
                head["threshold"] = format_number(self.threshold)
            else:
                head["n_classes"] = self.n_classes
        return {**head, "n_samples": self.n_samples, "n_features": self.n_features}

    def _shared_json(self) -> dict[str, Any]:
        shared: dict[str, Any] = {
            "network_sha256": self.network_sha256,
            "dataset_sha256": self.dataset_sha256,
            "architecture": self.architecture,
            "decided_by": self.decided_by,
        }
        if self.source_sha256 is not None:
            shared |= {"source_sha256": self.source_sha256, "source_format": self.source_format}
        if self.theorem is not None:
            shared["theorem"] = self.theorem
        return shared


@dataclass(frozen=True, kw_only=True)
class Certificate(Evidence):
    """The network memorizes the data: every sample's margin is positive, over the rationals.

    The margin of a sample is y (F(x) - threshold), or the output of its class less the largest
    other one.

    Attributes
    ----------
    min_margin : Rational
        The least margin, exact.
    min_margin_sample : int
        A sample that attains it, counted from 0.
    """

    min_margin: Rational
    min_margin_sample: int
    verdict = "memorizes"

    def to_json(self) -> dict[str, Any]:
        """Return the JSON-ready certificate."""
        return {
            **self._head_json(CERTIFICATE_FORMAT, self.verdict),
            "min_margin": format_number(self.min_margin),
            "min_margin_sample": self.min_margin_sample,
            **self._shared_json(),
        }


@dataclass(frozen=True, kw_only=True)
class Counterexample(Evidence):
    """A sample whose margin is not positive; F(x) = threshold, or a tie, is not memorized.

    Attributes
    ----------
    index : int
        The sample, counted from 0: the first that fails.
    label : int
        Its label or class.
    output : Rational
        F(x), exact; for classes the output of the true one.
    outputs : tuple of Rational
        For classes the outputs of all of them, else empty.
    n_failures : int
        How many samples fail in all.
    n_zero : int
        How many samples have F(x) = threshold, or no strictly largest output: no answer, rather
        than the wrong one.
    failing : tuple of int
        The first failing samples, at most `MOST_LISTED`; version 1 has no room for them.
    """

    index: int
    label: int
    output: Rational
    n_failures: int
    n_zero: int = 0
    outputs: tuple[Rational, ...] = ()
    failing: tuple[int, ...] = field(default=(), compare=False)
    verdict = "fails"

    @property
    def n_ties(self) -> int:
        """Samples without a strictly largest output; `n_zero` under the name it has for classes."""
        return self.n_zero

    @property
    def margin(self) -> Rational:
        """The sample's margin, at most 0."""
        if self.n_classes is None:
            return self.label * (self.output - self.threshold)
        return self.output - max(self.outputs[: self.label] + self.outputs[self.label + 1 :])

    def to_json(self) -> dict[str, Any]:
        """Return the JSON-ready counterexample."""
        shown: dict[str, Any] = {"index": self.index, "label": self.label}
        if self.n_classes is None:
            shown["output"] = format_number(self.output)
        else:
            shown["outputs"] = [format_number(output) for output in self.outputs]
        return {
            **self._head_json(COUNTEREXAMPLE_FORMAT, self.verdict),
            "counterexample": shown,
            "n_failures": self.n_failures,
            "n_zero" if self.n_classes is None else "n_ties": self.n_zero,
            **({"failing": list(self.failing)} if self.version != VERSION else {}),
            **self._shared_json(),
        }


def certificate_text(evidence: Certificate | Counterexample) -> str:
    """Return the certificate file's text."""
    return json.dumps(evidence.to_json(), indent=1) + "\n"


def save_certificate(evidence: Certificate | Counterexample, path: str | Path) -> None:
    """Write a certificate or counterexample file, whole or not at all.

    Raises
    ------
    MalformedCertificateError
        For anything else.
    """
    if not isinstance(evidence, Certificate | Counterexample):
        raise MalformedCertificateError(
            f"save_certificate writes what certify returns, not {type(evidence).__name__}"
        )
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
_OPTIONAL_KEYS = ("decided_by", "theorem", "network_file", "dataset_name", "created_by")
_SOURCE_KEYS = ("source_sha256", "source_format")
_SIZES = ("input_dim", "depth", "width", "num_parameters", "num_nonzero")
_SHA256 = re.compile(r"[0-9a-f]{64}\Z", re.ASCII)


def _parse(document: Any) -> Certificate | Counterexample:
    if not isinstance(document, dict) or document.get("format") not in (
        CERTIFICATE_FORMAT,
        COUNTEREXAMPLE_FORMAT,
    ):
        raise FileFormatError("this is no memverify certificate or counterexample")
    proves = document["format"] == CERTIFICATE_FORMAT
    version = _natural(document, "version", 1) if "version" in document else VERSION
    if version not in (VERSION, TENSOR_VERSION):
        raise FileFormatError(f"version {version} is not known; this program reads 1 and 2")
    required, optional = _keys_of(document, proves, version)
    expect_keys(document, (*required, *(key for key in optional if key in document)), "the certificate")
    if document["verdict"] != ("memorizes" if proves else "fails") or document["semantics"] != "real":
        raise FileFormatError("verdict or semantics do not fit the format")
    hashes = ["network_sha256", "dataset_sha256"] + ["source_sha256"] * ("source_sha256" in document)
    for key in hashes:
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
        "version": version,
        **{key: document[key] for key in _SOURCE_KEYS if key in document},
    }
    if "n_classes" in document:
        shared["n_classes"] = _natural(document, "n_classes", 2)
    if "threshold" in document:
        shared["threshold"] = _number(document, "threshold")
    if proves:
        return Certificate(
            **shared,
            min_margin=_number(document, "min_margin"),
            min_margin_sample=_natural(document, "min_margin_sample"),
        )
    return _parse_counterexample(document, shared)


def _keys_of(document: dict[str, Any], proves: bool, version: int) -> tuple[list[str], list[str]]:
    """Return the keys that a certificate of this version and rule must have, and those it may have."""
    own = ["min_margin", "min_margin_sample"] if proves else ["counterexample"]
    if version == VERSION:
        return [*_SHARED_KEYS, *own], [*_OPTIONAL_KEYS, "n_failures", "n_zero"]
    if document.get("rule") not in ("sign", "argmax"):
        raise FileFormatError(f'"rule" is {show(document.get("rule"))}; it must be "sign" or "argmax"')
    classes = document["rule"] == "argmax"
    own += ["rule", "n_classes" if classes else "threshold"]
    own += [] if proves else ["n_failures", "n_ties" if classes else "n_zero", "failing"]
    source = list(_SOURCE_KEYS) if any([key in document for key in _SOURCE_KEYS]) else []
    return [*_SHARED_KEYS, *own, *source], list(_OPTIONAL_KEYS)


def _parse_counterexample(document: dict[str, Any], shared: dict[str, Any]) -> Counterexample:
    claim, n_classes = document["counterexample"], shared.get("n_classes")
    expect_keys(claim, ("index", "label", "outputs" if n_classes else "output"), "the counterexample")
    if n_classes is None and (type(claim["label"]) is not int or claim["label"] not in (-1, 1)):
        raise FileFormatError('"label" must be -1 or 1')
    if n_classes is not None and _natural(claim, "label") >= n_classes:
        raise FileFormatError(f'"label" is {claim["label"]}; the classes end at {n_classes - 1}')
    outputs: tuple[Rational, ...] = ()
    if n_classes is not None:
        texts = claim["outputs"]
        if not isinstance(texts, list) or len(texts) != n_classes:
            raise FileFormatError(f'"outputs" must be a list of {n_classes} numbers')
        outputs = tuple([_number({"outputs": text}, "outputs") for text in texts])
    failing = document.get("failing", [])
    if not isinstance(failing, list) or len(failing) > MOST_LISTED:
        raise FileFormatError(f'"failing" must be a list of at most {MOST_LISTED} sample indices')
    zero = "n_zero" if n_classes is None else "n_ties"
    return Counterexample(
        **shared,
        index=_natural(claim, "index"),
        label=claim["label"],
        output=_number(claim, "output") if n_classes is None else outputs[claim["label"]],
        outputs=outputs,
        n_failures=_natural(document, "n_failures", 1) if "n_failures" in document else 1,
        n_zero=_natural(document, zero) if zero in document else 0,
        failing=tuple([_natural({"failing": index}, "failing") for index in failing]),
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
