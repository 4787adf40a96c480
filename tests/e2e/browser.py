"""A page in real headless Chromium: what it says on its console, and what it asks for."""

from __future__ import annotations

import json
import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait


class Page:
    def __init__(self, driver: webdriver.Chrome) -> None:
        self.driver = driver

    def open(self, path: Path, anchor: str = "") -> None:
        self.driver.get("about:blank")
        self.driver.get(path.resolve().as_uri() + anchor)
        self.until("document.documentElement.dataset.ready === 'yes'")

    def run(self, script: str, *arguments: object) -> object:
        return self.driver.execute_script(script, *arguments)

    def until(self, condition: str) -> None:
        WebDriverWait(self.driver, 60).until(lambda driver: driver.execute_script(
            f"return Boolean({condition})"))

    def texts(self, selector: str) -> list[str]:
        return self.run("return Array.from(document.querySelectorAll(arguments[0]), e => "
                        "e.textContent.trim())", selector)

    def attributes(self, selector: str, name: str) -> list[str]:
        return self.run("return Array.from(document.querySelectorAll(arguments[0]), e => "
                        "e.getAttribute(arguments[1]))", selector, name)

    def click(self, selector: str) -> None:
        found = self.driver.find_element(By.CSS_SELECTOR, selector)
        self.run("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", found)
        found.click()

    def type(self, selector: str, text: str) -> None:
        found = self.driver.find_element(By.CSS_SELECTOR, selector)
        found.clear()
        found.send_keys(text)

    def key(self, selector: str, key: str) -> None:
        self.driver.find_element(By.CSS_SELECTOR, selector).send_keys(key)

    def choose(self, selector: str, value: str) -> None:
        self.run("const e = document.querySelector(arguments[0]); e.value = arguments[1];"
                 "e.dispatchEvent(new Event('change', {bubbles: true}))", selector, value)

    def shown(self, selector: str) -> bool:
        return self.driver.find_element(By.CSS_SELECTOR, selector).is_displayed()

    def prefer(self, scheme: str) -> None:
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [
            {"name": "prefers-color-scheme", "value": scheme}]})

    def quiet(self) -> None:
        """Nothing on the console, and no request but for the page itself."""
        complaints = [entry for entry in self.driver.get_log("browser")]
        assert complaints == [], complaints
        asked = []
        for entry in self.driver.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                asked.append(message["params"]["request"]["url"])
        strange = [url for url in asked if not url.startswith(("file:", "data:", "blob:"))]
        assert strange == [], strange
        assert any(url.startswith("file:") for url in asked)  # requests are seen at all


@contextmanager
def opened(width: int = 1400, height: int = 1000) -> Iterator[Page]:
    programs = [shutil.which(name) for name in ("chromium", "chromedriver")]
    if not all(programs):
        pytest.fail("no chromium and chromedriver: tools/setup.sh installs chromium-driver")
    options = Options()
    options.binary_location = programs[0]
    for flag in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                 f"--window-size={width},{height}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(programs[1]))
    try:
        yield Page(driver)
    finally:
        driver.quit()
