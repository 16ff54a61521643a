"""Drive a written page in headless Chromium: sliders, pad and lens against ``fit.decode``, widths, colours, requests.

    python benchmarks/page_checks.py RUNS_FOLDER PAGE [SCREENSHOT_FOLDER]

RUNS_FOLDER holds the runs by the names that they have on the page; ``ppgen demo --out runs/demo`` makes both. Needs
selenium, chromium and chromedriver. Prints one line a check, and ends with status 1 if one fails.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from selenium import webdriver
from selenium.webdriver.common.by import By

import ppgen
from ppgen.reporting.explorer import explorer
from ppgen.reporting.grids import joint_limits, to_points
from ppgen.reporting.strip import shuffled_test
from ppgen.reporting.style import PAIRS
from ppgen.walks import lattice

FLAGS = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
BOX = "const b = arguments[0].getBoundingClientRect(); return [b.x, b.y, b.width, b.height]"
VIEWS = (
    ("desktop light", 1200, False),
    ("desktop dark", 1200, True),
    ("phone light", 390, False),
    ("phone dark", 390, True),
)
PIXELS = """
const canvas = arguments[0];
return Array.from(canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data);
"""
UNNAMED = """
return Array.from(document.querySelectorAll("img:not([hidden]), svg, canvas")).filter(drawn =>
  drawn.offsetParent !== null && !drawn.closest("[aria-hidden=true], .lens") &&
  !(drawn.getAttribute("alt") || drawn.getAttribute("aria-label"))).length;
"""
MOVE = "arguments[0].value = arguments[1]; arguments[0].dispatchEvent(new Event('input'));"
CONTRASTS = """
const probe = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
function light(colour) {
  probe.clearRect(0, 0, 1, 1); probe.fillStyle = colour; probe.fillRect(0, 0, 1, 1);
  const [r, g, b] = Array.from(probe.getImageData(0, 0, 1, 1).data).slice(0, 3)
    .map(v => v / 255).map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}
const paper = light(getComputedStyle(document.body).backgroundColor);
const ratio = colour => {
  const [low, high] = [paper, light(colour)].sort((a, b) => a - b);
  return (high + 0.05) / (low + 0.05);
};
const root = getComputedStyle(document.documentElement), found = {};
for (const name of arguments[0]) { found[name] = ratio(root.getPropertyValue("--" + name).trim()); }
for (const element of document.querySelectorAll("p, li, td, th, dt, dd, figcaption, a, h1, h2, h3, pre, svg text")) {
  const style = getComputedStyle(element);
  const colour = element instanceof SVGElement ? style.fill : style.color;
  if (element.textContent.trim() && !(colour in found)) { found[colour] = ratio(colour); }
}
return found;
"""
failures: list[str] = []


def check(told: str, holds: bool, found: Any = "") -> None:
    print(f"{'ok  ' if holds else 'FAIL'} {told}{f': {found}' if found != '' else ''}", flush=True)
    if not holds:
        failures.append(told)


def open_browser(width: int, height: int, dark: bool = False) -> Any:
    options = webdriver.ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    for flag in (*FLAGS, f"--window-size={width},{height}", f"--user-data-dir={tempfile.mkdtemp()}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService("/usr/bin/chromedriver"))
    driver.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600},
    )
    scheme = "dark" if dark else "light"
    driver.execute_cdp_cmd(
        "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    )
    return driver


def shown_pixels(driver: Any, canvas: Any) -> np.ndarray:
    height, width = int(canvas.get_attribute("height")), int(canvas.get_attribute("width"))
    return np.array(driver.execute_script(PIXELS, canvas), dtype=np.uint8).reshape(height, width, 4)[..., :3]


def explore(driver: Any, box: Any, fit: Any, name: str) -> None:
    """Set the sliders at random and compare the canvas with ``fit.decode`` of the code that they stand for."""
    test = shuffled_test(fit, 0)
    made = explorer(fit, test, seed=0)
    sliders = box.find_elements(By.CSS_SELECTOR, "input")
    canvas = box.find_element(By.CSS_SELECTOR, ".shown")
    row = {key: column[:1] for key, column in test.items()}
    start = None if fit.guide is None else row
    labelled = "[" not in made.axes[0].name
    dims = [int(axis.name.split("[")[1][:-1]) for axis in made.axes if "[" in axis.name]
    sizes = [len(axis.values) for axis in made.axes]
    before = shown_pixels(driver, canvas)
    worst, changed = 0, 0
    generator = np.random.default_rng(0)
    limits = None
    for _ in range(12):
        setting = [int(generator.integers(size)) for size in sizes]
        for slider, value in zip(sliders, setting, strict=True):
            driver.execute_script(MOVE, slider, str(value))
        given = {made.axes[0].name: setting[0]} if labelled else {}
        walk = lattice(fit, dims, x=start, steps=sizes[-1], seed=0, **given)
        at = int(np.ravel_multi_index(setting[labelled:], sizes[labelled:]))
        codes = {site: z.flatten(0, 1)[at : at + 1] for site, z in walk.latents.items()}
        decoded = to_points(fit.decode(codes, site="x", **given))
        limits = limits or joint_limits([to_points(test["x"][:100]), decoded])
        wanted = np.round(np.clip((decoded[0] - limits[0]) / (limits[1] - limits[0]), 0, 1) * 255).transpose(1, 2, 0)
        found = shown_pixels(driver, canvas)
        worst = max(worst, int(np.abs(found.astype(int) - wanted.astype(int)).max()))
        changed += int((found != before).any())
        before = found
    check(f"{name}: sliders {[axis.name for axis in made.axes]} show fit.decode, in 256 greys", worst <= 1, worst)
    check(f"{name}: moving the sliders changes the picture", changed >= 10, f"{changed} of 12 times")


def press(driver: Any, box: Any, name: str) -> None:
    """Press on the pad and see the sliders follow."""
    pad = box.find_element(By.CSS_SELECTOR, ".pad")
    sliders = box.find_elements(By.CSS_SELECTOR, "input")
    driver.execute_script("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", pad)
    place = driver.execute_script(BOX, pad)
    x, y = place[0] + 0.97 * place[2], place[1] + 0.03 * place[3]
    for kind, buttons in (("mousePressed", 1), ("mouseReleased", 0)):
        event = {"type": kind, "x": x, "y": y, "button": "left", "buttons": buttons, "clickCount": 1}
        driver.execute_cdp_cmd("Input.dispatchMouseEvent", event)
    found = [(s.get_attribute("value"), s.get_attribute("max")) for s in sliders[-2:]]
    check(
        f"{name}: pressing the pad's upper right corner sets both sliders to their ends",
        all(a == b for a, b in found),
        found,
    )


def hover(driver: Any, figure: Any, fit: Any, name: str) -> None:
    """Point at the first data point's place and compare the lens with the data point that it names."""
    canvas = figure.find_element(By.CSS_SELECTOR, ".lens canvas")
    drawing = figure.find_element(By.CSS_SELECTOR, "svg")
    driver.execute_script("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", drawing)
    place = driver.execute_script(BOX, drawing)
    where = [int(part) / 1e4 for part in figure.get_attribute("data-places").split()[:2]]
    driver.execute_cdp_cmd(
        "Input.dispatchMouseEvent",
        {"type": "mouseMoved", "x": place[0] + where[0] * place[2], "y": place[1] + where[1] * place[3]},
    )
    lens = figure.find_element(By.CSS_SELECTOR, ".lens")
    point = lens.get_attribute("data-point")
    shown = point is not None and lens.get_attribute("hidden") is None
    check(f"{name}: the lens opens over a code", shown, point)
    if shown:
        wanted = np.round(to_points(shuffled_test(fit, 0)["x"])[int(point)] * 255).transpose(1, 2, 0)
        apart = int(np.abs(shown_pixels(driver, canvas).astype(int) - wanted.astype(int)).max())
        check(f"{name}: it shows that data point", apart <= 1, apart)


def main(runs: Path, page: Path, shots: Path | None) -> None:
    check("the page is under 5 MB", page.stat().st_size < 5e6, f"{page.stat().st_size / 1e6:.2f} MB")
    address = page.resolve().as_uri()
    for kind, width, dark in VIEWS:
        driver = open_browser(width, 900, dark)
        try:
            driver.get(address)
            body = driver.execute_script("return document.documentElement.scrollWidth")
            check(f"{kind}: the page does not scroll sideways", body <= width, f"{body} of {width} pixels")
            errors = [entry["message"] for entry in driver.get_log("browser")]
            check(f"{kind}: nothing in the console", not errors, errors or "")
            ratios = driver.execute_script(CONTRASTS, list(PAIRS)[5:])
            palest = min(ratios, key=ratios.get)
            check(
                f"{kind}: all classes and all text have a contrast of 4.5",
                ratios[palest] >= 4.5,
                f"{palest} {ratios[palest]:.2f}",
            )
            nameless = driver.execute_script(UNNAMED)
            check(f"{kind}: every picture has a text", nameless == 0, f"{nameless} without")
            told = [json.loads(entry["message"])["message"] for entry in driver.get_log("performance")]
            sent = [entry["params"] for entry in told if entry["method"] == "Network.requestWillBeSent"]
            asked = [each["request"]["url"] for each in sent if each["documentURL"].startswith("file:")]
            outside = [url[:60] for url in asked if url != address and not url.startswith("data:")]
            check(f"{kind}: the file is asked for, and nothing outside it", address in asked and not outside, outside)
            if shots is not None:
                whole = driver.execute_script("return document.documentElement.scrollHeight")
                driver.execute_cdp_cmd(
                    "Emulation.setDeviceMetricsOverride",
                    {"width": width, "height": min(whole, 16000), "deviceScaleFactor": 1, "mobile": width < 600},
                )
                driver.save_screenshot(str(shots / f"{kind.replace(' ', '-')}.png"))
            if kind == "desktop light":
                drive(driver, runs)
        finally:
            driver.quit()
    check("all checks", not failures, f"{len(failures)} failed")


def drive(driver: Any, runs: Path) -> None:
    """Sliders, pads and lenses of every model on the page."""
    for article in driver.find_elements(By.CSS_SELECTOR, "article"):
        name = article.find_element(By.CSS_SELECTOR, "h3").text
        fit = ppgen.load(runs / name)
        for box in article.find_elements(By.CSS_SELECTOR, ".explorer.live"):
            explore(driver, box, fit, name)
            press(driver, box, name)
        for figure in article.find_elements(By.CSS_SELECTOR, ".hoverable"):
            hover(driver, figure, fit, name)
    still = driver.find_elements(By.CSS_SELECTOR, ".explorer:not(.live)")
    check("every explorer is alive", not still, len(still))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]) if len(sys.argv) > 3 else None)
    sys.exit(1 if failures else 0)
