import re
from html import unescape
from html.parser import HTMLParser

import pytest

from memverify.errors import MemverifyError
from proofs_checks.report.facts import code_place
from proofs_checks.report.write import check_folder, write_report
from proofs_checks.verdicts import Verdict

from .fabricated import HOSTILE, MOMENT, checked, entry, errata, results, step

VOID = {"meta", "wbr", "input", "br", "img", "link", "hr"}


class Reader(HTMLParser):
    """Tags, attributes, and whether every element is closed in order."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.ids, self.links, self.stack, self.problems = [], [], [], [], []
        self.text = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self.ids += [value for name, value in attrs if name == "id"]
        self.links += [value for name, value in attrs if name in ("href", "src", "xlink:href")]
        if tag not in VOID:
            self.stack.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.stack.pop()

    def handle_endtag(self, tag):
        if not self.stack or self.stack.pop() != tag:
            self.problems.append((tag, self.getpos()))

    def handle_data(self, data):
        self.text.append(data)


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    write_report(results(), folder, moment=MOMENT, errata=errata())
    return (folder / "index.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def reader(page):
    return Reader(page)


def test_well_formed(reader):
    assert reader.problems == []
    assert reader.stack == []
    assert len(reader.ids) == len(set(reader.ids))
    assert dict(reader.tags)["html"]["lang"] == "en"
    names = [tag for tag, _ in reader.tags]
    assert names.count("main") == names.count("h1") == 1
    assert {"header", "nav", "main", "section", "article"} <= set(names)


def test_every_statement_and_check_has_an_anchor_and_every_link_leads_somewhere(reader):
    assert {result.statement.id for result in results()} <= set(reader.ids)
    names = [f"check-{check.check.name}" for result in results() for check in result.checks]
    assert set(names) <= set(reader.ids)
    assert reader.links
    for link in reader.links:
        assert link.startswith("#")
        assert link[1:] in reader.ids


def test_nothing_is_loaded(page, reader):
    assert not {"link", "img", "iframe", "object", "embed", "base"} & {tag for tag, _ in reader.tags}
    assert all(["src" not in attributes for _, attributes in reader.tags])
    assert "url(" not in page
    assert "@import" not in page
    assert not re.search(r"https?://", page)
    assert "default-src 'none'" in page


def test_hostile_text_is_only_text(reader, page):
    scripts = [place for place, (tag, _) in enumerate(reader.tags) if tag == "script"]
    assert len(scripts) == 1
    assert all([not name.startswith("on") for _, attributes in reader.tags for name in attributes])
    assert page.count("{{ 7*7 }}") >= 6
    assert unescape(page).count("onerror=alert(1)") >= 6
    assert "javascript:" not in [link[:11] for link in reader.links]
    assert HOSTILE.split("`")[0] in "".join(reader.text)


def test_the_source_shown_is_the_checks(reader):
    shown = "".join(reader.text)
    for result in results():
        for each in result.checks:
            assert each.check.source[2].rstrip() in shown


def test_what_a_reader_is_told(page, reader):
    assert "This run differs" not in page
    shown = " ".join("".join(reader.text).split())
    for text in (
        "n = 1, radius 1/3: 4 <= 41/11 is false",
        "The last group is lost.",
        "induction itself",
        "2025-01-31 12:00 UTC",
        "9 of 9 caught",
        "the hypothesis",
        "memverify/rational.py:",
        "proofs-checks run lemma-B.1 --mutants",
    ):
        assert text in shown
    for verdict in Verdict:
        assert verdict.meaning in shown


def test_a_run_that_differs_says_so(tmp_path):
    found = step("it holds")
    failing = checked("appendix_b.minimum", "lemma-B.1", found, recorded=Verdict.REFUTED, caught=False)
    made = [entry("lemma-B.1", Verdict.REFUTED, failing, counterexample="x = 1")]
    write_report(made, tmp_path, moment=MOMENT, errata={})
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert "This run differs from what is recorded" in page
    assert "recorded as refuted, this run derived proved" in page
    assert "survived" in page
    assert "not the one derived in this run" in page


def test_two_runs_give_the_same_bytes(tmp_path):
    for name in ("a", "b"):
        write_report(results(), tmp_path / name, moment=MOMENT, errata=errata())
    for name in ("index.html", "report.md"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_a_file_in_the_way_is_refused_in_one_line(tmp_path):
    target = tmp_path / "report"
    target.write_text("mine")
    for call in (lambda: check_folder(target), lambda: write_report(results(), target, errata={})):
        with pytest.raises(MemverifyError) as caught:
            call()
        assert "\n" not in str(caught.value)
    assert target.read_text() == "mine"


def test_a_failure_leaves_what_was_there(tmp_path, monkeypatch):
    write_report(results(), tmp_path, moment=MOMENT, errata=errata())
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    def broken(*_):
        raise RuntimeError

    monkeypatch.setattr("proofs_checks.report.markdown.render_markdown", broken)
    with pytest.raises(RuntimeError):
        write_report(results()[:1], tmp_path, moment=MOMENT, errata={})
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_places_of_code():
    assert re.fullmatch(r"memverify/rational\.py:\d+", code_place("memverify.rational:as_rational"))
    assert code_place("memverify.nowhere:x") == ""
    assert code_place("no module at all") == ""
    assert code_place(HOSTILE) == ""
