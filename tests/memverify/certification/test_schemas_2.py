"""docs/schemas of version 2 against what is written, and against what must never be."""

import json

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memverify.certification.certificate import certificate_text
from memverify.certification.certify import certify
from memverify.class_dataset import ClassDataset
from memverify.dataset import Dataset
from memverify.tensors.json_tensors import canonical_chunks

from ..tensors.bad_documents import BIG, changed
from ..tensors.random_networks import random_data, random_network
from .naive_checker import ROOT
from .test_schemas import NOT_NUMBERS
from .test_tensor_checker import CASES as CLAIMS
from .test_tensors import CASES, Loaded, broken


def validator(name):
    schema = json.loads((ROOT / "docs" / "schemas" / f"memverify-{name}-2.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


VALIDATORS = {name: validator(name) for name in ("network", "certificate", "counterexample")}


def validate(document):
    """Against the schema of its own format, and no other."""
    kind = document["format"].removeprefix("memverify-")
    VALIDATORS[kind].validate(document)
    assert not [name for name in VALIDATORS if name != kind and VALIDATORS[name].is_valid(document)]


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 3))
def test_whatever_is_written_follows_the_schemas(seed, outputs):
    network = random_network(seed, outputs)
    data = random_data(seed, network.input_dim)
    if outputs > 1:
        data = ClassDataset(data, [seed % outputs] * data.n_samples, n_classes=outputs)
    validate(json.loads(b"".join(canonical_chunks(network))))
    for source in (None, Loaded(network)):
        validate(json.loads(certificate_text(certify(network, data, source=source))))


def test_hand_made_documents():
    validate(BIG)
    for network, _, _, claim in CLAIMS.values():
        validate(network)
        validate(claim)


@pytest.mark.parametrize("name", CASES)
def test_malformed_certificates_are_refused(name):
    network, data = CASES[name]
    document = certify(network, data).to_json()
    kind = document["format"].removeprefix("memverify-")
    validate(document)
    for bad in broken(document):
        if name == "classes fail" and bad.get("counterexample", {}).get("label") == 9:
            continue  # that 9 is no class is for the checker
        assert not VALIDATORS[kind].is_valid(bad), bad


@pytest.mark.parametrize("number", NOT_NUMBERS, ids=repr)
def test_schemas_reject_floats_and_other_spellings(number):
    for path in (("nodes", 0, "weight", "values", 0), ("nodes", 3, "shift", "values", 0)):
        assert not VALIDATORS["network"].is_valid(changed(path, number))
    found = certify(*CASES["classes"]).to_json()
    assert not VALIDATORS["certificate"].is_valid(found | {"min_margin": number})
    found = certify(*CASES["sign"], threshold="1/9").to_json()
    assert not VALIDATORS["certificate"].is_valid(found | {"threshold": number})
    found = certify(CASES["sign"][0], Dataset([["1"]], [1])).to_json()
    shown = found["counterexample"] | {"output": number}
    assert not VALIDATORS["counterexample"].is_valid(found | {"counterexample": shown})
