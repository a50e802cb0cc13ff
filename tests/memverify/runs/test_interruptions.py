"""Real runs, killed at random points: the journal holds, and the certificate is the same bytes."""

from __future__ import annotations

import os
import random
import time
from pathlib import Path

import pytest

from memverify.certification.certificate import certificate_text
from memverify.certification.certify import certify

from .process_groups import lines_in, running, wait_until
from .small_runs import ROUTES, sample_data

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs signals and process groups")

MODULE = ("-m", "tests.memverify.runs.small_runs")


@pytest.mark.parametrize(
    ("route", "jobs", "stops"),
    [
        ("exact", 1, ["kill"] * 4),
        ("exact", 2, ["kill", "interrupt", "kill"]),
        ("cascade", 1, ["kill"]),
        ("cascade", 2, ["kill"]),
    ],
)
def test_killed_again_and_again(route: str, jobs: int, stops: list[str], tmp_path: Path) -> None:
    wanted = certificate_text(certify(ROUTES[route](), sample_data(route)))
    journal, certificate, output = tmp_path / "journal", tmp_path / "cert.json", tmp_path / "output"
    rng = random.Random()
    for stop in stops:
        before = lines_in(journal)
        target = before + rng.randrange(1, 4)
        with running(*MODULE, journal, certificate, route, jobs, "0.1:15", output=output) as program:
            wait_until(lambda: lines_in(journal) >= target, program)  # noqa: B023  (used in this round alone)
            time.sleep(rng.random() * 0.1)
            if stop == "kill":
                program.kill_first()
            else:
                program.interrupt_all()
                assert program.wait() != 0
            wait_until(program.is_gone)  # the workers do not outlive it
        assert not certificate.exists()
        assert not list(tmp_path.glob("memverify-*"))  # what was made for the workers goes, too
        assert target <= lines_in(journal) <= 16
    with running(*MODULE, journal, certificate, route, jobs, "0", output=output) as program:
        assert program.wait() == 0, output.read_text()
    assert certificate.read_text() == wanted
    assert not [path for path in tmp_path.iterdir() if "memverify" in path.name]
