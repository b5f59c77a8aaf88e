from __future__ import annotations

from harness.board.probing_text import probe_rows, probing_sentences
from harness.slopes.probing import ProbeAnswer
from harness.slopes.rank_correlation import RankCorrelation


def answer(rho: float, q: float, **given) -> ProbeAnswer:
    known = {"family": "f", "probe": ("p", "accuracy"), "task": ("t", "accuracy"), "same_data": True, "runs": 4}
    return ProbeAnswer(**(known | given), found=RankCorrelation(rho, rho - 0.1, rho + 0.05, q, 9), q=q)


def test_rows_say_what_was_found_and_for_whom():
    refused = ProbeAnswer("f", ("p", "m"), ("t", "m"), False, 1, None, refusal="2 checkpoints have both")
    rows = probe_rows([answer(0.9, 0.01, gain=0.25), answer(-0.9, 0.01, runs=1), answer(0.2, 0.6), refused])
    assert [row.says for row in rows] == [
        "predicts", "predicts the reverse, about these runs alone", "undecided", "2 checkpoints have both",
    ]  # fmt: skip
    assert rows[0].correlation == "0.90 [0.80, 0.95]" and rows[0].gain == "+0.250" and rows[0].n == "9 / 4"
    assert rows[3].correlation == "–"


def test_one_sentence_for_the_task_s_own_labels_and_one_for_others():
    sentences = probing_sentences([answer(0.9, 0.01), answer(0.1, 0.9), answer(-0.9, 0.01, same_data=False)])
    assert sentences == [
        "Probes of a task's own labels: 1 of 2 order the checkpoints as fine-tuning does, 0 the other way round; median "
        "correlation 0.50, from 0.10 to 0.90.",
        "Probes of other labels: 0 of 1 order the checkpoints as fine-tuning does, 1 the other way round; median correlation "
        "−0.90, from −0.90 to −0.90.",
    ]
    assert probing_sentences([]) == []
