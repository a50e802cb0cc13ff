"""What the README and docs tell a person to type works, and their links lead somewhere."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from memverify.cli import main
from proofs_checks.cli import main as proofs_checks
from sat_reduction.cli import main as sat_reduction

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), ROOT / "tests" / "README.md"]


def session_lines() -> list[str]:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    session = text.split("## A first session")[1].split("## Data")[0]
    return [line.strip() for line in session.splitlines() if line.startswith("    ")]


def test_the_first_session(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    ran = 0
    for line in session_lines():
        command, _, comment = line.partition("#")
        words = shlex.split(command)
        if words[0] == "printf":
            (tmp_path / words[3]).write_text(words[1].replace("\\n", "\n"))
        elif words[0] == "memverify":
            expected = 1 if comment.strip().startswith("fails") else 0
            assert main(words[1:]) == expected, line
            out = capsys.readouterr().out
            assert comment.split(":")[0].strip() in out
            ran += 1
        elif words[0] == "sat-reduction":
            answers = {"satisfiable": 10, "unsatisfiable": 20, "P.cnf": 20}
            expected = answers[words[-1]] if words[1] in ("solve", "cross-check") else 0
            assert sat_reduction(words[1:]) == expected, line
            capsys.readouterr()
            ran += 1
        elif words[0] == "proofs-checks" and words[1] != "report":  # a report runs every statement
            assert proofs_checks(words[1:]) == 0, line
            capsys.readouterr()
            ran += 1
    assert ran >= 22


EXAMPLES = re.findall(
    r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), flags=re.DOTALL
)
PRINTED = [r"memorizes 1/16\n", r"fails \d+ \(\d+,.*\nmemorizes [0-9.e-]+\n"]


@pytest.mark.parametrize(("code", "printed"), list(zip(EXAMPLES, PRINTED, strict=True)))
def test_the_python_examples(tmp_path, monkeypatch, capsys, code, printed) -> None:
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "README.md", "exec"), {})
    assert re.match(printed, capsys.readouterr().out)
    assert (tmp_path / "net.json.gz").exists() == ("net.json.gz" in code)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (page.parent / target).exists(), f"{page.name} links to {target}"
