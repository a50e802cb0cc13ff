"""Programs that tests start, watch and kill; each in a process group of its own, so that none stays."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[3]
PATIENCE = 120
"""Seconds that a slow machine is given."""


class Program:
    """A Python program that runs in its own process group.

    Parameters
    ----------
    arguments : str
        As for ``python``.
    output : Path
        What it prints goes there.
    """

    def __init__(self, *arguments: str, output: Path) -> None:
        self.output = output
        environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "OMP_NUM_THREADS": "1",
            "TMPDIR": str(output.parent),
        }
        with output.open("ab") as stream:
            self.process = subprocess.Popen(
                [sys.executable, *arguments],
                stdout=stream,
                stderr=stream,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
                env=environment,
            )

    def wait(self) -> int:
        """Return the exit code."""
        return self.process.wait(PATIENCE)

    def kill_first(self) -> None:
        """Kill -9 the program itself, not what it started."""
        self.process.kill()
        self.process.wait()

    def interrupt_all(self) -> None:
        """Send what Ctrl-C sends, to everything that it started."""
        os.killpg(self.process.pid, signal.SIGINT)

    def is_gone(self) -> bool:
        """Whether neither the program nor anything that it started is left."""
        try:
            os.killpg(self.process.pid, 0)
        except ProcessLookupError:
            return True
        return False

    def end_all(self) -> None:
        """Kill everything that it started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


@contextlib.contextmanager
def running(*arguments: Any, output: Path) -> Iterator[Program]:
    """Run a program; at the end nothing of it is left."""
    program = Program(*[str(argument) for argument in arguments], output=output)
    try:
        yield program
    finally:
        program.end_all()


def wait_until(condition: Callable[[], bool], program: Program | None = None) -> None:
    """Wait for something to be so; fail with what the program printed if it is never so."""
    end = time.monotonic() + PATIENCE
    while not condition():
        printed = "" if program is None else program.output.read_text()
        if program is not None and program.process.poll() is not None:
            assert condition(), f"ended with {program.process.returncode}: {printed}"
            return
        assert time.monotonic() < end, f"waited in vain: {printed}"
        time.sleep(0.01)


def lines_in(path: Path) -> int:
    """Whole lines of a file; 0 if there is none."""
    return path.read_bytes().count(b"\n") if path.exists() else 0
