import re
from importlib import resources

import pytest

STYLE = resources.files("proofs_checks.report").joinpath("style.css").read_text(encoding="utf-8")
VERDICTS = ("proved", "instances", "refuted", "vacuous", "external", "definition", "open")


def variables(block):
    return dict(re.findall(r"--([\w-]+):\s*(#[0-9a-f]{6})", block))


def themes():
    light, dark = STYLE.split("@media (prefers-color-scheme: dark)")[:2]
    dark = dark.split("\n}\n")[0]
    for text in (light, dark):
        root = variables(re.search(r":root \{(.*?)\}", text, re.DOTALL)[1])
        yield root, {name: variables(re.search(rf"\.v-{name} \{{(.*?)\}}", text)[1]) for name in VERDICTS}


def luminance(colour):
    channels = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    low, high = sorted([luminance(one), luminance(other)])
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize(("root", "verdicts"), list(themes()))
def test_contrast_is_enough(root, verdicts):
    for ground in ("page", "raised", "sunken"):
        for ink in ("ink", "soft", "link", "alarm"):
            assert contrast(root[ground], root[ink]) >= 4.5, (ground, ink)
    for ink in ("k", "s", "n", "com", "f"):
        assert contrast(root["sunken"], root[ink]) >= 4.5, ink
    assert contrast(root["flaw"], root["flaw-ink"]) >= 4.5
    for name, colours in verdicts.items():
        assert contrast(colours["c"], colours["on"]) >= 4.5, name
        assert contrast(colours["tint"], colours["deep"]) >= 4.5, name


def test_verdicts_have_seven_colours():
    for _, verdicts in themes():
        assert len({colours["c"] for colours in verdicts.values()}) == len(VERDICTS)
