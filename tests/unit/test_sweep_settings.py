"""What a sweep may be asked for: points, boards that stand for others, and options that contradict."""

from pathlib import Path

import pytest

from myofin.boards.registry import list_boards, load_board
from myofin.errors import InputError
from myofin.sweep.settings import Settings, check_settings, fitted_board, measured_board
from myofin.sweep.space import CATEGORIES, GRIDS, Point, categories, drawn_point, grid_points
from myofin.train.config import TrainConfig
from myofin.train.fin import shape_for


def settings(**options):
    return Settings(data=Path("d"), subject=None, out=Path("o"), **({"grid": "small"} | options))


@pytest.mark.parametrize("size", GRIDS)
def test_grids_have_distinct_points_that_can_be_trained(size):
    points = grid_points(size)
    assert len(points) >= 24 and len(set(points)) == len(points)
    assert not any(point.scheme == "float32" and point.engine == "sliding" for point in points)
    for point in points:
        config = point.train_config(TrainConfig(refit=False))
        assert shape_for(16, 2, 12, config).units == point.units and not config.refit
        assert Point.from_document(point.document()) == point


def test_points_of_one_network_share_its_training():
    points = grid_points("small")
    configs = {point.train_config(TrainConfig()) for point in points}
    by_network = [point for point in points if point.features == "lstm"]
    assert len(configs) == len(by_network) / 5 + 2 and len(by_network) == 30
    neighbours = [point.train_config(TrainConfig()) for point in points[:6]]
    assert len(set(neighbours)) == 6, "workers would wait for one another"


def test_only_an_lstm_or_only_arithmetic():
    both = grid_points("small")
    only = {kind: grid_points("small", kind) for kind in ("lstm", "arithmetic")}
    assert (len(both), len(only["lstm"]), len(only["arithmetic"])) == (34, 30, 4)
    assert set(both) == {*only["lstm"], *only["arithmetic"]}
    for kind in only:
        drawn = [drawn_point({**FIRST, "mode": mode}) for mode in categories(kind)["mode"]]
        assert {point.features for point in drawn} == {kind}
    assert categories(None) == dict(CATEGORIES)


FIRST = {name: choices[0] for name, choices in CATEGORIES.items()}


def test_a_draw_is_a_point():
    last = {name: choices[-1] for name, choices in CATEGORIES.items()}
    assert drawn_point(FIRST).scheme == "int8" and drawn_point(FIRST).mu == 100
    assert drawn_point(last | {"mode": "float32/plain"}).scheme == "float32"
    closed = drawn_point(last)
    assert (closed.scheme, closed.features, closed.units) == ("int8", "arithmetic", Point().units)
    assert (closed.engine, closed.clip_sd) == ("plain", 20)
    assert "units" not in closed.document() and Point.from_document(closed.document()) == closed
    assert drawn_point(last | {"units": 4}) == closed, "what means nothing makes no other point"


def test_twins_are_emulated_and_have_the_core():
    twins = {name: load_board(name).twin for name in list_boards()}
    assert twins["nano33ble"] == "mps2-an386" and twins["nucleo-f446re"] == "netduinoplus2"
    for name, twin in twins.items():
        board = load_board(name)
        if twin is not None:
            assert board.emulator is None and load_board(twin).emulator is not None
            assert load_board(twin).core == board.core
            assert load_board(twin).build.flags == board.build.flags


def test_points_are_measured_on_the_twin_of_the_board_to_fit():
    assert measured_board(settings()).name == fitted_board(settings()).name == "mps2-an386"
    nano = settings(fit="nano33ble")
    assert (measured_board(nano).name, fitted_board(nano).name) == ("mps2-an386", "nano33ble")
    assert measured_board(settings(fit="microbit")).name == "microbit"
    assert measured_board(settings(fit="nano33ble", measure_on="netduinoplus2")).name == "netduinoplus2"
    with pytest.raises(InputError, match="No emulated board stands for pico"):
        measured_board(settings(fit="pico"))
    with pytest.raises(InputError, match="not emulated"):
        measured_board(settings(measure_on="nano33ble"))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"grid": None}, "neither was"),
        ({"trials": 8}, "both"),
        ({"storage": "sqlite:///x.db"}, "a grid needs no database"),
        ({"dask": "tcp://127.0.0.1:1", "workers": 2}, "--workers"),
        ({"layout": "joint", "features_by": "arithmetic"}, "--layout"),
        ({"objectives": ("accuracy", "speed")}, "no objective 'speed'"),
        ({"objectives": ("accuracy", "flash", "flash")}, "named twice"),
        ({"objectives": ("accuracy", "r2")}, "nothing to weigh up"),
        ({"objectives": ("flash", "ram")}, "nothing to weigh up"),
        ({"hop_ms": 20}, "needs a board"),
        ({"hop_ms": 15, "fit": "microbit"}, "no whole number of frames"),
        ({"hop_ms": 310, "fit": "microbit"}, "no whole number of frames"),
        ({"hop_ms": 0, "fit": "microbit"}, "no whole number of frames"),
        ({"fit": "toaster"}, "no board 'toaster'"),
    ],
)
def test_options_that_contradict_are_refused(options, said):
    with pytest.raises(InputError, match=said):
        check_settings(settings(**options))


def test_only_a_shared_or_only_a_joint_lstm():
    both = [point for point in grid_points("small") if point.features == "lstm"]
    for layout in ("shared", "joint"):
        found = [point for point in grid_points("small", None, layout) if point.features == "lstm"]
        assert found == [point for point in both if point.layout == layout] and found
        drawn = [drawn_point({**FIRST, "layout": name}) for name in categories("lstm", layout)["layout"]]
        assert {point.layout for point in drawn} == {layout}
    joint = both[1]
    assert joint.train_config(TrainConfig()).layout == joint.document()["layout"] == "joint"


def test_what_makes_two_sweeps_the_same():
    assert settings(workers=2, cache=Path("c")).identity() == settings().identity()
    assert settings(fit="nano33ble").identity() != settings(fit="nucleo-f446re").identity()
    assert settings(seed=1).identity() != settings().identity()
    search = settings(grid=None, trials=8)
    assert search.identity() == settings(grid=None, trials=16).identity()
