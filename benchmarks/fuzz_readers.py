"""Feed changed files to every reader and record what happens: docs/fuzzing.csv.

    python -m benchmarks.fuzz_readers --executions 1000000 --seed 1 -o docs/fuzzing.csv

An execution is one file, made from a valid one by a few changes, given to the reader's public door.
It must be accepted or refused by a MemverifyError of one line within 5 seconds and 400 MB, without
another file made, code run or a process started. Anything else is a finding: it is printed, and the
file that caused it is kept in the folder of ``--findings``. Files that are accepted, or whose refusal
says something new, become seeds themselves: three of ten and two of ten files are made of such. What
is accepted must, where it is small, survive the way through its canonical form, and a tenth of it is
evaluated exactly by two routes.
"""

from __future__ import annotations

import argparse
import csv
import faulthandler
import re
import shutil
import sys
import tempfile
import time
import warnings
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from .fuzzing.fixed import FIXED
from .fuzzing.guard import execute, limits
from .fuzzing.readers import READERS, Reader, Seed

COLUMNS = (
    "reader",
    "executions",
    "accepted",
    "refused",
    "findings_open",
    "findings_fixed",
    "seconds",
    "seed",
)
MOST_NEW_SEEDS, LONGEST_SEED = 300, 1 << 15


@dataclass
class Tally:
    """What happened to one reader's files."""

    executions: int = 0
    accepted: int = 0
    refused: int = 0
    seconds: float = 0.0
    slowest: float = 0.0
    findings: Counter[str] = field(default_factory=Counter)


def fuzz(
    reader: Reader, executions: int, seed: int, folder: Path, keep: Path | None = None, seconds: float = 1e9
) -> Tally:
    """Run one reader on so many files, or for so many seconds; ``folder`` is empty and used up."""
    pool = list(reader.seeds())
    start, tally, known = time.monotonic(), Tally(), set[str]()
    for index, one in enumerate(pool):  # valid files warm up what is imported late
        _run(reader, one, Random(index), folder)
    taken: list[Seed] = []
    odd: list[Seed] = []
    for index in range(executions):
        if time.monotonic() - start > seconds:
            break
        random = Random(f"{seed}:{reader.name}:{index}")
        chance = random.random()
        mutant = reader.mutant(
            pool if chance < 0.5 else taken or pool if chance < 0.8 else odd or pool, random
        )
        before = time.monotonic()
        accepted, message, finding = _run(reader, mutant, random, folder)
        took = time.monotonic() - before
        if took > tally.slowest:
            tally.slowest = took
            if keep is not None and took > 1:
                _keep(keep, f"slow-{reader.name}-{seed}-{index}", mutant)
        tally.executions += 1
        tally.accepted += accepted and not finding
        tally.refused += not accepted and not finding
        if finding:
            kind = re.sub(r"[0-9]+(?!:)", "#", finding.partition(":")[0] + finding.partition(":")[2][:40])
            tally.findings[kind] += 1
            if tally.findings[kind] == 1:
                print(f"{reader.name} {index}: {finding}", flush=True)
                if keep is not None:
                    _keep(keep, f"{reader.name}-{seed}-{index}", mutant)
            continue
        if len(mutant.data) > LONGEST_SEED:
            continue
        if accepted:
            if len(taken) < MOST_NEW_SEEDS:
                taken.append(mutant)
            else:
                taken[random.randrange(MOST_NEW_SEEDS)] = mutant
            continue
        words = re.sub(r"'[^']*'|\"[^\"]*\"|[0-9]+|\[[^]]*\]|\([^)]*\)", "#", message)
        if words not in known and len(odd) < MOST_NEW_SEEDS:
            known.add(words)
            odd.append(mutant)
    tally.seconds = time.monotonic() - start
    return tally


def _keep(folder: Path, name: str, mutant: Seed) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name.replace(' ', '-')}{mutant.ending}").write_bytes(mutant.data)


def _run(reader: Reader, file: Seed, random: Random, folder: Path) -> tuple[bool, str, str]:
    path = folder / f"file{file.ending}"
    path.write_bytes(file.data)
    for name in ("other.idx", "other-c.json", "other-n.json", "other-d.csv"):  # so that none appears later
        (folder / name).touch()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = execute(lambda: reader.read(path, file.context, random), folder, reader.refuses)
    path.unlink(missing_ok=True)
    return found


def write_table(tallies: dict[str, Tally], seed: int, path: Path) -> None:
    """Write the csv, one row a reader and one of sums; rows of readers that were not run are kept."""
    rows: dict[str, list[Any]] = {}
    if path.exists():
        with path.open(newline="") as file:
            rows = {row[0]: [row[0], *map(float, row[1:])] for row in csv.reader(file) if row[-1].isdigit()}
    for name, tally in tallies.items():
        open_, fixed = len(tally.findings), len(FIXED.get(name, ()))
        counts = [tally.executions, tally.accepted, tally.refused, open_, fixed]
        rows[name] = [name, *counts, round(tally.seconds, 1), seed]
    found = [rows[reader.name] for reader in READERS if reader.name in rows]
    sums = [round(sum([row[column] for row in found]), 1) for column in range(1, 7)]
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for row in [*found, ["all", *sums, ""]]:
            writer.writerow([f"{cell:.12g}" if isinstance(cell, float) else cell for cell in row])


def main() -> int:
    """Fuzz, write the table after every reader, and return 1 for open findings."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--executions", type=int, default=100_000, help="over all readers")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--readers", default="", help="names, separated by commas; default all")
    parser.add_argument("--findings", type=Path, help="folder for files that cause findings")
    parser.add_argument("-o", "--output", type=Path, help="the table")
    options = parser.parse_args()
    wanted = options.readers.split(",") if options.readers else [reader.name for reader in READERS]
    readers = [reader for reader in READERS if reader.name in wanted]
    shares = sum([reader.share for reader in readers])
    faulthandler.enable()
    tallies: dict[str, Tally] = {}
    folder = Path(tempfile.mkdtemp(dir="/dev/shm" if Path("/dev/shm").is_dir() else None))
    try:
        import torch

        torch.set_num_threads(1)
        for reader in readers:
            reader.seeds()
        with limits():
            for reader in readers:
                number = -(-options.executions * reader.share // shares)
                tallies[reader.name] = tally = fuzz(reader, number, options.seed, folder, options.findings)
                counts = f"{tally.executions} in {tally.seconds:.0f} s, {tally.accepted} accepted"
                print(f"{reader.name}: {counts}, {len(tally.findings)} kinds of findings", flush=True)
                if options.output:
                    write_table(tallies, options.seed, options.output)
    except KeyboardInterrupt:
        print("interrupted; the table has what was finished", file=sys.stderr)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 1 if any([tally.findings for tally in tallies.values()]) else 0


if __name__ == "__main__":
    sys.exit(main())
