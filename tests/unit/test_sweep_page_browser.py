"""The page of a sweep in a real browser: widths, filters, sorting, keyboard, TSV, print, hostile texts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pytest
from browser import WIDTHS, chromium, overflow, watch
from playwright.sync_api import Browser, Page
from sweep_document import document
from test_sweep_page import EVIL, hostile

from myofin.scatter import front
from myofin.sweep.page import render_sweep


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@dataclass(frozen=True)
class Opened:
    """A page with its chart drawn, and what went wrong on it."""

    page: Page
    wrong: list[str]

    def rows(self) -> list[int]:
        """Numbers of the trials in the table, as they are sorted and filtered."""
        return [int(text) for text in self.page.locator("#table tbody tr:visible .pick").all_text_contents()]

    def copied(self) -> list[list[str]]:
        """What the button for TSV puts into the clipboard."""
        self.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        self.page.get_by_role("button", name="Copy as TSV").click()
        self.page.wait_for_function("document.getElementById('copied').textContent !== ''")
        return [
            line.split("\t") for line in self.page.evaluate("navigator.clipboard.readText()").splitlines()
        ]


def opened(browser: Browser, folder: Path, data: dict[str, Any], width: int = 1200) -> Opened:
    # Plotly takes seconds to unpack and to start, so tests share pages; each leaves them as it found them.
    path = folder / "page.html"
    path.write_text(render_sweep(data), encoding="utf-8")
    page = browser.new_page(viewport={"width": width, "height": 800})
    found = Opened(page, watch(page))
    page.goto(path.as_uri())
    page.wait_for_selector("#plot .main-svg")
    return found


@pytest.fixture(scope="module")
def plain(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Opened:
    return opened(browser, tmp_path_factory.mktemp("plain"), document())


@pytest.fixture(scope="module")
def fit(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Opened:
    data = document("microbit")
    data["trials"][1]["params"]["head"] = "=HYPERLINK(1)\tx"
    return opened(browser, tmp_path_factory.mktemp("fit"), data)


@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_is_wider_than_the_window_and_nothing_is_fetched(plain: Opened, width: int) -> None:
    plain.page.set_viewport_size({"width": width, "height": 800})
    plain.page.wait_for_function(f"document.querySelector('#plot .main-svg').clientWidth < {width}")
    assert overflow(plain.page) == 0
    assert plain.page.locator("#plot .points path").count() == 23 + 2  # and rings of the recommended one
    assert plain.page.locator("#picture-title").is_hidden()
    assert plain.wrong == []


def test_where_everything_was_refused_the_page_still_works(browser: Browser, tmp_path: Path) -> None:
    data = document("microbit")
    data["trials"] = [trial for trial in data["trials"] if trial["state"] != "measured"]
    reason = "Nothing fits: the nearest, trial 17, misses microbit by 197,632 bytes of RAM."
    data |= {"front": [], "recommended": None, "nearest": {"id": data["trials"][0]["id"], "reason": reason}}
    page = opened(browser, tmp_path, data, width=WIDTHS[0])
    assert overflow(page.page) == 0 and page.rows() == [] and page.wrong == []
    assert reason in page.page.locator(".verdict").inner_text()
    page.page.close()


def test_the_line_is_the_front_of_the_chosen_axes(plain: Opened) -> None:
    measured = [trial for trial in document()["trials"] if trial["values"]]
    for across, up in (("ram", "flash"), ("instructions", "accuracy")):
        plain.page.locator("#across").select_option(across)
        plain.page.locator("#up").select_option(up)
        drawn = plain.page.evaluate("[...document.getElementById('plot').data[0].x]")
        places = [(t["values"][across], t["values"][up]) for t in measured]
        better = front(places, ("low", "high" if up == "accuracy" else "low"))
        assert drawn == [places[i][0] for i in better]


def test_headings_sort_and_a_trial_is_chosen_from_the_keyboard(plain: Opened) -> None:
    page = plain.page
    flash = {t["number"]: t["values"]["flash"] for t in document()["trials"] if t["values"]}
    heading = page.locator("th", has=page.locator("[data-key=flash]"))
    heading.locator("button").focus()
    for key, told, first in (("Enter", "ascending", min), ("Space", "descending", max)):
        page.keyboard.press(key)
        assert heading.get_attribute("aria-sort") == told
        assert flash[plain.rows()[0]] == first(flash.values())
    pick = page.locator("#table .pick").nth(2)
    pick.focus()
    page.keyboard.press("Space")
    assert pick.get_attribute("aria-pressed") == "true"
    assert page.locator("#whole h3").inner_text().startswith(f"Trial {pick.inner_text()}")
    assert pick.evaluate("element => getComputedStyle(element).outlineStyle") == "solid"


def test_every_control_is_reached_by_tab_in_its_order(plain: Opened) -> None:
    plain.page.locator("#across").focus()
    reached = []
    for _ in range(9):
        reached.append(plain.page.evaluate("document.activeElement.id || document.activeElement.textContent"))
        plain.page.keyboard.press("Tab")
    controls = ["across", "up", "board", "most-flash", "most-ram", "most-instructions", "Show all", "copy"]
    assert reached[: len(controls)] == controls


def test_print_shows_the_picture_and_not_the_controls(plain: Opened) -> None:
    plain.page.emulate_media(media="print")
    assert plain.page.locator("#chart .still svg").is_visible()
    for hidden in ("#plot", "#controls", "#copy"):
        assert plain.page.locator(hidden).is_hidden()
    assert plain.page.locator("#table tbody tr").last.is_visible()
    plain.page.emulate_media(media="screen")


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_dark_is_as_legible_as_light(plain: Opened, scheme: Literal["dark", "light"]) -> None:
    plain.page.emulate_media(color_scheme=scheme)
    style = "name => getComputedStyle(document.documentElement).getPropertyValue(name).trim()"
    ink, soft, card = (plain.page.evaluate(style, name) for name in ("--ink", "--soft", "--card"))
    assert _contrast(ink, card) >= 7 and _contrast(soft, card) >= 4.5
    assert plain.page.evaluate("document.getElementById('plot').layout.font.color") == ink
    for name in ("--blue", "--bad", "--good", "--plum"):  # of graphics
        assert _contrast(plain.page.evaluate(style, name), card) >= 3


def test_a_board_keeps_only_what_fits_it_and_lists_the_others_with_reasons(fit: Opened) -> None:
    page, trials = fit.page, document("microbit")["trials"]
    measured = [trial for trial in trials if trial["values"]]
    assert page.locator("#board").input_value() == "microbit"
    fitting = [t["number"] for t in measured if t["fits"]["microbit"]["ok"]]
    assert sorted(fit.rows()) == fitting
    out = page.locator("#left-out tbody tr").all_text_contents()
    assert len(out) == len(measured) - len(fitting) and all("microbit: " in text for text in out)
    page.locator("#board").select_option("nano33ble")
    page.locator("#most-flash").fill("20000")
    small = [t["number"] for t in measured if t["fits"]["nano33ble"]["ok"] and t["values"]["flash"] <= 20_000]
    assert sorted(fit.rows()) == small and 0 < len(small) < len(measured)
    assert "flash above by" in page.locator("#left-out").inner_text()
    page.get_by_role("button", name="Show all").click()
    page.wait_for_function("document.getElementById('left-out').hidden")
    assert len(fit.rows()) == len(measured)
    page.locator("#board").select_option("microbit")


def test_the_table_is_copied_with_whole_figures_and_no_formulas(fit: Opened) -> None:
    header, *body = fit.copied()
    assert header[:2] == ["trial", "accuracy, validation"] and len(body) == len(fit.rows())
    trials = {str(trial["number"]): trial for trial in document("microbit")["trials"]}
    for line in body:
        assert float(line[1]) == trials[line[0]]["values"]["accuracy"]
        assert len(line) == len(header)
    assert next(line for line in body if line[0] == "1")[header.index("head")] == "'=HYPERLINK(1) x"


def test_hostile_texts_do_nothing_in_the_page_nor_in_its_chart(browser: Browser, tmp_path: Path) -> None:
    found = opened(browser, tmp_path, hostile())
    page = found.page
    page.locator("#board").select_option("")
    page.locator("#plot .points path").first.hover(force=True)
    page.wait_for_selector("#plot .hovertext")
    assert page.locator("#plot .hovertext img, #plot .hovertext a, #whole img").count() == 0
    assert "</script></title><script>" in (page.locator("#plot .hovertext").text_content() or "")
    assert EVIL in page.locator("#whole").inner_text()
    assert found.wrong == []


def test_without_scripts_the_picture_and_the_table_are_there(browser: Browser, tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text(render_sweep(document()), encoding="utf-8")
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((tmp_path / "page.html").as_uri())
    assert page.locator("#chart .still svg").is_visible() and page.locator("#controls").is_hidden()
    assert page.locator("#table tbody tr").count() == 23
    context.close()


def _contrast(one: str, other: str) -> float:
    """Contrast of two colours, 1 to 21. Source: WCAG 2.1, relative luminance."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    digits = colour.lstrip("#")
    digits = "".join(sign * 2 for sign in digits) if len(digits) == 3 else digits
    parts = [int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
