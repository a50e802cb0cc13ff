import re

import pytest

from proofs_checks.report.markdown import code, marked, table
from proofs_checks.report.write import write_report

from .fabricated import MOMENT, errata, results


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    write_report(results(), folder, moment=MOMENT, errata=errata())
    return (folder / "report.md").read_text(encoding="utf-8")


def test_tables_are_tables(text):
    blocks = [block for block in text.split("\n\n") if block.startswith("|")]
    assert len(blocks) >= 2 + len(errata()) - 1 + len(results())
    for block in blocks:
        cells = [len(re.split(r"(?<!\\)\|", line)) for line in block.splitlines()]
        assert len(set(cells)) == 1
        assert set(block.splitlines()[1]) <= set("|- ")


def test_every_link_leads_somewhere(text):
    anchors = set(re.findall(r'<a id="([^"]+)"></a>', text))
    assert {result.statement.id for result in results()} == anchors
    assert set(re.findall(r"\]\(#([^)]+)\)", text)) <= anchors


def test_hostile_text_is_only_text(text):
    text = re.sub(r"(`+)(?!`).+?(?<!`)\1(?!`)", "", text)
    tags = set(re.findall(r"<[a-z/!][^>]*>", text))
    assert all([re.fullmatch(r'<br>|</a>|<a id="[\w.\-]+">', tag) for tag in tags]), tags


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("a_b * c", r"a\_b \* c"),
        ("$a < b$ and a < b", r"$a \lt b$ and a &lt; b"),
        ("`a_b` stays", "`a_b` stays"),
        ("two\nlines", "two lines"),
        (r"$\lVert x\rVert > 0$", r"$\lVert x\rVert \gt 0$"),
    ],
)
def test_marked(source, expected):
    assert marked(source) == expected


def test_code_and_table():
    assert code("a`b") == "`` a`b ``"
    assert table(["a"], [["x | y"]]).splitlines()[2] == r"| x \| y |"
