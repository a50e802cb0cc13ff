"""Where batches are worked on: here, in processes of this machine, or on a Dask cluster.

Each executor hands back (batch, result) in any order. What is asked, network and data, goes to a
worker once; after that a batch is three integers. A worker that dies costs the batches it was at.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import os
import re
import shutil
import tempfile
import threading
import time
from collections.abc import Generator, Iterator, Sequence
from typing import Any, Protocol

from ..errors import MemverifyError
from .batches import CASCADE_ROUTE, Batch, BatchResult, Question, package_version

MOST_DEATHS = 5
"""Deaths of worker processes after which a run ends, its journal kept."""
JOBS_PER_CORE, LEAST_CAP = 4, 16
"""More processes than this are refused: each loads torch, and thousands would bring a machine down."""
_AHEAD = 4
"""Batches sent to a worker before their turn."""

_ADDRESS = re.compile(
    r"(?:(?:tcp|tls|ucx|ucxx|ws|wss)://)?[^\s/:]+(?::[0-9a-f:]*\])?:[0-9]{1,5}/?\Z", re.ASCII
)

Results = Generator[tuple[Batch, BatchResult], None, None]


class Executor(Protocol):
    """Works on batches."""

    def map_batches(self, question: Question, batches: Sequence[Batch]) -> Results:
        """Yield every batch once with its result, in any order.

        Closing the iterator gives up what is not done.

        Raises
        ------
        WorkersLostError
            If workers died again and again, or the cluster cannot be reached.
        """


class WorkersLostError(MemverifyError):
    """Workers that died too often, or a cluster that is not there; what is done is in the journal."""


class InProcess:
    """One batch after the other, here.

    Examples
    --------
    >>> from memverify import Affine, Dataset, Network
    >>> from .batches import split
    >>> net = Network.sequential([Affine.from_dense([[2]], [-1])])
    >>> data = Dataset([["0"], ["1"], ["3/4"]], [-1, 1, 1])
    >>> question = Question.of(net, data, 0)
    >>> [(batch.start, result.least) for batch, result in InProcess().map_batches(question, split(3, 2))]
    [(0, mpq(1,1)), (2, mpq(1,2))]
    """

    def map_batches(self, question: Question, batches: Sequence[Batch]) -> Results:
        """Yield every batch with its result, in order."""
        for batch in batches:
            yield batch, question(batch)


class Processes:
    """Processes of this machine, by joblib's loky; each uses its share of the processor's cores.

    Parameters
    ----------
    jobs : int
        How many, at least 1.
    """

    def __init__(self, jobs: int) -> None:
        if jobs < 1:
            raise MemverifyError(f"{jobs} jobs; there is at least 1")
        cores = os.cpu_count() or 1
        most = max(LEAST_CAP, JOBS_PER_CORE * cores)
        if jobs > most:
            raise MemverifyError(
                f"{jobs} jobs; at most {most} are started here, and no more than the {cores} processors of "
                "this machine make it faster"
            )
        self._jobs = jobs
        self._threads = max(1, (os.cpu_count() or 1) // jobs)

    def map_batches(self, question: Question, batches: Sequence[Batch]) -> Results:
        """Yield every batch with its result as they come; start processes anew where they die."""
        import joblib
        from joblib.externals.loky.process_executor import TerminatedWorkerError

        left = {batch.number: batch for batch in batches}
        if not left:
            return
        deaths = 0
        with _shared_folder() as folder:
            path = os.path.join(folder, "question")
            joblib.dump(question, path)
            while left:
                work = [
                    joblib.delayed(_in_worker)(path, self._threads, os.getpid(), batch)
                    for batch in left.values()
                ]
                with joblib.parallel_config("loky", inner_max_num_threads=self._threads):
                    parallel = joblib.Parallel(
                        n_jobs=min(self._jobs, len(left)),
                        return_as="generator_unordered",
                        batch_size=1,
                        pre_dispatch=_AHEAD * self._jobs,
                    )
                    try:
                        for number, result in parallel(work):
                            yield left.pop(number), result
                    except TerminatedWorkerError:
                        deaths += 1
                        if deaths >= MOST_DEATHS:
                            raise WorkersLostError(
                                f"worker processes died {deaths} times, perhaps for want of memory; take "
                                "fewer --jobs or smaller batches (a journal keeps what is done)"
                            ) from None


class Cluster:
    """A Dask cluster that is running already.

    Parameters
    ----------
    address : str
        Of the scheduler, e.g. "tcp://127.0.0.1:8786".
    patience : float, optional
        Seconds to wait for the scheduler, and for a first worker.

    Raises
    ------
    MemverifyError
        For what is no address.
    """

    def __init__(self, address: str, *, patience: float = 30) -> None:
        if not _ADDRESS.match(address):
            raise MemverifyError(
                f"{address!a} is no address of a scheduler; it looks like tcp://127.0.0.1:8786"
            )
        self._address = address
        self._patience = patience

    def map_batches(self, question: Question, batches: Sequence[Batch]) -> Results:
        """Yield every batch with its result as they come.

        The scheduler gives the batches of a dead worker to others. If everything that was sent to
        the cluster is lost with the workers, it is sent again to those that come.
        """
        client = self._connected()
        try:
            left = {batch.number: batch for batch in batches}
            losses = 0
            while left:
                for number, result in self._sent(client, question, list(left.values())):
                    yield left.pop(number), result
                losses += bool(left)
                if losses >= MOST_DEATHS:
                    raise WorkersLostError(
                        f"the workers of {self._address} were lost {losses} times; look at their logs (a "
                        "journal keeps what is done)"
                    )
        finally:
            with contextlib.suppress(Exception):  # a scheduler that is gone cannot be told
                client.close(timeout=5)

    def _connected(self) -> Any:
        distributed = _distributed()
        try:
            return distributed.Client(self._address, timeout=self._patience, set_as_default=False)
        except (OSError, ValueError, TypeError) as error:  # a time-out is an OSError
            reason = " ".join(str(error).split()) or type(error).__name__
            raise WorkersLostError(
                f"no Dask scheduler answers at {self._address!a} ({reason}); start one with: dask scheduler"
            ) from None

    def _sent(self, client: Any, question: Question, batches: list[Batch]) -> Iterator[Any]:
        """Send everything, and yield (number, result) until all is done or what was sent is lost."""
        distributed = _distributed()
        try:
            client.wait_for_workers(1, timeout=self._patience)
            held = client.scatter(question, broadcast=True, hash=False)
            ahead = _AHEAD * max(1, sum(client.nthreads().values()))
        except (OSError, TypeError, ValueError) as error:
            reason = " ".join(str(error).split()) or type(error).__name__
            raise WorkersLostError(
                f"the cluster at {self._address} takes no work ({reason}); start workers with: "
                f"dask worker {self._address}"
            ) from None
        waiting = iter(batches)
        futures = distributed.as_completed(loop=client.loop)

        def send_one() -> None:
            batch = next(waiting, None)
            if batch is not None:
                futures.add(client.submit(_on_cluster, held, batch, pure=False, retries=2))

        for _ in range(ahead):
            send_one()
        for future in futures:
            send_one()
            try:
                found = future.result()
            except (distributed.client.FutureCancelledError, distributed.KilledWorker, OSError):
                continue  # lost with its workers, and sent again
            except ImportError as error:
                raise WorkersLostError(
                    f"the workers of {self._address} lack a package ({error}); install memverify there, of "
                    "the same version"
                ) from None
            yield found


def _distributed() -> Any:
    try:
        return importlib.import_module("distributed")
    except ImportError:
        raise MemverifyError(
            "a Dask cluster needs the package distributed; install it: pip install memverify[cluster]"
        ) from None


_held: dict[str, Question] = {}
_one_at_a_time = threading.Lock()
"""torch's settings are those of a whole process, so that its threads take turns."""


def _in_worker(path: str, threads: int, parent: int, batch: Batch) -> tuple[int, BatchResult]:
    """Work on a batch in a process of joblib; the question is read from the file, once."""
    if path not in _held:
        import joblib

        _leave_with(parent)
        _held.clear()
        _held[path] = joblib.load(path, mmap_mode="r")
        if _held[path].route == CASCADE_ROUTE:
            import torch

            torch.set_num_threads(threads)
    return batch.number, _held[path](batch)


def _on_cluster(question: Question, batch: Batch) -> tuple[int, BatchResult]:
    """Work on a batch in a worker of Dask."""
    if question.package != package_version():
        raise MemverifyError(
            f"a worker of the cluster has memverify {package_version()}, not {question.package}; "
            "install the same"
        )
    with _one_at_a_time:
        return batch.number, question(batch)


@functools.cache
def _leave_with(parent: int) -> None:
    """End this process soon after its parent was killed; it would wait for work for minutes."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    if os.name == "posix" and os.getppid() == parent:
        threading.Thread(target=watch, daemon=True).start()


@contextlib.contextmanager
def _shared_folder() -> Iterator[str]:
    """Make a folder that is removed at the end, also if this process is killed."""
    from joblib.externals.loky.backend import resource_tracker

    folder = tempfile.mkdtemp(prefix="memverify-")
    resource_tracker.register(folder, "folder")
    try:
        yield folder
    finally:
        resource_tracker.unregister(folder, "folder")
        shutil.rmtree(folder, ignore_errors=True)
