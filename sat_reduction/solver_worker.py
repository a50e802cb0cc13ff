"""A process that runs SAT solvers for one thread: kept between calls, killed at a limit.

It is started at a thread's first request (0.1 s) and serves all later ones, each for some
0.2 ms. A time limit or an interrupt kills it; the next request starts another one.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import subprocess
import sys
import tempfile
import threading
import weakref

from . import solver_process

GRACE = 10.0
"""Seconds for a process that closed its output to end, before it is killed."""


class SolverWorker:
    """One process; used by the thread that made it, for one formula at a time.

    Examples
    --------
    >>> import numpy as np
    >>> starts, literals = np.array([0, 1, 2]), np.array([1, -1], dtype=np.int32)
    >>> worker = SolverWorker()
    >>> worker.run("cadical195", starts.tobytes(), literals.tobytes(), False, None)
    (False, [], [])
    >>> worker.close()
    """

    def __init__(self) -> None:
        self._owner = os.getpid()
        self._busy = threading.Lock()
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - its last words; closed by `close`
        self._process = subprocess.Popen(
            # -P keeps the folder of the program, which is that of this package, out of its path.
            [sys.executable, "-P", solver_process.__file__, str(self._owner)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )
        _WORKERS.add(self)

    @property
    def usable(self) -> bool:
        """Whether the process lives, is free, and is ours: a forked child must not share it."""
        return self._owner == os.getpid() and not self._busy.locked() and self._process.poll() is None

    def run(
        self, solver: str, starts: bytes, literals: bytes, with_proof: bool, timeout: float | None
    ) -> solver_process.Outcome:
        """Solve one formula.

        Parameters
        ----------
        solver : str
        starts, literals : bytes
            The arrays of a `Formula`: int64 and int32, in the machine's byte order.
        with_proof : bool
        timeout : float or None
            Seconds.

        Returns
        -------
        bool, list of int, list of str
            Satisfiable or not; the literals of a model; the lines of a proof.

        Raises
        ------
        subprocess.TimeoutExpired
            At the limit; the process has ended.
        RuntimeError
            If the solver broke off, its process ended, or is at work for another call.
        ImportError
            If pysat is not installed.
        KeyboardInterrupt
            As usual; the process has ended.
        """
        # Of two calls at once (a handler of a signal makes one in the middle of another) each
        # would read the other's answer.
        if not self._busy.acquire(blocking=False):
            raise RuntimeError("its process is at work for another call")
        try:
            return self._run(solver_process.request(solver, starts, literals, with_proof), solver, timeout)
        finally:
            self._busy.release()

    def _run(self, request: bytes, solver: str, timeout: float | None) -> solver_process.Outcome:
        fired = threading.Event()

        def stop() -> None:
            fired.set()
            self._process.kill()

        timer: threading.Timer | None = None
        if timeout is not None:  # a timer does not take centuries
            timer = threading.Timer(float(min(timeout, threading.TIMEOUT_MAX)), stop)
        try:
            if timer is not None:
                timer.daemon = True
                timer.start()
            answer = self._exchange(request)
        except BaseException:
            self.close()
            raise
        finally:
            if timer is not None:
                timer.cancel()
                timer.join()
        if fired.is_set():  # the process has ended, whether it had answered or not
            self.close()
        if answer is not None:
            return solver_process.read_outcome(answer)
        if fired.is_set():
            raise subprocess.TimeoutExpired(solver, timeout or 0.0)
        raise RuntimeError(self._last_words())

    def _last_words(self) -> str:
        try:
            self._process.wait(GRACE)
            self._errors.seek(0)
            told = self._errors.read().decode(errors="replace").strip().splitlines()
        except subprocess.TimeoutExpired:
            return "its process closed its output"
        finally:
            self.close()
        return told[-1] if told else f"its process ended with {self._process.returncode}"

    def _exchange(self, request: bytes) -> bytes | None:
        stdin, stdout = self._process.stdin, self._process.stdout
        if stdin is None or stdout is None:
            raise RuntimeError("its process has no pipes")
        with contextlib.suppress(BrokenPipeError):  # it was killed: no answer comes either
            solver_process.write_message(stdin, request)  # type: ignore[arg-type]
        return solver_process.read_message(stdout)  # type: ignore[arg-type]

    def close(self) -> None:
        """End the process and wait for it."""
        if self._owner != os.getpid():
            return
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):  # what was not written yet is of no use
                    pipe.close()
        self._errors.close()

    def __del__(self) -> None:
        if hasattr(self, "_process"):
            self.close()


_WORKERS: weakref.WeakSet[SolverWorker] = weakref.WeakSet()
_OF_THREAD = threading.local()


def worker() -> SolverWorker:
    """Return this thread's process, started or restarted if need be."""
    held: SolverWorker | None = getattr(_OF_THREAD, "worker", None)
    if held is None or not held.usable:
        held = _OF_THREAD.worker = SolverWorker()
    return held


@atexit.register
def close_workers() -> None:
    """End every process that this one has started; new requests start new ones."""
    for held in list(_WORKERS):
        held.close()
