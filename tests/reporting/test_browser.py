"""The page in a real browser, from disk, with the network off."""

from __future__ import annotations

import shutil

import pytest
from made_up_runs import run, sweep

from byzsgd.analysis import band, compare
from byzsgd.reporting import report

webdriver = pytest.importorskip("selenium.webdriver", reason="needs selenium")
BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
DRIVER = shutil.which("chromedriver")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (BROWSER and DRIVER), reason="needs chromium and chromedriver"),
]


def opened(path, size):
    options = webdriver.ChromeOptions()
    options.binary_location = BROWSER
    for argument in (
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        f"--window-size={size}",
    ):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    driver.set_network_conditions(offline=True, latency=0, throughput=0)
    driver.get(path.as_uri())
    wait(driver, "return document.documentElement.dataset.ready === 'yes'")
    return driver


def wait(driver, script):
    from selenium.webdriver.support.ui import WebDriverWait

    return WebDriverWait(driver, 30).until(lambda driver: driver.execute_script(script))


@pytest.fixture(scope="module")
def runs():
    return sweep(("asgd", "kardam"), ("none", "reversed", "lie"), 3)


@pytest.fixture(scope="module")
def page(runs, tmp_path_factory):
    driver = opened(report(runs, tmp_path_factory.mktemp("report")), "1200,900")
    yield driver
    assert [entry for entry in driver.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")] == []
    driver.quit()


def traces(page, meta="median"):
    script = "return document.getElementById('curves-plot').data.filter((trace) => trace.meta === arguments[0])"
    return page.execute_script(script + ".map((trace) => ({name: trace.name, x: [...trace.x], y: [...trace.y]}))", meta)


def click(page, selector):
    element = page.find_element("css selector", selector)
    page.execute_script("arguments[0].scrollIntoView({block: 'center'})", element)
    element.click()


def test_curves_are_those_of_the_package(page, runs):
    shown = {trace["name"]: trace for trace in traces(page)}
    comparison = compare(runs)
    assert len(shown) == 6
    for group in comparison.groups:
        expected = band(group, "test_accuracy", "updates")
        trace = shown[group.label(comparison.keys)]
        assert trace["x"] == pytest.approx(expected.x.tolist())
        assert trace["y"] == pytest.approx(expected.middle.tolist(), abs=1e-4)
    spread = page.execute_script(
        "return document.getElementById('curves-plot').data"
        ".find((trace) => trace.name === 'kardam, lie' && trace.meta).customdata"
    )
    kardam = band(next(g for g in comparison.groups if g.values == {"aggregator": "kardam", "attack": "lie"}),
                  "test_accuracy", "updates")  # fmt: skip
    assert spread == [pytest.approx([low, high], abs=1e-3) for low, high in zip(kardam.low, kardam.high, strict=True)]
    assert len(traces(page, "diverged")) == 1


def test_the_axis_switches(page):
    click(page, 'input[name="axis"][value="time"]')
    assert (
        page.execute_script("return document.getElementById('curves-plot').layout.xaxis.title.text")
        == "virtual time (s)"
    )
    assert any(x != int(x) for trace in traces(page) for x in trace["x"])
    click(page, 'input[name="axis"][value="arrivals"]')
    assert all(x == int(x) for trace in traces(page) for x in trace["x"])
    click(page, 'input[name="axis"][value="step"]')


def test_servers_attacks_and_seeds_are_chosen(page):
    click(page, 'input[data-key="server"][value="asgd"]')
    assert {trace["name"].split(",")[0] for trace in traces(page)} == {"kardam"}
    click(page, 'input[data-key="attack"][value="lie"]')
    assert len(traces(page)) == 2
    click(page, 'input[data-key="seed"][value="1"]')
    assert page.find_element("id", "chosen").text == "4 of 18 runs in 2 curves"
    click(page, "#choose-all")
    assert len(traces(page)) == 6
    page.execute_script(
        "const s = document.getElementById('spread'); s.value = 'each'; s.dispatchEvent(new Event('change'))"
    )
    assert len(traces(page, "seed")) == 18
    page.execute_script(
        "const s = document.getElementById('spread'); s.value = 'median'; s.dispatchEvent(new Event('change'))"
    )


def test_a_cell_of_the_heatmap_opens_its_runs(page):
    plot = page.find_element("css selector", "#cells-plot .nsewdrag")
    page.execute_script("arguments[0].scrollIntoView({block: 'center'})", plot)
    from selenium.webdriver import ActionChains

    # Rows are asgd, kardam; columns no attack, lie, reversed: the upper right cell.
    size = plot.size
    ActionChains(page).move_to_element_with_offset(plot, int(size["width"] * 0.33), -int(size["height"] * 0.25)).pause(
        0.3
    ).click().perform()
    wait(page, "return document.querySelectorAll('#cell button').length > 0")
    text = page.find_element("id", "cell").text
    assert "asgd, reversed" in text or "asgd, lie" in text
    assert text.count("Open") == 3


def test_a_cell_is_opened_by_keyboard(page):
    from selenium.webdriver.common.keys import Keys

    summary = page.find_element("css selector", "#cells-buttons summary")
    summary.send_keys(Keys.ENTER)
    button = page.find_element("css selector", "#cells-table tr:nth-child(3) button")
    assert button.get_attribute("aria-label").startswith("kardam, no attack: 0.9")
    button.send_keys(Keys.ENTER)
    assert "kardam, no attack" in page.find_element("id", "cell").text
    opener = page.find_element("css selector", '#cell button[aria-label="Open seed 2 of kardam, no attack"]')
    opener.send_keys(Keys.ENTER)
    assert page.switch_to.active_element.get_attribute("id") == "run"
    shown = page.execute_script("const s = document.getElementById('run'); return s.selectedOptions[0].textContent")
    assert shown == "kardam, no attack, seed 2"


def test_a_decision_is_explained(page, runs):
    page.execute_script(
        "const s = document.getElementById('run');"
        "s.value = [...s.options].find((o) => o.textContent === 'kardam, lie, seed 0').value;"
        "s.dispatchEvent(new Event('change'))"
    )
    made = next(r for r in runs if r.choices["aggregator"] == "kardam" and r.choices["attack"] == "lie")
    refused = made.arrivals.filter(made.arrivals["reason"] == "lipschitz").row(3, named=True)
    field = page.find_element("id", "delivery")
    page.execute_script(
        "arguments[0].value = arguments[1]; arguments[0].dispatchEvent(new Event('change'))", field, refused["arrival"]
    )
    text = page.find_element("id", "decision").text
    assert text.startswith("Refused by lipschitz: ")
    assert "is not within the threshold" in text
    assert f"{refused['lipschitz']:.3g}"[:3] in text
    assert f"worker\n{refused['worker']} (" in text
    before = field.get_attribute("value")
    click(page, "#next-refused")
    assert int(field.get_attribute("value")) > int(before)
    assert page.find_element("id", "decision").text.startswith("Refused by")
    click(page, "#previous")
    shown = page.execute_script("return document.getElementById('decisions-plot').data.length")
    assert shown >= 4
    bars = page.execute_script("return document.getElementById('timeline-plot').data.map((trace) => trace.name)")
    assert {"honest job", "Byzantine job", "Byzantine refused"} <= set(bars)


def test_every_figure_has_its_command(page):
    for name, expected in [("curves", "byzsgd plot"), ("cells", "--kind heatmap"), ("run", "byzsgd train")]:
        text = page.execute_script("return document.getElementById(arguments[0]).textContent", f"{name}-command")
        assert expected in text


def test_it_fits_a_phone(runs, tmp_path):
    driver = opened(report(runs, tmp_path), "500,850")
    try:
        wide = driver.execute_script("return document.documentElement.scrollWidth - window.innerWidth")
        assert wide <= 0
        small = driver.execute_script(
            "return [...document.querySelectorAll('main button, main select')]"
            ".filter((e) => e.offsetHeight && e.offsetHeight < 32).length"
        )
        assert small == 0
    finally:
        driver.quit()


def test_a_single_run_has_no_heatmap(tmp_path):
    driver = opened(report([run()], tmp_path), "1000,800")
    try:
        assert not driver.find_element("id", "cells").is_displayed()
        assert len(traces(driver)) == 1
        errors = [entry for entry in driver.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")]
        assert errors == []
    finally:
        driver.quit()
