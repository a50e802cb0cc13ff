import pytest

from proofs_checks.errata import load_errata
from proofs_checks.registry import load_statements
from proofs_checks.report.mathematics import pieces, to_html, unicode_text
from proofs_checks.report.mathml import latex_to_mathml

SCRIPT_D = "\N{MATHEMATICAL SCRIPT CAPITAL D}"


@pytest.mark.parametrize(
    ("latex", "expected"),
    [
        (r"\min\{a, b\} \ge qb", "min{a, b} ≥ qb"),
        (r"\lVert x_i - z\rVert_2 \le \frac{1}{2}\sqrt{n}", "‖xᵢ - z‖₂ ≤ (1/2)√n"),
        (r"\frac{a+b}{2c}", "(a + b)/(2c)"),
        (r"x = -\frac{1}{k}", "x = -1/k"),
        (r"\left(1 - \frac{2\delta}{n}\right)^{n/2} > 1-\delta", "(1 - 2δ/n)^(n/2) > 1 - δ"),
        (r"\lfloor n/\lceil c^2\rceil\rfloor", "⌊n/⌈c²⌉⌋"),
        (r"\langle w,x\rangle \in \mathbb{R}", "⟨w, x⟩ ∈ \N{DOUBLE-STRUCK CAPITAL R}"),
        (r"\sum_{j \le m}\binom{n}{j}", "∑_(j≤m) C(n, j)"),
        (r"O(N^2 n\ln(1/\delta))", "O(N²n ln(1/δ))"),
        (r"N'_{\mathcal{D}}", "N\N{PRIME}_" + SCRIPT_D),
        (r"A \cup B \cap C", "A \N{UNION} B ∩ C"),
        (r"\text{Sgn}(F(x)) = y\ \text{if }x", "Sgn(F(x)) = y if x"),
        (r"\mathcal{D}^N", SCRIPT_D + "^N"),
        (r"10^{-3}, 1{,}000", "10⁻³, 1,000"),
        (r"\sqrt{n+1}", "√(n + 1)"),
        (r"a \ne b, a \not= b", "a ≠ b, a ≠ b"),
        (r"\overline{x}", "x̅"),
        (r"\unknown x", r"\unknown x"),
    ],
)
def test_latex_for_terminals(latex, expected):
    assert unicode_text(f"${latex}$") == expected


def test_texts_between_formulas_stay():
    text = r"if $x_i<y$, at once (\$5 for $n$) and $alone"
    assert unicode_text(text) == "if xᵢ < y, at once ($5 for n) and $alone"
    assert list(pieces("")) == []


@pytest.mark.parametrize(
    ("latex", "expected"),
    [
        ("n", "<mi>n</mi>"),
        (r"\frac{1}{2}", "<mfrac><mrow><mn>1</mn></mrow><mrow><mn>2</mn></mrow></mfrac>"),
        (r"\lfloor n\rfloor", '<mo stretchy="false" form="prefix">⌊</mo><mi>n</mi>'),
        (r"\lVert x\rVert", '<mo stretchy="false" lspace="0" rspace="0">‖</mo><mi>x</mi>'),
        (r"\min x", '<mi>min</mi><mspace width="0.1667em" /><mi>x</mi>'),
        (r"\ln(n)", '<mi>ln</mi><mo stretchy="false" form="prefix">(</mo>'),
        (r"1{,}000", "<mn>1,000</mn>"),
        (r"x \sim y", "<mo>\N{TILDE OPERATOR}</mo>"),
        (r"\mathrm{para}", "<mi>para</mi>"),
        (r"\mathbf{1}", "<mn>\N{MATHEMATICAL BOLD DIGIT ONE}</mn>"),
        (r"= -1", '<mo form="prefix">\N{MINUS SIGN}</mo>'),
        (r"\infty", "<mi>∞</mi>"),
        (r"\text{a & <b>}", "<mtext>a\xa0&amp;\xa0&lt;b&gt;</mtext>"),
        (r"\href{javascript:alert(1)}{x}", "<math><mrow><mrow><mi>x</mi></mrow></mrow></math>"),
    ],
)
def test_latex_for_pages(latex, expected):
    assert expected in "".join(latex_to_mathml(latex))


def test_long_formulas_may_break_after_a_sign():
    long = r"\mathbb{P}_{D \sim D^N}\left(A_D(L(D)) \ge 1 - \varepsilon\right) \ge 1 - \delta"
    chunks = latex_to_mathml(long)
    assert len(chunks) > 1
    assert all([chunk.startswith("<math>") and chunk.endswith("</math>") for chunk in chunks])
    assert any([chunk.endswith('<mo form="infix">\N{MINUS SIGN}</mo></math>') for chunk in chunks])
    assert "<wbr>" in to_html(f"${long}$")
    assert len(latex_to_mathml("a \\ge b")) == 1


def test_latex_that_cannot_be_read_is_shown():
    assert latex_to_mathml("x<y^") == ["<code>x&lt;y^</code>"]
    assert unicode_text("$x<y^$") == "x < y^"
    assert unicode_text(r"$\href{a}{b}$")


def test_punctuation_stays_with_its_formula():
    assert to_html("so ($n$), then") == 'so <span class="m">(<math><mi>n</mi></math>),</span> then'
    assert to_html("the $n$th of $m$.").count('<span class="m">') == 2


def test_plain_text_is_escaped():
    assert to_html("a < b & `c < d` \"e\"") == "a &lt; b &amp; <code>c &lt; d</code> &quot;e&quot;"


def test_every_text_of_the_registry_renders():
    texts = []
    for statement in load_statements().values():
        texts += [statement.title, statement.statement, statement.why, statement.proof_flaw]
        texts += statement.hypotheses
        texts += [statement.repair.statement] if statement.repair else []
    for erratum in load_errata().values():
        texts += [erratum.title, erratum.printed, erratum.finding, erratum.repair]
    for text in texts:
        for is_latex, part in pieces(text):
            assert is_latex or "$" not in part, text
            if is_latex:
                rendered = "".join(latex_to_mathml(part))
                assert "<code>" not in rendered, part
                assert "\\" not in rendered, part
        assert "\\" not in unicode_text(text), text
