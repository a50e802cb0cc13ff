"""The HTML page: one file that loads nothing, with its style, script and pictures inside."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from importlib import resources
from typing import Any

from ..run import StatementResult
from ..verdicts import Verdict
from . import facts
from .errata_sheet import ErratumRow
from .graph import connected, dependency_graph
from .mathematics import to_html, unicode_text

_FLAWED = "flawed"


def render_page(
    results: Sequence[StatementResult], rows: Sequence[ErratumRow], run: facts.RunFacts
) -> str:
    """Return the page.

    Parameters
    ----------
    results : sequence of StatementResult
        In the order in which they are shown.
    rows : sequence of ErratumRow
    run : RunFacts
    """
    from markupsafe import Markup

    there = {result.statement.id: result for result in results}
    in_graph = {result.statement.id for result in connected(results)}
    caught = sum([result.mutants_caught for result in results])
    text: str = _environment().get_template("template.html").render(
        results=results,
        there=there,
        rows=rows,
        run=run,
        paper=facts.PAPER,
        source=facts.SOURCE,
        counts=facts.counts(results),
        parts=facts.parts(results),
        used_by=facts.used_by(results),
        roles=facts.ROLES,
        graph=Markup(dependency_graph(results)),
        lonely=[result for result in results if result.statement.id not in in_graph],
        disagreeing=[result for result in results if not result.ok],
        n_checks=sum([len(result.checks) for result in results]),
        n_steps=sum([len(check.findings.steps) for result in results for check in result.checks]),
        n_mutants=sum([result.mutants for result in results]),
        n_caught=caught,
        n_flawed=sum([bool(result.statement.proof_flaw) for result in results]),
        n_repaired=sum([result.repair_verdict is not None for result in results]),
        style=Markup(_part("style.css")),
        script=Markup(_part("page.js")),
    )
    return text


def search_text(result: StatementResult) -> str:
    """Return what the text search of the page looks at, in lower case."""
    statement = result.statement
    parts = [statement.id, statement.name, statement.title, statement.place, statement.statement]
    parts += [statement.why, statement.proof_flaw, statement.counterexample, *statement.hypotheses]
    parts += [statement.repair.statement if statement.repair else "", *statement.code, *statement.checks]
    return " ".join([unicode_text(part) for part in parts if part]).casefold()


def marks(result: StatementResult) -> str:
    """Return the words by which the page filters: the verdict, and what else there is."""
    found = [str(result.verdict)]
    if result.statement.proof_flaw:
        found.append(_FLAWED)
    if result.repair_verdict is not None:
        found.append("repaired")
    return " ".join(found)


@functools.cache
def _environment() -> Any:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("proofs_checks", "report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "math": _markup_of(to_html),
        "unicode": unicode_text,
        "paragraphs": paragraphs,
        "seconds": seconds,
        "anchor": facts.anchor,
        "short": facts.short_name,
        "place_of": facts.code_place,
        "by_role": facts.by_role,
        "search_text": search_text,
        "marks": marks,
        "source_of": facts.source_of,
        "python": _markup_of(highlighted),
    }
    environment.globals |= {"Verdict": Verdict}
    return environment


def _markup_of(function: Any) -> Any:
    from markupsafe import Markup

    return lambda text: Markup(function(text))


def paragraphs(text: str) -> list[str]:
    """Cut a docstring's text at its empty lines."""
    return [" ".join(part.split()) for part in text.split("\n\n") if part.strip()]


def seconds(value: float) -> str:
    """Return a time with as many digits as matter."""
    if value >= 1:
        return f"{value:.0f} s" if value >= 10 else f"{value:.1f} s"
    return f"{1000 * value:.0f} ms" if value >= 0.001 else "under 1 ms"


@functools.cache
def highlighted(source: str) -> str:
    """Return Python's text as escaped HTML, its words in <span>s of the classes t-..."""
    from pygments import highlight
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import PythonLexer

    formatter = HtmlFormatter(nowrap=True, classprefix="t-")
    return str(highlight(source, PythonLexer(stripnl=False), formatter)).rstrip("\n")


@functools.cache
def _part(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")
