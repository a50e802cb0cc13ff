"""The report as Markdown: tables to read on a forge or in an editor."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from ..run import CheckResult, StatementResult
from . import facts
from .errata_sheet import DerivedLine, ErratumRow
from .mathematics import pieces

_SPECIAL = re.compile(r"([\\*_\[\]#~])")
_CODE = re.compile(r"(`[^`]+`)")


def render_markdown(
    results: Sequence[StatementResult], rows: Sequence[ErratumRow], run: facts.RunFacts
) -> str:
    """Return the report as Markdown; see `page.render_page`."""
    users = facts.used_by(results)
    blocks = [*_head(results, run), *_errata(rows), "## Every statement"]
    for name, members in facts.parts(results):
        blocks.append(f"### {marked(name)}")
        for result in members:
            blocks += _statement(result, users[result.statement.id])
    return "\n\n".join(blocks) + "\n"


def marked(text: str) -> str:
    r"""Return plain text with LaTeX between dollars as Markdown, in one line.

    Examples
    --------
    >>> marked("a_b < 3 for $x_i < |y|$")
    'a\\_b &lt; 3 for $x_i \\lt |y|$'
    """
    parts = pieces(" ".join(text.split()))
    return "".join([_latex(part) if is_latex else _plain(part) for is_latex, part in parts])


def _latex(latex: str) -> str:
    return f"${latex.replace('<', chr(92) + 'lt ').replace('>', chr(92) + 'gt ')}$".replace("  ", " ")


def _plain(text: str) -> str:
    parts = _CODE.split(text)
    for place in range(0, len(parts), 2):
        escaped = _SPECIAL.sub(r"\\\1", parts[place].replace("&", "&amp;").replace("<", "&lt;"))
        parts[place] = escaped.replace("$", "&#36;").replace("`", "&#96;")
    return "".join(parts)


def code(text: str) -> str:
    """Return a span of code, whatever backticks the text has."""
    line = " ".join(text.split())
    fence = "`" * (max([len(run) for run in re.findall("`+", line)], default=0) + 1)
    space = " " if "`" in line else ""
    return f"{fence}{space}{line}{space}{fence}"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; a | in a cell is escaped."""
    lines = []
    for cells in (header, ["---"] * len(header), *rows):
        lines.append("| " + " | ".join([cell.replace("|", "\\|") for cell in cells]) + " |")
    return "\n".join(lines)


def _link(result: StatementResult) -> str:
    return f"[{marked(result.statement.name)}](#{facts.anchor(result.statement.id)})"


def _head(results: Sequence[StatementResult], run: facts.RunFacts) -> Iterator[str]:
    caught = sum([result.mutants_caught for result in results])
    mutants = sum([result.mutants for result in results])
    yield f"# {facts.PAPER}: every statement, machine-checked"
    yield f"{facts.SOURCE}. Verdicts derived {run.date} with {_versions(run)}; seed {run.seed}."
    yield f"{caught} of {mutants} mutants caught." if run.mutants else "Mutants were not run."
    differing = [_link(result) for result in results if not result.ok]
    if differing:
        yield f"**Not all was derived as recorded, or a mutant survived:** {', '.join(differing)}"
    yield "## Verdicts"
    counted = facts.counts(results)
    yield table(
        ["verdict", "statements", "meaning"],
        [[str(verdict), str(count), verdict.meaning] for verdict, count in counted.items()],
    )
    yield "## The whole paper at a glance"
    yield table(
        ["statement", "about", "verdict", "proof", "repair", "mutants caught"],
        [
            [
                _link(result),
                marked(result.statement.title),
                f"**{result.verdict}**",
                "flawed" if result.statement.proof_flaw else "",
                str(result.repair_verdict or ""),
                f"{result.mutants_caught}/{result.mutants}" if result.mutants else "not run",
            ]
            for result in results
        ],
    )


def _versions(run: facts.RunFacts) -> str:
    return ", ".join([f"{name} {version}" for name, version in run.versions.items()])


def _errata(rows: Sequence[ErratumRow]) -> Iterator[str]:
    yield "## Errata"
    if not rows:
        yield "None whose checks were part of this run."
    for row in rows:
        erratum = row.erratum
        state = erratum.kind + (", new" if row.is_new else "")
        state += "" if row.derived else ", **not derived in this run**"
        yield f"### {marked(erratum.id)}: {marked(erratum.title)}"
        yield f"{state}; {', '.join([f'[{name}](#{facts.anchor(name)})' for name in erratum.statements])}"
        yield table(
            ["", ""],
            [
                ["printed", marked(erratum.printed)],
                ["found", marked(erratum.finding)],
                ["repair", marked(erratum.repair)],
                *[_derived(line) for line in row.lines],
            ],
        )


def _derived(line: DerivedLine) -> list[str]:
    shown = f": {marked(line.shown)}" if line.shown else ""
    return [f"derived: {line.verdict}", f"{marked(line.claim)}{shown} ({code(line.check)})"]


def _statement(result: StatementResult, users: Sequence[str]) -> Iterator[str]:
    statement = result.statement
    yield f'<a id="{facts.anchor(statement.id)}"></a>'
    yield f"#### {marked(statement.name)}: {marked(statement.title)}"
    state = f"**{result.verdict}**"
    if result.verdict is not statement.verdict:
        state += f" (recorded as {statement.verdict})"
    yield f"{state}, {marked(statement.place)}. {marked(statement.why)}"
    quoted = [f"> {marked(line)}  " for line in statement.hypotheses]
    yield "\n".join([*quoted, f"> {marked(statement.statement)}"])
    lines = []
    if result.counterexample:
        lines.append(f"- counterexample: {marked(result.counterexample)}")
    if statement.proof_flaw:
        lines.append(f"- printed proof: {marked(statement.proof_flaw)}")
    if statement.repair:
        lines.append(f"- repair, **{result.repair_verdict}**: {marked(statement.repair.statement)}")
    for label, names in (("uses", statement.uses), ("used by", users)):
        if names:
            lines.append(f"- {label}: {', '.join([f'[{name}](#{facts.anchor(name)})' for name in names])}")
    if statement.code:
        lines.append(f"- code: {', '.join([code(name) for name in statement.code])}")
    if lines:
        yield "\n".join(lines)
    yield table(
        ["check", "role", "verdict", "claim", "steps", "mutants caught"],
        [_check_row(checked) for checked in facts.by_role(result)],
    )
    on_paper = dict.fromkeys([line for checked in result.checks for line in checked.findings.on_paper])
    if on_paper:
        yield f"On paper remains: {'; '.join([marked(line) for line in on_paper])}."


def _check_row(checked: CheckResult) -> list[str]:
    check = checked.check
    path, line, _ = facts.source_of(check)
    steps = [f"{step.verdict}: {marked(step.claim)} ({marked(step.by)})" for step in checked.findings.steps]
    if checked.findings.error:
        steps.append(f"error: {marked(checked.findings.error)}")
    caught = sum([mutant.caught for mutant in checked.mutants])
    return [
        f"{code(check.name)} (proofs\\_checks/{path.replace('_', chr(92) + '_')}:{line})",
        check.role,
        str(checked.findings.verdict),
        marked(check.claim),
        "<br>".join(steps),
        f"{caught}/{len(checked.mutants)}" if checked.mutants else "not run",
    ]
