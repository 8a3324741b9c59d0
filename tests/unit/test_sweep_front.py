"""The front, the recommendation and the nearest miss, on points made by hand."""

import pytest

from myofin.boards.registry import load_board
from myofin.sweep.front import nearest, pareto_front, recommend, score, tell_misses
from myofin.sweep.result import timeless
from myofin.sweep.sweep import shortfall
from myofin.sweep.trial import deadline_misses, decision_cost

OBJECTIVES = ("accuracy", "flash", "ram", "instructions")
BOARD = {"name": "b", "flash_bytes": 1000, "ram_bytes": 100, "instructions_per_second": 1000}


def trial(name, rights, instructions=100, flash=10, ram=10, misses=(), state="measured", r2=(0.9,)):
    values = {"instructions": instructions, "flash": flash, "ram": ram}
    values |= {"accuracy": sum(rights) / (10 * len(rights)), "movements": [[right, 10] for right in rights]}
    values |= {"r2_log": {str(place): value for place, value in enumerate(r2)}}
    fits = {"b": {"ok": not misses and state == "measured", "misses": list(misses)}}
    return {"id": name, "number": 7, "state": state, "values": values, "fits": fits}


def ids(trials):
    return [found["id"] for found in trials]


def test_the_front_holds_what_nothing_beats_and_equals_beside_each_other():
    trials = [
        trial("best", (9, 9, 9), 100),
        trial("cheap", (5, 5, 5), 50),
        trial("beaten", (5, 5, 4), 60),
        trial("equal", (9, 9, 9), 100),
        trial("refused", (10, 10, 10), 1, state="refused"),
    ]
    assert ids(pareto_front(trials, OBJECTIVES, None)) == ["best", "cheap", "equal"]
    assert ids(pareto_front(trials, ("accuracy", "flash"), None)) == ["best", "equal"]


def test_only_what_fits_the_board_counts_where_one_is_asked_for():
    late = [{"what": "deadline", "by": 7, "unit": "instructions", "hop_ms": 10}]
    trials = [trial("late", (9, 9), misses=late), trial("timely", (8, 8), 200)]
    assert ids(pareto_front(trials, OBJECTIVES, None)) == ["late"]
    assert ids(pareto_front(trials, OBJECTIVES, "b")) == ["timely"]


def test_the_error_is_that_of_the_paired_difference_over_movements():
    # Both lose .1 on average; one loses it everywhere, the other by chance on one movement of four.
    best = trial("best", (9, 6, 9, 4), 900)
    surely = trial("surely worse", (8, 5, 8, 3), 100)
    perhaps = trial("perhaps worse", (9, 6, 9, 0), 500)
    chosen = recommend([best, surely, perhaps], OBJECTIVES)
    assert chosen["id"] == "perhaps worse"  # lost .1 with a standard error of .1; the other's is 0
    assert "500 instructions" in chosen["reason"] and "70.0 %" in chosen["reason"]
    assert recommend([best, surely], OBJECTIVES)["id"] == "best"
    assert "best of the front" in recommend([best, surely], OBJECTIVES)["reason"]
    assert recommend([], OBJECTIVES) is None


def test_the_cheapest_is_told_by_the_costs_that_are_objectives():
    front = [trial("few steps", (9, 9), 100, flash=20), trial("few bytes", (9, 9), 200, flash=10)]
    assert recommend(front, OBJECTIVES)["id"] == "few steps"
    assert recommend(front, ("accuracy", "flash"))["id"] == "few bytes"


def test_r2_is_a_quality_too_and_undefined_scores_are_left_out():
    good, less = trial("good", (1,), 200, r2=(0.99, None, 0.97)), trial("less", (9,), 100, r2=(0.97, 0.97))
    assert score(good, "r2") == pytest.approx(0.98)
    assert score(trial("none", (1,), r2=(None,)), "r2") == float("-inf")
    assert recommend([good, less], ("r2", "instructions"))["id"] == "good"
    almost = trial("almost", (9,), 100, r2=(0.976,))
    assert recommend([good, almost], ("r2", "instructions"))["id"] == "almost"


def test_the_nearest_misses_by_the_least_share_of_what_the_board_has():
    flash = [{"what": "flash", "by": 100, "unit": "bytes"}]
    both = [
        {"what": "ram", "by": 5, "unit": "bytes"},
        {"what": "deadline", "by": 1, "unit": "instructions", "hop_ms": 10},
    ]
    refused = trial("refused", (9,), misses=[{"what": "ram", "by": 1, "unit": "bytes"}], state="refused")
    trials = [trial("flash", (9,), misses=flash), trial("both", (9,), misses=both), refused]
    assert nearest(trials, BOARD, 10)["id"] == "flash"  # .1 of the flash; the other .05 + .1
    assert nearest(trials[1:], BOARD, 10) == {
        "id": "both",
        "reason": "Nothing fits: the nearest, trial 7, misses b by 5 bytes of RAM and 1 instructions in each "
        "10 ms.",
    }
    assert nearest([refused], BOARD, 10)["id"] == "refused"
    assert nearest([trial("fits", (9,))], BOARD, 10) is None


def test_a_rarer_decision_pays_for_all_frames_of_its_hop():
    stages = {"total": {"max": 1000.2}, "front_end": {"max": 10.0}, "fin": {"max": 900}}
    assert decision_cost(stages, 10) == 1001
    assert decision_cost(stages, 50) == 1041
    board = load_board("microbit")
    assert deadline_misses(160_000, board, 10) == []
    found = deadline_misses(160_001, board, 10)
    assert tell_misses("b", {"b": {"misses": found}}) == "b by 1 instructions in each 10 ms"


def test_an_empty_front_and_a_shipped_network_that_misses_are_told():
    miss = {"what": "ram", "by": 4096, "unit": "bytes"}
    document = {"board": {"name": "b"}, "trials": [trial("x", (9,), misses=[miss])], "recommended": None}
    told = shortfall({**document, "nearest": {"id": "x", "reason": "Nothing fits, by 4,096 bytes."}})
    assert (told.exit_code, told.message) == (1, "Nothing fits, by 4,096 bytes.")
    assert (
        "0 of 1"
        in shortfall({**document, "trials": [trial("x", (9,), state="failed")], "nearest": None}).message
    )
    shipped = {"id": "x", "shipped": {"fits": {"b": {"ok": False, "misses": [miss]}}}}
    assert "misses b by 4,096 bytes of RAM" in shortfall({**document, "recommended": shipped}).message
    shipped["shipped"]["fits"]["b"] = {"ok": True, "misses": []}
    assert shortfall({**document, "recommended": shipped}) is None


def test_results_are_compared_without_what_chance_decides():
    one = {"trials": [{"id": "a", "seconds": 1.5, "values": {"flash": 5, "stack": 420}}]}
    other = {"trials": [{"id": "a", "seconds": 9.5, "values": {"flash": 5, "stack": 416}}]}
    assert timeless(one) == timeless(other) == {"trials": [{"id": "a", "values": {"flash": 5}}]}
