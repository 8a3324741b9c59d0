"""The page of results: made of the two tables only, and as truthful as they are."""

import json
import xml.etree.ElementTree
from pathlib import Path

import pytest

from myofin.charts import Dots, dots, standalone
from myofin.splits import Split
from myofin.svg import Caption
from myofin.train.protocols import Subject

BENCH = Path(__file__).resolve().parents[2] / "bench"


@pytest.fixture(autouse=True)
def bench_on_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCH))


def rows(method: str, scheme: str, accuracy: float) -> list[dict[str, object]]:
    kept = {"protocol": "within", "variant": "", "method": method, "scheme": scheme, "windows": 10}
    return [
        {**kept, "dataset": "3dc", "subject": subject, "seed": seed, "accuracy": accuracy + gain}
        for seed in (0, 1)
        for subject, gain in (("7", 0.02), ("15", -0.02))
    ]


def test_the_page_says_what_the_rows_say(tmp_path: Path) -> None:
    from results_page import write_page

    (tmp_path / "results").mkdir()
    table = rows("lda-all", "float64", 0.9) + rows("default", "int8", 0.85)
    (tmp_path / "results" / "recognition.json").write_text(json.dumps(table))
    imitated = {"dataset": "3dc", "train_subjects": ["15"], "test_subject": "7", "feature": "entropy"}
    imitated |= {
        "scheme": "int8",
        "r2_log": 0.991,
        "r2_log_strict": None,
        "r2_linear": 0.97,
        "spearman": 0.99,
    }
    (tmp_path / "results" / "imitation.json").write_text(json.dumps([imitated]))
    write_page(tmp_path, (3, 10))
    page = (tmp_path / "docs" / "results.md").read_text()
    assert "| `default` | int8 | 0.850 ± 0.028 | ± 0.000 | 2 | 0.830 (3dc/15) | -0.050 | 0 of 2 |" in page
    assert (
        "behind on: 3dc/15 -0.050, 3dc/7 -0.050" in page or "behind on: 3dc/7 -0.050, 3dc/15 -0.050" in page
    )
    assert "3 of 10 jobs are done; no rows yet of `lda-four`" in page
    assert "fewer than 3 seeds of `default`" in page
    assert "| entropy | int8 | 0.991 | 0.9910 | - | 0.970 | 0.9700 | 0.9900 |" in page
    xml.etree.ElementTree.parse(tmp_path / "docs" / "results-within.svg")


def test_other_protocols_stand_by_variant_with_their_schemes(tmp_path: Path) -> None:
    from results_page import write_page

    (tmp_path / "results").mkdir()
    table = [
        {**row, "protocol": "calibrate", "variant": variant}
        for method, scheme, accuracy in (("lda-loghtd", "float64", 0.7), ("default", "int8", 0.8))
        for variant in ("1 repetition", "2 repetitions")
        for row in rows(method, scheme, accuracy)
    ]
    (tmp_path / "results" / "recognition.json").write_text(
        json.dumps(rows("lda-all", "float64", 0.9) + table)
    )
    (tmp_path / "results" / "imitation.json").write_text("[]")
    write_page(tmp_path, (1, 1))
    page = (tmp_path / "docs" / "results.md").read_text()
    cells = [[cell.strip() for cell in line.split("|")[1:4]] for line in page.splitlines()]
    assert [row for row in cells if row and row[0].endswith(("repetition", "repetitions"))] == [
        ["1 repetition", "`lda-loghtd`", "float64"],
        ["1 repetition", "`default`", "int8"],
        ["2 repetitions", "`lda-loghtd`", "float64"],
        ["2 repetitions", "`default`", "int8"],
    ]


def test_what_matters_is_computed_first_and_once() -> None:
    from results import plan_jobs

    split = Split((1, 3, 4), (6,), (2, 5))
    subjects = tuple(Subject(f"{i}", "3dc" if i < 4 else "db5", str(i), split) for i in range(6))
    jobs = plan_jobs(subjects)
    assert len(jobs) == len(set(jobs))
    methods = list(dict.fromkeys(job.method for job in jobs))
    assert methods[:5] == ["lda-four", "lda-loghtd", "lda-all", "closed-form-head", "default"]
    default = [job for job in jobs if (job.protocol, job.method) == ("within", "default")]
    assert len(default) == 18 and {job.dataset for job in default[:2]} == {"3dc", "db5"}
    assert {job.test.subject for job in jobs if job.protocol == "rotation"} == {"0", "1", "2", "3"}


def test_dots_name_every_value() -> None:
    chart = dots([Dots("a & b", [0.5, 0.9], ["one", "two"])], Caption("k", "title", "told"))
    svg = standalone(chart)
    root = xml.etree.ElementTree.fromstring(svg)
    circles = [node for node in root.iter() if node.tag.endswith("circle")]
    assert len(circles) == 2 and "one: 0.500" in svg and "a &amp; b" in svg
    assert float(circles[0].attrib["cx"]) < float(circles[1].attrib["cx"])
