"""One run of a SAT solver, in this process or in one of its own; the only import of pysat.

`sat_reduction.solvers` calls `run`, or, under a time limit, starts this file as a program:
it reads one request from standard input and writes the outcome to standard output. It needs
pysat and the standard library only, so that it starts quickly.
"""

from __future__ import annotations

import sys
from array import array
from itertools import pairwise

Outcome = tuple[bool, list[int], list[str]]
"""Satisfiable or not; the literals of a model; the lines of a proof, where asked for."""

_HEADER = "sat-reduction-solver"
_INTERRUPTED = "Caught keyboard interrupt"


def run(solver: str, clauses: list[list[int]], with_proof: bool) -> Outcome:
    """Solve clauses with the solver of that name.

    Raises
    ------
    KeyboardInterrupt
        Also for a signal that arrives inside the solver, where pysat makes an error of it.
    ImportError
        If pysat is not installed.
    Exception
        Whatever pysat raises; `sat_reduction.solvers` names it.
    """
    from pysat.solvers import Solver

    try:
        with Solver(solver, bootstrap_with=clauses, with_proof=with_proof) as oracle:
            satisfiable = oracle.solve()
            if satisfiable is None:
                raise RuntimeError("it gave no answer")
            if satisfiable:
                return True, oracle.get_model(), []
            return False, [], oracle.get_proof() if with_proof else []
    except Exception as error:  # pysat makes an error of its own kind of an interrupt; others go on
        if _INTERRUPTED in str(error):
            raise KeyboardInterrupt from None
        raise


def request(solver: str, starts: bytes, literals: bytes, with_proof: bool) -> bytes:
    """Write a formula as `main` reads it.

    Parameters
    ----------
    solver : str
    starts, literals : bytes
        The arrays of a `Formula`: int64 and int32, in the machine's byte order.
    with_proof : bool
    """
    line = f"{_HEADER} {solver} {int(with_proof)} {len(starts)} {len(literals)}\n"
    return line.encode("ascii") + starts + literals


def read_outcome(data: bytes) -> Outcome:
    """Read what `main` wrote.

    Raises
    ------
    ValueError
        For anything else, such as the output of a process that broke off.
    """
    lines = data.decode("ascii").split("\n")
    if len(lines) < 3 or lines[0] not in ("sat", "unsat") or lines[-1] != "end":
        raise ValueError("its process gave no complete answer")
    return lines[0] == "sat", [int(token) for token in lines[1].split()], lines[2:-1]


def main() -> None:
    """Answer one request."""
    stream = sys.stdin.buffer
    header, solver, with_proof, n_starts, n_literals = stream.readline().decode("ascii").split()
    if header != _HEADER:
        raise ValueError("this program is started by sat_reduction.solvers")
    starts, flat = array("q"), array("i")
    starts.frombytes(stream.read(int(n_starts)))
    flat.frombytes(stream.read(int(n_literals)))
    clauses = [flat[a:b].tolist() for a, b in pairwise(starts)]
    satisfiable, model, proof = run(solver, clauses, with_proof == "1")
    lines = ["sat" if satisfiable else "unsat", " ".join(map(str, model)), *proof, "end"]
    sys.stdout.write("\n".join(lines))


if __name__ == "__main__":
    main()
