"""Distribution files: round trips, the schema, and one-line refusals that say where."""

import json
from pathlib import Path

import jsonschema
import pytest
from gmpy2 import mpq

from memverify.distributions.ball_shell import BallShell
from memverify.distributions.boxes import BoxDistribution, LabeledBox
from memverify.distributions.distribution_file import (
    distribution_text,
    load_distribution,
    parse_distribution,
    save_distribution,
)
from memverify.distributions.finite import FiniteDistribution
from memverify.errors import FileFormatError

ROOT = Path(__file__).parents[3]
SCHEMA = jsonschema.Draft202012Validator(
    json.loads((ROOT / "docs" / "schemas" / "memverify-distribution-1.schema.json").read_text())
)
HEAD = {"format": "memverify-distribution", "version": 1}
BOX = {"low": ["0"], "high": ["1/5"], "label": 1, "weight": "1/3"}
OTHER = {"low": ["2/5"], "high": ["4/5"], "label": -1, "weight": "2/3"}
BOXES = HEAD | {"kind": "boxes", "boxes": [BOX, OTHER]}
POINT = {"point": ["0", "1/2"], "label": 1, "probability": "1/4"}
FAR = {"point": [1, "0.25"], "label": -1, "probability": "3/4"}
FINITE = HEAD | {"kind": "finite", "points": [POINT, FAR]}
SHELL = HEAD | {"kind": "ball-shell", "center": ["1/2", "0.5"], "r1": "1/4", "r2": "1/3", "r3": "0.5"}


def without(entry, key):
    return {name: value for name, value in entry.items() if name != key}


def read(document):
    return parse_distribution(json.dumps(document).encode())


def test_schema_is_a_schema():
    jsonschema.Draft202012Validator.check_schema(SCHEMA.schema)


def test_boxes():
    found = read(BOXES)
    SCHEMA.validate(BOXES)
    assert isinstance(found, BoxDistribution)
    assert found.boxes == (LabeledBox(["0"], ["1/5"], 1, "1/3"), LabeledBox(["2/5"], ["4/5"], -1, "2/3"))


def test_weights_left_out_are_proportional_to_volume():
    document = BOXES | {"boxes": [without(BOX, "weight"), without(OTHER, "weight")]}
    SCHEMA.validate(document)
    assert [box.weight for box in read(document).boxes] == [mpq(1, 3), mpq(2, 3)]


def test_finite():
    found = read(FINITE)
    SCHEMA.validate(FINITE)
    assert isinstance(found, FiniteDistribution)
    assert found.points == ((0, mpq(1, 2)), (1, mpq(1, 4)))
    assert found.labels == (1, -1)
    assert found.probabilities == (mpq(1, 4), mpq(3, 4))
    equal = FINITE | {"points": [without(POINT, "probability"), without(FAR, "probability")]}
    SCHEMA.validate(equal)
    assert read(equal).probabilities == (mpq(1, 2), mpq(1, 2))


def test_ball_shell():
    found = read(SHELL)
    SCHEMA.validate(SHELL)
    assert isinstance(found, BallShell)
    assert (found.center, found.r1, found.r2, found.r3) == (
        (mpq(1, 2),) * 2,
        mpq(1, 4),
        mpq(1, 3),
        mpq(1, 2),
    )


@pytest.mark.parametrize("document", [BOXES, FINITE, SHELL], ids=["boxes", "finite", "ball-shell"])
def test_round_trip(document, tmp_path):
    first, second = tmp_path / "a.json", tmp_path / "b.json"
    distribution = read(document)
    save_distribution(distribution, first)
    again = load_distribution(first)
    save_distribution(again, second)
    assert first.read_bytes() == second.read_bytes() == distribution_text(distribution).encode()
    SCHEMA.validate(json.loads(first.read_text()))
    assert type(again) is type(distribution)
    assert again.sample(20, 1) == distribution.sample(20, 1)
    assert again.class_probability(1) == distribution.class_probability(1)


def test_file_names(tmp_path):
    with pytest.raises(FileFormatError, match=r"name ends in \.json"):
        save_distribution(read(BOXES), tmp_path / "a.txt")
    missing = tmp_path / "missing.json"
    with pytest.raises(FileFormatError, match="does not exist"):
        load_distribution(missing)
    broken = tmp_path / "broken.json"
    broken.write_text("{")
    with pytest.raises(FileFormatError, match=r"broken\.json: not valid JSON"):
        load_distribution(broken)


MALFORMED = [
    (["no object"], "the distribution must be a JSON object"),
    (without(BOXES, "kind"), 'lacks the key "kind"'),
    (without(BOXES, "format"), 'lacks the key "format"'),
    (BOXES | {"format": "memverify-network"}, '"format" is "memverify-network"'),
    (BOXES | {"version": 2}, '"version" is 2'),
    (BOXES | {"version": True}, '"version" is true'),
    (BOXES | {"kind": "gauss"}, '"kind" is "gauss"; it is one of finite, boxes, ball-shell'),
    (BOXES | {"kind": ["boxes"]}, '"kind" is'),
    (BOXES | {"kind": "finite"}, 'lacks the key "points"'),
    (BOXES | {"extra": 1}, 'unknown key "extra"'),
    (BOXES | {"boxes": []}, '"boxes" must be a list of at least one entry'),
    (BOXES | {"boxes": {}}, '"boxes" must be a list'),
    (BOXES | {"boxes": [BOX, 3]}, "boxes, entry 1 must be a JSON object"),
    (BOXES | {"boxes": [BOX, without(OTHER, "low")]}, 'boxes, entry 1 lacks the key "low"'),
    (BOXES | {"boxes": [BOX, OTHER | {"more": 1}]}, 'boxes, entry 1 has the unknown key "more"'),
    (BOXES | {"boxes": [BOX, without(OTHER, "weight")]}, 'boxes, entry 1: "weight" is given in some'),
    (BOXES | {"boxes": [without(BOX, "weight"), OTHER]}, 'boxes, entry 1: "weight" is given in some'),
    (BOXES | {"boxes": [BOX, OTHER | {"label": 0}]}, 'boxes, entry 1: "label" is 0'),
    (BOXES | {"boxes": [BOX, OTHER | {"label": True}]}, 'boxes, entry 1: "label" is true'),
    (BOXES | {"boxes": [BOX, OTHER | {"label": "1"}]}, 'boxes, entry 1: "label" is "1"'),
    (BOXES | {"boxes": [BOX, OTHER | {"low": ["x"]}]}, "boxes, entry 1, \"low\", feature 0: 'x' is not"),
    (BOXES | {"boxes": [BOX, OTHER | {"low": []}]}, 'boxes, entry 1, "low" must be a list'),
    (BOXES | {"boxes": [BOX, OTHER | {"low": "0"}]}, 'boxes, entry 1, "low" must be a list'),
    (BOXES | {"boxes": [BOX, OTHER | {"high": [None]}]}, 'boxes, entry 1, "high", feature 0: null'),
    (BOXES | {"boxes": [BOX, OTHER | {"high": [True]}]}, 'boxes, entry 1, "high", feature 0: true'),
    (BOXES | {"boxes": [BOX, OTHER | {"weight": "1/0"}]}, "boxes, entry 1, \"weight\": '1/0' has"),
    (SHELL | {"r2": "one"}, "\"r2\": 'one' is not an exact number"),
    (SHELL | {"center": []}, '"center" must be a list'),
    (without(SHELL, "r3"), 'lacks the key "r3"'),
    (FINITE | {"points": [POINT, FAR | {"point": ["1", "?"]}]}, 'points, entry 1, "point", feature 1'),
]

NO_DISTRIBUTION = [
    (BOXES | {"boxes": [BOX, OTHER | {"low": ["1"]}]}, "boxes, entry 1: feature 0 .* low 1 is above"),
    (BOXES | {"boxes": [BOX, OTHER | {"weight": "1/3"}]}, "sum to 2/3"),
    (BOXES | {"boxes": [BOX, OTHER | {"low": ["1/5"]}]}, "boxes 0 and 1 .* touch"),
    (BOXES | {"boxes": [BOX, OTHER | {"low": [0, 0], "high": [1, 1]}]}, "box 1 .* has 2 features"),
    (SHELL | {"r2": "1/5"}, "do not ascend"),
    (FINITE | {"points": [POINT, FAR | {"point": POINT["point"]}]}, "same point with both labels"),
    (FINITE | {"points": [POINT, FAR | {"point": [1]}]}, "sample 1 has 1 features"),
]


@pytest.mark.parametrize(("document", "message"), MALFORMED)
def test_malformed(document, message):
    with pytest.raises(FileFormatError) as caught:
        read(document)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "document", [document for document, _ in MALFORMED if "1/0" not in json.dumps(document)]
)
def test_schema_refuses_the_malformed_too(document):
    assert not SCHEMA.is_valid(document)


@pytest.mark.parametrize(("document", "message"), NO_DISTRIBUTION)
def test_numbers_that_spell_no_distribution(document, message):
    with pytest.raises(FileFormatError, match=message) as caught:
        read(document)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "text", ['{"format":"a","format":"b"}', '{"kind":0.5}', "[" * 100000, '{"r1":NaN}', "\xff", "null"]
)
def test_no_strict_json(text):
    with pytest.raises(FileFormatError):
        parse_distribution(text.encode("latin-1"))
