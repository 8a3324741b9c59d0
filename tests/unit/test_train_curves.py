"""The table and the picture of a training."""

import csv
import io
from xml.etree import ElementTree

from myofin.train.curves import curves_csv, curves_svg
from myofin.train.pretrain import EpochRow, cosine

ROWS = [
    EpochRow("pre-train", 1, 0.5, 0.25, None, 0.008, 1.5),
    EpochRow("pre-train", 2, 0.05, 0.0, None, 0.0, 1.25),
    EpochRow("fine-<tune>", 1, 1.5, 1.25, 0.75, 0.001, 2.0),
]


def test_the_table_has_one_line_an_epoch():
    lines = list(csv.DictReader(io.StringIO(curves_csv(ROWS))))
    assert [line["stage"] for line in lines] == ["pre-train", "pre-train", "fine-<tune>"]
    assert lines[0]["validation_accuracy"] == ""
    assert float(lines[2]["validation_accuracy"]) == 0.75
    assert float(lines[0]["learning_rate"]) == 0.008


def test_the_picture_is_well_formed_with_two_lines_a_stage():
    root = ElementTree.fromstring(curves_svg(ROWS))
    lines = [element for element in root.iter() if element.tag.endswith("polyline")]
    assert len(lines) == 4
    height = float(root.attrib["height"])
    for line in lines:
        for point in line.attrib["points"].split():
            x, y = map(float, point.split(","))
            assert 0 <= x <= float(root.attrib["width"])
            assert 0 <= y <= height


def test_no_epochs_still_make_a_picture():
    ElementTree.fromstring(curves_svg([]))


def test_the_learning_rate_falls_from_its_start_to_nothing():
    rates = [cosine(0.01, step, 10) for step in range(11)]
    assert rates[0] == 0.01
    assert abs(rates[-1]) < 1e-12
    assert rates == sorted(rates, reverse=True)
