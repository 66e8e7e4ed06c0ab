"""The page in a real browser, from disk, with the network off."""

from __future__ import annotations

import shutil

import numpy as np
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
    return page.execute_script(
        script + ".map((trace) => ({name: trace.group, x: [...trace.x], y: [...trace.y]}))", meta
    )


def set_to(page, name, value):
    """As somebody who picks an entry of a list."""
    page.execute_script(
        "const box = document.getElementById(arguments[0]); box.value = arguments[1];"
        "box.dispatchEvent(new Event('change', {bubbles: true}))",
        name,
        value,
    )


def click(page, selector):
    element = page.find_element("css selector", selector)
    page.execute_script("arguments[0].scrollIntoView({block: 'center'})", element)
    element.click()


def test_curves_are_those_of_the_package(page, runs):
    shown = {trace["name"]: trace for trace in traces(page)}
    comparison = compare(runs)
    assert len(shown) == 6
    for group in comparison.groups:
        expected = band(group, "test_accuracy", "arrivals")
        trace = shown[group.label(comparison.keys)]
        assert trace["x"] == pytest.approx(expected.x.tolist())
        assert trace["y"] == pytest.approx(expected.middle.tolist(), abs=1e-4)
    spread = page.execute_script(
        "return document.getElementById('curves-plot').data"
        ".find((trace) => trace.group === 'kardam, lie' && trace.meta).customdata"
    )
    kardam = band(next(g for g in comparison.groups if g.values == {"aggregator": "kardam", "attack": "lie"}),
                  "test_accuracy", "arrivals")  # fmt: skip
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


def test_servers_attacks_and_seeds_are_chosen(page):
    click(page, 'input[data-key="server"][value="asgd"]')
    assert {trace["name"].split(",")[0] for trace in traces(page)} == {"kardam"}
    click(page, 'input[data-key="attack"][value="lie"]')
    assert len(traces(page)) == 2
    click(page, 'input[data-key="seed"][value="1"]')
    assert page.find_element("id", "chosen").text == "4 of 18 runs in 2 curves"
    click(page, "#choose-all")
    assert len(traces(page)) == 6
    set_to(page, "spread", "each")
    assert len(traces(page, "seed")) == 18
    set_to(page, "spread", "median")


def text_of(page, name):
    return page.execute_script("return document.getElementById(arguments[0]).textContent", name)


def test_panels_are_those_of_plot_and_share_their_axes(page):
    layout = "document.getElementById('curves-plot').layout"
    titles = page.execute_script(f"return {layout}.annotations.map((each) => each.text)")
    assert titles == ["<b>no attack</b>", "<b>reversed</b>", "<b>lie</b>"]
    assert page.execute_script(f"return [{layout}.yaxis2.matches, {layout}.xaxis3.matches]") == ["y", "x"]
    legend = page.execute_script(
        "return document.getElementById('curves-plot').data"
        ".filter((trace) => trace.showlegend).map((trace) => trace.name)"
    )
    assert legend == ["asgd", "kardam"]


def test_the_command_and_the_address_follow_the_selection(page):
    click(page, 'input[data-key="server"][value="asgd"]')
    click(page, 'input[data-key="seed"][value="1"]')
    set_to(page, "metric", "test_loss")
    command = text_of(page, "curves-command")
    assert command.endswith("--kind loss --x arrivals --select aggregator=kardam --select seed=0,2")
    address = page.current_url
    shown = traces(page)
    assert shown and {trace["name"].split(",")[0] for trace in shown} == {"kardam"}
    click(page, "#choose-all")
    set_to(page, "metric", "test_accuracy")
    assert "#" not in page.current_url
    page.get(address)
    wait(page, "return document.getElementById('metric').value === 'test_loss'")
    assert traces(page) == shown
    page.refresh()
    wait(page, "return document.documentElement.dataset.ready === 'yes'")
    assert (traces(page), text_of(page, "curves-command")) == (shown, command)
    click(page, 'nav a[href="#one"]')
    assert page.current_url == address  # a link to a section wipes nothing out
    click(page, "#choose-all")
    set_to(page, "metric", "test_accuracy")


def test_curves_are_grouped_by_any_setting_and_smoothed(page, runs):
    set_to(page, "group", "1")
    by_attack = traces(page)
    assert [trace["name"] for trace in by_attack] == ["no attack", "reversed", "lie"]
    assert by_attack[0]["y"][-1] == pytest.approx(
        np.median([made.metrics["test_accuracy"][-1] for made in runs if made.choices["attack"] == "none"]), abs=1e-4
    )
    set_to(page, "panels", "0")
    assert len(traces(page)) == 6
    set_to(page, "group", "")
    set_to(page, "panels", "")
    rough = traces(page)
    set_to(page, "smooth", "3")
    smooth = traces(page)
    set_to(page, "spread", "each")
    one = traces(page, "seed")[0]["y"]
    set_to(page, "smooth", "1")
    raw = traces(page, "seed")[0]["y"]
    assert one[3] == pytest.approx(sum(raw[2:5]) / 3) and one[0] == pytest.approx(sum(raw[:2]) / 2)
    assert smooth != rough
    set_to(page, "spread", "median")


def test_tables_sort_and_keep_their_first_column(page):
    column = (
        "return [...document.querySelectorAll('table.sorts')[1].tBodies[0].rows].map((row) => row.cells[2].textContent)"
    )
    heading = page.find_elements("css selector", "table.sorts")[1].find_elements("css selector", "thead th")[2]
    before = page.execute_script(column)
    heading.find_element("css selector", "button").click()
    numbers = [float(text.split()[0]) for text in page.execute_script(column) if text[0].isdigit()]
    assert len(numbers) == 5 and numbers == sorted(numbers, reverse=True)
    assert page.execute_script(column)[-1] == "diverged"
    assert heading.get_attribute("aria-sort") == "descending"
    heading.find_element("css selector", "button").click()
    assert page.execute_script(column)[0] == "diverged"
    assert sorted(page.execute_script(column)) == sorted(before)
    first = "getComputedStyle(document.querySelectorAll('table.sorts')[1].tBodies[0].rows[0].cells[0])"
    assert page.execute_script(f"return {first}.position") == "sticky"


def test_two_runs_are_compared(page):
    ids = page.execute_script("return [...document.getElementById('other').options].map((each) => each.textContent)")
    set_to(page, "run", str(page.execute_script("return data.groups[0].runs[0]")))
    set_to(page, "other", str(page.execute_script("return data.groups.at(-1).runs[1]")))
    assert ids[0] == "no other"
    rows = page.find_elements("css selector", "#differences tr")
    said = {row.text.split(" ")[0]: row.text for row in rows}
    assert said["aggregator"] == "aggregator asgd kardam"
    assert said["seed"] == "seed 0 1"
    assert said["attack.z"] == "attack.z – 1.5"
    assert "num_workers" not in said
    set_to(page, "other", "")


def test_the_page_is_dark_where_the_reader_is(page):
    def seen():
        return page.execute_script(
            "return [getComputedStyle(document.body).backgroundColor,"
            "document.getElementById('curves-plot').layout.paper_bgcolor,"
            "document.getElementById('curves-plot').data.find((trace) => trace.meta).line.color]"
        )

    light = seen()
    page.execute_cdp_cmd(
        "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": "dark"}]}
    )
    wait(page, "return document.getElementById('curves-plot').layout.paper_bgcolor === '#16181c'")
    assert seen()[0] == "rgb(22, 24, 28)"
    assert seen()[2] != light[2]
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    wait(page, "return document.getElementById('curves-plot').layout.paper_bgcolor === '#ffffff'")
    assert seen() == light


def test_a_cell_of_the_heatmap_opens_its_runs(page):
    plot = page.find_element("css selector", "#cells-plot .nsewdrag")
    page.execute_script("arguments[0].scrollIntoView({block: 'center'})", plot)
    from selenium.webdriver import ActionChains

    # Rows are asgd, kardam; columns no attack, reversed, lie: the upper right cell.
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
    option = "[...document.getElementById('run').options].find((each) => each.textContent === 'kardam, lie, seed 0')"
    set_to(page, "run", page.execute_script(f"return {option}.value"))
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
    assert {"honest job, from thin to thick", "Byzantine job, from thin to thick", "Byzantine refused"} <= set(bars)


def test_every_figure_has_its_command(page):
    for name, expected in [("curves", "byzsgd plot"), ("cells", "--kind heatmap"), ("run", "byzsgd train")]:
        text = page.execute_script("return document.getElementById(arguments[0]).textContent", f"{name}-command")
        assert expected in text


def test_it_fits_a_phone(runs, tmp_path):
    driver = opened(report(runs, tmp_path), "500,850")
    try:
        phone = {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": True}
        driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", phone)
        wait(driver, "return window.innerWidth === 390")
        wide = driver.execute_script("return document.documentElement.scrollWidth - window.innerWidth")
        assert wide <= 0
        small = driver.execute_script(
            "return [...document.querySelectorAll('main button, main select')]"
            ".filter((e) => e.offsetHeight && e.offsetHeight < 32).length"
        )
        assert small == 0
        # The names in one column, and the result whole beside them.
        cell = "document.querySelectorAll('table.sorts')[1].tBodies[0].rows[0]"
        assert driver.execute_script(f"return {cell}.innerText").split("\t")[0] == "asgd, none"
        assert driver.execute_script(f"return {cell}.cells[2].getBoundingClientRect().right") <= 390
        wait(driver, "return !document.querySelectorAll('.hint')[1].hidden")
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
