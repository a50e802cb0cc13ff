"""The process in which SAT solvers run; the only import of pysat.

`sat_reduction.solver_worker` starts this file as a program and sends it requests, one after
another, on standard input; each is answered on standard output. It needs pysat and the
standard library only, so that it starts quickly.

Solvers never run in the caller's process: pysat jumps out of a solver at an interrupt,
whatever it is doing, and then now and then crashes or hangs in the allocator (4 of 300
interrupts of cadical195). Here the process is killed instead.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
from array import array
from itertools import pairwise
from typing import BinaryIO

Outcome = tuple[bool, list[int], list[str]]
"""Satisfiable or not; the literals of a model; the lines of a proof, where asked for."""

_LENGTH = 8
"""Bytes before every message that say how long it is."""


def run(solver: str, clauses: list[list[int]], with_proof: bool) -> Outcome:
    """Solve clauses with the solver of that name.

    Raises
    ------
    ImportError
        If pysat is not installed.
    Exception
        Whatever pysat raises; `main` sends its words.
    """
    from pysat.solvers import Solver

    with Solver(solver, bootstrap_with=clauses, with_proof=with_proof) as oracle:
        satisfiable = oracle.solve()
        if satisfiable is None:
            raise RuntimeError("it gave no answer")
        if satisfiable:
            return True, oracle.get_model(), []
        return False, [], oracle.get_proof() if with_proof else []


def write_message(stream: BinaryIO, message: bytes) -> None:
    """Write one message with its length before it.

    Parameters
    ----------
    stream : binary file
    message : bytes
    """
    stream.write(len(message).to_bytes(_LENGTH, "little"))
    stream.write(message)
    stream.flush()


def read_message(stream: BinaryIO) -> bytes | None:
    """Read one message; None at the end of the stream, within a message as well.

    Parameters
    ----------
    stream : binary file

    Returns
    -------
    bytes or None
    """
    head = stream.read(_LENGTH)
    if len(head) < _LENGTH:
        return None
    size = int.from_bytes(head, "little")
    message = stream.read(size)
    return message if len(message) == size else None


def request(solver: str, starts: bytes, literals: bytes, with_proof: bool) -> bytes:
    """Write a formula as `main` reads it.

    Parameters
    ----------
    solver : str
    starts, literals : bytes
        The arrays of a `Formula`: int64 and int32, in the machine's byte order.
    with_proof : bool

    Returns
    -------
    bytes
    """
    return f"{solver} {int(with_proof)} {len(starts)}\n".encode("ascii") + starts + literals


def read_outcome(data: bytes) -> Outcome:
    """Read what `main` answered.

    Raises
    ------
    RuntimeError
        With the words of the solver, if it broke off; for an answer that is none.
    ImportError
        If pysat is not installed there.
    """
    kind, _, rest = data.partition(b"\n")
    if kind == b"missing":
        raise ImportError(rest.decode(errors="replace"))
    if kind not in (b"sat", b"unsat"):
        raise RuntimeError(rest.decode(errors="replace"))
    try:
        model, *proof = rest.decode("ascii").split("\n")
        literals = [int(token) for token in model.split()]
    except ValueError:
        raise RuntimeError("its answer is not readable") from None
    return kind == b"sat", literals, [line for line in proof if line]


def _answer(data: bytes) -> bytes:
    header, _, rest = data.partition(b"\n")
    solver, with_proof, n_starts = header.decode("ascii").split()
    starts, flat = array("q"), array("i")
    starts.frombytes(rest[: int(n_starts)])
    flat.frombytes(rest[int(n_starts) :])
    clauses = [flat[a:b].tolist() for a, b in pairwise(starts)]
    try:
        satisfiable, model, proof = run(solver, clauses, with_proof == "1")
    except ImportError as error:
        return f"missing\n{error}".encode()
    except Exception as error:  # what a solver raises is not documented: its words are passed on
        return f"broke off\n{str(error) or type(error).__name__}".encode()
    return "\n".join(["sat" if satisfiable else "unsat", " ".join(map(str, model)), *proof]).encode()


def _die_with(parent: int) -> None:
    """Ask Linux to end this process with its parent, which may be killed while a solver runs."""
    with contextlib.suppress(OSError, AttributeError):  # elsewhere it ends after the request
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
        if os.getppid() != parent:
            sys.exit(1)


def main() -> None:
    """Answer requests until standard input ends."""
    if hasattr(signal, "pthread_sigmask"):  # a terminal's interrupt is the parent's to handle
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    if sys.platform == "linux":
        _die_with(int(sys.argv[1]))
    # What a solver prints must not mix with the answers.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    while (data := read_message(sys.stdin.buffer)) is not None:
        write_message(answers, _answer(data))


if __name__ == "__main__":
    main()
