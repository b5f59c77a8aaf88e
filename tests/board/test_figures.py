"""Figures say what was found, and can be drawn whatever the names."""

from __future__ import annotations

from dataclasses import replace

from board_examples import small

from harness.board.figures import compose, draw
from harness.board.panels import Panel, panels, styles


def panel() -> Panel:
    *_, roles, fits = small()
    return panels(fits, roles)[0]


LOOKS = styles(["grown", "pruned"])


def test_the_legend_holds_the_slope_and_the_refusal_code() -> None:
    figure = compose(panel(), LOOKS)
    texts = [text.get_text() for text in figure.legends[0].get_texts()]
    assert texts[0] == "grown: +1.50 [1.00, 2.00] points per 0.1 nat, HC3"
    assert texts[1] == "pruned: refused (REFUSE-LEVELS)"
    axes = figure.axes[0]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("lm_loss/wiki: nats per token", "glue/rte: accuracy (%)")


def test_any_name_can_be_drawn() -> None:
    names = ["$\\frac{", "_hidden", "模型 \ud800", "<b>&amp;", ""]
    shown = panel()
    fits = tuple(replace(shown.fits[0], cell=replace(shown.fits[0].cell, family=name)) for name in names)
    drawn = replace(shown, upstream=replace(shown.upstream, task="$\\frac{"), fits=fits)
    files = draw(drawn, styles(names))
    assert files["png"].startswith(b"\x89PNG") and b"<svg" in files["svg"]
    assert b"dc:date" not in files["svg"]
    texts = [text.get_text() for text in compose(drawn, styles(names)).legends[0].get_texts()]
    assert texts[0].startswith("$\\frac{: +1.50") and texts[1].startswith("_hidden: ")
