"""Registering checks: no check without a mutant, no mutant that changes nothing."""

from __future__ import annotations

import pytest

from proofs_checks.checks import CHAPTERS, all_checks, check, check_named, mutant, run_check
from proofs_checks.errors import CheckError, RegistryError


def test_a_check_needs_a_mutant():
    with pytest.raises(CheckError, match="no mutant"):
        check("lemma-D.7", mutants=())(lambda lab: None)


@pytest.mark.parametrize("changes", [{}, {"nothing": 1}])
def test_a_mutant_changes_a_parameter(changes):
    def function(lab, *, factor=1):
        """Claim."""

    with pytest.raises(CheckError, match="parameter"):
        check("lemma-D.7", mutants=(mutant("same", **changes),))(function)


@pytest.mark.parametrize("name", ["appendix_d.nothing", "nowhere.minimum_of_two", "lab.Lab"])
def test_unknown_checks_are_named(name):
    with pytest.raises(RegistryError, match="no check"):
        check_named(name)


def test_every_mutant_differs_from_the_statement():
    for made in all_checks().values():
        for each in made.mutants:
            defaults = made.parameters
            assert any([defaults[key] != value for key, value in each.changes.items()]), (
                made.name,
                each.text,
            )


def test_mutants_of_a_check_differ_from_each_other():
    for made in all_checks().values():
        texts = [each.text for each in made.mutants]
        assert len(set(texts)) == len(texts), made.name
        changes = [sorted(each.changes.items(), key=str) for each in made.mutants]
        assert all([changes.count(change) == 1 for change in changes]), made.name


def test_checks_say_what_they_claim():
    for made in all_checks().values():
        assert made.claim.endswith((".", "?")), made.name
        path, line, source = made.source
        assert path.removeprefix("chapters/").removesuffix(".py") in CHAPTERS
        assert line > 0
        assert f"def {made.function.__name__}(" in source


def test_a_run_is_a_function_of_its_arguments():
    first, second = (
        run_check("appendix_d.minimum_of_two", None, 0, 60),
        run_check("appendix_d.minimum_of_two", None, 0, 60),
    )
    assert [(step.claim, step.verdict, step.shown) for step in first.steps] == [
        (step.claim, step.verdict, step.shown) for step in second.steps
    ]
