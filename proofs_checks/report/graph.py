"""The dependency graph as SVG: what is used stands to the left of what uses it."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from ..run import StatementResult
from .facts import anchor, short_name
from .layering import layered
from .mathematics import unicode_text

NODE_WIDTH, NODE_HEIGHT = 134, 28
_COLUMN, _ROW, _MARGIN = 168, 40, 14

_SEGMENT = 22
"""Width of the part of a node that shows the verdict of the repair."""


def connected(results: Sequence[StatementResult]) -> list[StatementResult]:
    """Return the results whose statements use another one of them, or are used by one."""
    there = {result.statement.id for result in results}
    used = {name for result in results for name in result.statement.uses}
    return [
        result
        for result in results
        if result.statement.id in used or there & set(result.statement.uses)
    ]


def dependency_graph(results: Sequence[StatementResult]) -> str:
    """Return an <svg> element with a link for each connected statement and a path for each use."""
    chosen = {result.statement.id: result for result in connected(results)}
    uses = {
        name: [used for used in dict.fromkeys(result.statement.uses) if used in chosen]
        for name, result in chosen.items()
    }
    layout = layered(uses)
    columns = max([column for column, _ in layout.nodes.values()], default=0)
    places = [*layout.nodes.values(), *[place for points in layout.edges.values() for place in points]]
    rows = max([row for _, row in places], default=0)
    width = 2 * _MARGIN + columns * _COLUMN + NODE_WIDTH
    height = 2 * _MARGIN + round(rows * _ROW) + NODE_HEIGHT
    paths = [
        f'<path data-from="{escape(source)}" data-to="{escape(user)}" d="{_path(points)}"/>'
        for (source, user), points in layout.edges.items()
    ]
    nodes = [_node(result, *layout.nodes[name]) for name, result in chosen.items()]
    return (
        f'<svg class="graph" role="group" aria-label="Which statements use which" width="{width}" '
        f'height="{height}" viewBox="0 0 {width} {height}">\n<g class="edges" aria-hidden="true">\n'
        + "\n".join(paths)
        + '\n</g>\n<g class="nodes">\n'
        + "\n".join(nodes)
        + "\n</g>\n</svg>"
    )


def _node(result: StatementResult, column: int, row: float) -> str:
    statement = result.statement
    left, top = _MARGIN + column * _COLUMN, _MARGIN + row * _ROW
    title = escape(f"{statement.name}: {unicode_text(statement.title)} ({result.verdict})")
    return (
        f'<a href="#{anchor(statement.id)}" class="node v-{result.verdict}" '
        f'data-id="{escape(statement.id)}" transform="translate({left} {top:.2f})"><title>{title}</title>'
        f'<rect width="{NODE_WIDTH}" height="{NODE_HEIGHT}" rx="5"/>'
        f'<use href="#icon-{result.verdict}" x="7" y="7" width="14" height="14"/>'
        f'<text x="26" y="18.3">{escape(short_name(statement))}</text>{_repair(result)}</a>'
    )


def _repair(result: StatementResult) -> str:
    """Return the right end of a node, in the colour of the repair's verdict."""
    verdict = result.repair_verdict
    if verdict is None:
        return ""
    straight = _SEGMENT - 5
    outline = f"M{NODE_WIDTH - _SEGMENT} 0h{straight}a5 5 0 0 1 5 5v18a5 5 0 0 1 -5 5h-{straight}z"
    icon = f'<use href="#icon-{verdict}" x="{NODE_WIDTH - 17}" y="8" width="12" height="12"/>'
    return f'<g class="v-{verdict}"><path d="{outline}"/>{icon}</g>'


def _path(points: Sequence[tuple[int, float]]) -> str:
    """Return a smooth line from the right side of the first node to the left side of the last."""
    middle = NODE_HEIGHT / 2 + _MARGIN
    places = [(_MARGIN + column * _COLUMN, middle + row * _ROW) for column, row in points]
    x, y = places[0][0] + NODE_WIDTH, places[0][1]
    parts = [f"M{x:g} {y:.1f}"]
    for number, (left, height) in enumerate(places[1:], 2):
        bend = (left - x) / 2
        parts.append(f"C{x + bend:g} {y:.1f} {left - bend:g} {height:.1f} {left:g} {height:.1f}")
        x, y = left, height
        if number < len(places):
            x += NODE_WIDTH
            parts.append(f"H{x:g}")
    return "".join(parts)
