"""docs/schemas against what memverify writes, and against what it must never write."""

import copy
import json

import jsonschema
import pytest
from hypothesis import given, settings

from memverify.certification.certificate import certificate_text
from memverify.certification.certify import certify
from memverify.constructions.optimal_parameters import construct_optimal_parameters
from memverify.dataset import Dataset
from memverify.network import Affine, Network

from ...strategies import networks_with_data, text_of
from .naive_checker import ROOT, XOR_NETWORK
from .verdict import BAD, GOOD, LINE


def validator(name):
    schema = json.loads((ROOT / "docs" / "schemas" / f"memverify-{name}-1.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


VALIDATORS = {name: validator(name) for name in ("network", "certificate", "counterexample")}
NOT_NUMBERS = [0.5, 1, 1.0, "0.5", "1e3", "nan", "+1", "1/-2", "1/0", "1/0x00", "", " 1", None, True, ["1"]]


def validate(document):
    """Against the schema of its own format, and no other."""
    kind = document["format"].removeprefix("memverify-")
    VALIDATORS[kind].validate(document)
    assert not [name for name in VALIDATORS if name != kind and VALIDATORS[name].is_valid(document)]
    return kind


def written(network, data):
    """The two documents memverify writes, as they are read back, and the kind of the second."""
    document = json.loads(text_of(network))
    claim = json.loads(certificate_text(certify(network, data)))
    assert validate(document) == "network"
    return document, claim, validate(claim)


def test_schemas_accept_the_samples(xor):
    for folder in (ROOT / "tests" / "certificates" / "valid").iterdir():
        VALIDATORS["network"].validate(json.loads((folder / "network.json").read_text()))
        validate(json.loads((folder / "certificate.json").read_text()))
    certificate, network, _ = xor
    for key in certificate:
        assert not VALIDATORS["certificate"].is_valid({k: v for k, v in certificate.items() if k != key})
    assert not VALIDATORS["certificate"].is_valid(certificate | {"extra": 1})
    network["layers"][0]["bias"][0] = 0
    assert not VALIDATORS["network"].is_valid(network)


@settings(max_examples=25, deadline=None)
@given(networks_with_data())
def test_whatever_memverify_writes_follows_the_schemas(pair):
    assert written(*pair)[2] in ("certificate", "counterexample")


def test_a_constructed_network_and_its_certificate_follow_the_schemas():
    data = Dataset([["1/7"], ["3/7"], ["6/7"]], [1, -1, 1])
    assert written(construct_optimal_parameters(data).network, data)[2] == "certificate"


def test_numbers_in_hexadecimal_follow_the_schemas():
    network = Network.sequential([Affine.from_dense([[10**4000]], [0])])
    document, claim, _ = written(network, Dataset([[1]], [1]))
    assert document["layers"][0]["weight"][0][0][1].startswith("0x")
    assert claim["min_margin"].startswith("0x")


@pytest.mark.parametrize("number", NOT_NUMBERS, ids=repr)
def test_schemas_reject_floats_and_other_spellings(number):
    VALIDATORS["network"].validate(XOR_NETWORK)
    for place in range(2):
        network = copy.deepcopy(XOR_NETWORK)
        network["layers"][place]["weight"][0][0][1] = number
        assert not VALIDATORS["network"].is_valid(network)
        network = copy.deepcopy(XOR_NETWORK)
        network["layers"][place]["bias"][0] = number
        assert not VALIDATORS["network"].is_valid(network)
    _, certificate, kind = written(LINE, GOOD)
    assert not VALIDATORS[kind].is_valid(certificate | {"min_margin": number})
    _, claim, kind = written(LINE, BAD)
    shown = claim["counterexample"] | {"output": number}
    assert not VALIDATORS[kind].is_valid(claim | {"counterexample": shown})
