"""Data set to formula: the inverse of `encoding`, which refuses all that is no D(phi).

Recovery is exact and complete: a data set is accepted if and only if it equals, as a sequence
of exact labeled points, ``encode(phi, scheme).dataset()`` for some formula phi and scheme. The
order of the samples counts: the 4d anchors first, in the order of `schemes`, then the clauses.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from memverify.dataset import Dataset
from memverify.errors import MemverifyError
from memverify.rational import Rational, as_rational, format_number
from memverify.sparse_dataset import SparseDataset

from .cnf import Formula
from .encoding import LEAST_DIMENSION, NOTE_KEY, Encoding
from .errors import NotAnEncodingError
from .model_map import ModelMap
from .reversible import is_reversible
from .schemes import SIX, Scheme, scheme_named

_ENTRIES_SHOWN = 8


def recover(dataset: SparseDataset | Dataset) -> Encoding:
    """Read the formula that a data set encodes.

    Parameters
    ----------
    dataset : SparseDataset or Dataset
        The note of a sparse one may hold the model map, which is then checked against the
        formula, and the name of the scheme, which matters only where the samples leave it open:
        without clauses, those of ``paper`` and ``nae`` are the same.

    Returns
    -------
    Encoding
        With ``encoding.dataset() == dataset`` up to the way a sparse one is held. The model map
        is that of the note; for ``nae`` it follows from the samples alone.

    Raises
    ------
    NotAnEncodingError
        If the data set is no D(phi) (a literal one included, unless it is one by chance):
        the message names the first sample that does not fit and what was expected there. Of two
        schemes that are possible so far, the one that more samples fit is meant.

    Notes
    -----
    Cost: a few NumPy passes over the entries; a dense data set is first made sparse.

    Examples
    --------
    >>> from .encoding import encode
    >>> data = encode(Formula.of([[2, 1], [-2]]), "nae").dataset()
    >>> recover(data).formula.clauses()
    [[1, 2, 3], [-2, 3]]
    >>> recover(data.subset([0, *range(2, 18), 2]))
    Traceback (most recent call last):
    ...
    sat_reduction.errors.NotAnEncodingError: sample 1 (counted from 0) does not fit: expected 7/10 at \
feature 1, 11/30 elsewhere, label 1; found 7/10 at feature 2, 11/30 elsewhere, label 1
    """
    d = dataset.n_features
    if d < LEAST_DIMENSION or dataset.n_samples < 4 * d:
        raise NotAnEncodingError(
            f"{dataset.n_samples} samples of {d} features are no D(phi): it has 4 samples for each feature "
            f"and one for each clause, and {LEAST_DIMENSION} features or more"
        )
    samples = _Samples.of(dataset)
    hint, model_map = _read_note(dataset)
    misfits = []
    for scheme in sorted(_schemes(samples), key=lambda scheme: scheme.name != hint):
        misfit = samples.first_misfit(scheme)
        if misfit is None:
            formula = samples.formula()
            if scheme.name == "nae":
                model_map = _nae_map(samples, formula, model_map)
            else:
                _check_closed(samples, formula)
            return _with_map(Encoding(formula, scheme, d, model_map))
        misfits.append(misfit)
    sample, expected = max(misfits, key=lambda misfit: misfit[0])
    raise samples.unfit(sample, expected)


_Misfit = tuple[int, str]
"""A sample, and what was expected in its place."""


@dataclass(frozen=True)
class _Samples:
    """The samples as offsets from their centre, and the codes of these offsets."""

    data: SparseDataset
    code: dict[Rational, int]

    @classmethod
    def of(cls, dataset: SparseDataset | Dataset) -> _Samples:
        """Take the value of sample 0 at feature 1 for the centre and the background."""
        data = dataset if isinstance(dataset, SparseDataset) else _sparse(dataset)
        if any([column == 1 for column, _ in data.entries(0)]):
            data = _sparse(data.dense())  # the same points may be held with another background
        return cls(data, {offset: index for index, offset in enumerate(data.offsets)})

    @property
    def n_anchors(self) -> int:
        """Samples before the first clause, 4d."""
        return 4 * self.data.n_features

    def first_misfit(self, scheme: Scheme) -> _Misfit | None:
        """Find the first sample that the scheme has not at this place."""
        return self._anchor_misfit(scheme) or self._clause_misfit(scheme)

    def _anchor_misfit(self, scheme: Scheme) -> _Misfit | None:
        data, d = self.data, self.data.n_features
        kinds = ((scheme.inner, 1), (scheme.outer, -1), (-scheme.inner, 1), (-scheme.outer, -1))
        fits = data.lengths[: 4 * d] == 1
        if data.n_entries:
            first = np.minimum(data.starts[: 4 * d], data.n_entries - 1)
            fits &= data.columns[first] == np.tile(np.arange(d), 4)
            fits &= data.codes[first] == np.repeat([self.code.get(offset, -1) for offset, _ in kinds], d)
        fits &= data.labels[: 4 * d] == np.repeat([label for _, label in kinds], d)
        if np.all(fits):
            return None
        sample = int(np.argmin(fits))
        offset, label = kinds[sample // d]
        value, centre = format_number(scheme.centre + offset), format_number(scheme.centre)
        return sample, f"{value} at feature {sample % d}, {centre} elsewhere, label {label}"

    def _clause_misfit(self, scheme: Scheme) -> _Misfit | None:
        data = self.data
        starts = data.starts[self.n_anchors :]
        widths = np.diff(starts)
        taken = [w for w in np.flatnonzero(np.bincount(widths)).tolist() if _takes(scheme, w)]
        nothing = len(data.offsets)
        table = np.full((2, int(widths.max(initial=0)) + 1), nothing, dtype=np.min_scalar_type(nothing))
        for width in taken:
            offset = scheme.clause_offset(width)
            table[:, width] = self.code.get(-offset, nothing), self.code.get(offset, nothing)
        codes = data.codes[starts[0] :]
        if len(taken) == 1 and np.all(widths == taken[0]):
            minus, plus = table[:, taken[0]]
        else:
            minus, plus = (np.repeat(row[widths], widths) for row in table)
        wrong_entry = (codes != minus) & (codes != plus)
        wrong = (data.labels[self.n_anchors :] != 1) | (widths == 0)
        misfits = [int(np.argmax(wrong))] if np.any(wrong) else []
        if np.any(wrong_entry):
            entry = int(np.argmax(wrong_entry)) + int(starts[0])
            misfits.append(int(np.searchsorted(starts, entry, side="right")) - 1)
        if misfits:
            clause = min(misfits)
            return self.n_anchors + clause, _clause_text(scheme, int(widths[clause]))
        return None

    def formula(self) -> Formula:
        """Read the literals off clause points, all of which fit."""
        data = self.data
        starts = data.starts[self.n_anchors :] - data.starts[self.n_anchors]
        entries = slice(int(data.starts[self.n_anchors]), None)
        n_negative = sum([offset < 0 for offset in data.offsets])  # the first ones: they ascend
        signs = (data.codes[entries] >= n_negative).view(np.int8)
        signs *= 2
        signs -= 1
        literals = data.columns[entries] + np.int32(1)
        literals *= signs
        for array in (literals, starts):
            array.flags.writeable = False  # so that the formula need not copy them
        return Formula(data.n_features, literals, starts)

    def unfit(self, sample: int, expected: str) -> NotAnEncodingError:
        """Return the error that names a sample and what it should have been."""
        entries = self.data.entries(sample)
        shown = [
            f"{format_number(value)} at feature {feature}" for feature, value in entries[:_ENTRIES_SHOWN]
        ]
        if len(entries) > len(shown):
            shown.append(f"more at {len(entries) - len(shown)} features")
        found = ", ".join([*shown, f"{format_number(self.data.background)} elsewhere"])
        return NotAnEncodingError(
            f"sample {sample} (counted from 0) does not fit: expected {expected}; found {found}, "
            f"label {self.data.labels[sample]}"
        )


def _takes(scheme: Scheme, width: int) -> bool:
    return width >= 1 if scheme.six_offset is None else width == SIX


def _clause_text(scheme: Scheme, width: int) -> str:
    """Describe a clause's point, one of the width that was found if the scheme takes it."""
    centre = format_number(scheme.centre)
    if not _takes(scheme, width):
        if scheme.six_offset is None:
            return f"a clause, which differs from {centre} at one feature or more, label 1"
        width = SIX
    offset = scheme.clause_offset(width)
    low, high = format_number(scheme.centre - offset), format_number(scheme.centre + offset)
    return f"a clause, which has {low} or {high} at each of {width} features, {centre} elsewhere, label 1"


def _schemes(samples: _Samples) -> list[Scheme]:
    """Return the schemes that the centre leaves possible."""
    paper, dyadic = scheme_named("paper"), scheme_named("dyadic")
    data = samples.data
    if data.background == dyadic.centre:
        return [dyadic]
    if data.background != paper.centre:
        centres = f"{format_number(paper.centre)} (paper, nae) or {format_number(dyadic.centre)} (dyadic)"
        raise samples.unfit(0, f"{centres} at all features but 0")
    return [paper, scheme_named("nae")]


def _check_closed(samples: _Samples, formula: Formula) -> None:
    if is_reversible(formula):
        return
    rows = formula.literals.reshape(formula.n_clauses, -1)
    present = {row.tobytes() for row in rows}
    clause = next(index for index, row in enumerate(rows) if (-row).tobytes() not in present)
    raise samples.unfit(
        samples.n_anchors + clause, "a clause whose complement, all signs changed, is there too"
    )


def _nae_map(samples: _Samples, formula: Formula, noted: ModelMap | None) -> ModelMap:
    """Return the map of the constraints "clause or guard", whose guard is their last variable."""
    d = formula.n_variables
    # in four dimensions, variables after the guard may be there to fill up
    guard = d if d > LEAST_DIMENSION else int(np.abs(formula.literals).max(initial=0))
    if not guard:
        guard = min(d, noted.guard or d) if noted is not None else d
    lasts = formula.literals[formula.starts[1:] - 1]
    if not np.all(lasts == guard):
        clause = int(np.argmin(lasts == guard))
        raise samples.unfit(
            samples.n_anchors + clause, f"a constraint, last and above the centre at feature {guard - 1}"
        )
    found = ModelMap("nae", guard - 1, guard, None)
    if noted not in (None, found):
        raise NotAnEncodingError(
            "the model map in the note of the data set is not the one of its samples; remove it"
        )
    return found


def _with_map(encoding: Encoding) -> Encoding:
    if encoding.model_map is not None:
        encoding.model_map.check_fits(encoding.formula)
    return encoding


def _read_note(dataset: SparseDataset | Dataset) -> tuple[str | None, ModelMap | None]:
    """Return the name of the scheme and the model map that go with the samples."""
    note = dataset.note if isinstance(dataset, SparseDataset) else None
    kept = note.get(NOTE_KEY) if note is not None else None
    if kept is None:
        return None, None
    if not isinstance(kept, dict):
        raise NotAnEncodingError(
            f"the note of the data set has no JSON object under {NOTE_KEY!r}; remove it"
        )
    name, found = kept.get("scheme"), kept.get("map")
    if found is None:
        return name, None
    try:
        return name, ModelMap.from_json(found)
    except MemverifyError as error:
        raise NotAnEncodingError(f"the note of the data set holds no model map: {error}") from None


def _sparse(dataset: Dataset) -> SparseDataset:
    """Hold a data set as what differs from the value of sample 0 at feature 1."""
    matrix = np.asarray(dataset.rationals if dataset.numerators is None else dataset.numerators)
    places = matrix != matrix[0, 1]
    values, codes = np.unique(matrix[places], return_inverse=True)
    exact = [as_rational(value) / dataset.denominator for value in values]
    centre = dataset.point(0)[1]
    return SparseDataset(
        dataset.n_features,
        dataset.labels,
        np.concatenate([[0], np.cumsum(places.sum(axis=1))]),
        np.nonzero(places)[1].astype(np.int32),
        codes.reshape(-1),
        [value - centre for value in exact],
        background=centre,
        name=dataset.name,
    )
