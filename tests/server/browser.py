"""A headless Chromium for the tests of the pages, and what they ask of it.

Unavailable where Selenium, Chromium or its driver is not installed (Debian: python3-selenium,
chromium-driver).
"""
import base64
import json
import shutil
import time
from urllib.parse import urlparse

try:
    from selenium import webdriver
    from selenium.webdriver.common.keys import Keys
except ImportError:
    webdriver = Keys = None

PATIENCE = 60  # seconds a condition may take to come true
VISIBLE = "return arguments[0].checkVisibility({visibilityProperty: true})"


def available():
    return bool(webdriver and shutil.which("chromedriver") and
                (shutil.which("chromium") or shutil.which("google-chrome")))


class Browser:
    """One window; `script` runs JavaScript in its page."""

    def __init__(self):
        options = webdriver.ChromeOptions()
        # The camera is made up: a green picture that beeps.
        for switch in ("headless=new", "no-sandbox", "disable-gpu", "disable-dev-shm-usage",
                       "use-fake-device-for-media-stream", "use-fake-ui-for-media-stream"):
            options.add_argument("--" + switch)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        self.driver = webdriver.Chrome(options=options)
        self.script = self.driver.execute_script
        self.find = lambda selector: self.driver.find_element("css selector", selector)
        self.find_all = lambda selector: self.driver.find_elements("css selector", selector)

    def open(self, url, width=1280, height=800, phone=False, dark=False):
        """A page in a screen of this many CSS pixels."""
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
            "width": width, "height": height, "deviceScaleFactor": 2, "mobile": phone})
        self.driver.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": phone})
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [
            {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]})
        self.driver.get(url)

    def until(self, condition, what=None):
        """Waits until a JavaScript expression is true, and returns its value."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            value = self.script(f"return {condition}")
            if value:
                return value
            time.sleep(0.05)
        raise AssertionError(f"never came true: {what or condition}")

    def drop(self, *paths, on="main:not([hidden])"):
        """Drops files on an element of the page, as a person's mouse would."""
        files = [(path.name, base64.b64encode(path.read_bytes()).decode()) for path in paths]
        self.script("""
            const transfer = new DataTransfer();
            for (const [name, data] of arguments[0]) {
              const bytes = Uint8Array.from(atob(data), (c) => c.charCodeAt(0));
              const type = name.endsWith(".jpg") ? "image/jpeg" : "";
              transfer.items.add(new File([bytes], name, { type }));
            }
            for (const type of ["dragover", "drop"])
              document.querySelector(arguments[1]).dispatchEvent(
                new DragEvent(type, { dataTransfer: transfer, bubbles: true, cancelable: true }));
        """, files, on)

    def text(self, selector):
        """The text of the first such element, shown or not; None where there is none."""
        return self.script("return document.querySelector(arguments[0])?.textContent", selector)

    def texts(self, selector):
        """The texts of all of them."""
        return self.script("return [...document.querySelectorAll(arguments[0])]"
                           ".map((element) => element.textContent)", selector)

    def open_details(self):
        self.script("for (const d of document.querySelectorAll('details')) d.open = true")

    def downloads(self, folder):
        """Where files go that a page has saved from now on."""
        self.driver.execute_cdp_cmd("Browser.setDownloadBehavior", {
            "behavior": "allow", "downloadPath": str(folder)})

    def mouse(self, kind, x, y, **more):
        """An event of the mouse at a place of the window: mousePressed, mouseWheel ..."""
        self.driver.execute_cdp_cmd("Input.dispatchMouseEvent",
                                    {"type": kind, "x": x, "y": y, **more})

    def click_at(self, x, y):
        """A mouse's click."""
        for kind in ("mousePressed", "mouseReleased"):
            self.mouse(kind, x, y, button="left", clickCount=1)

    def fingers(self, kind, *points):
        """touchStart, touchMove, touchEnd with fingers at these places of the window."""
        self.driver.execute_cdp_cmd("Input.dispatchTouchEvent", {
            "type": kind, "touchPoints": [{"x": x, "y": y, "id": i}
                                          for i, (x, y) in enumerate(points)]})

    def press(self, *keys):
        """Keys to whatever has the focus."""
        self.driver.switch_to.active_element.send_keys(*keys)

    def console(self):
        """What the page complained about since the last call. That the server answered with an
        error is said there, too, and is no fault of the page."""
        return [entry["message"] for entry in self.driver.get_log("browser")
                if entry["level"] in ("SEVERE", "WARNING")
                and "the server responded with a status of" not in entry["message"]]

    def hosts(self):
        """The hosts the page asked since the last call."""
        found = set()
        for entry in self.driver.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                url = urlparse(message["params"]["request"]["url"])
                if url.scheme not in ("blob", "data"):
                    found.add(url.netloc)
        return found

    def overflow(self):
        """CSS pixels the page is wider than the screen."""
        return self.script("return document.documentElement.scrollWidth - innerWidth")

    def unnamed(self, within="body"):
        """Controls a screen reader could not name."""
        return [element.get_attribute("outerHTML") for element in
                self.find_all(f"{within} :is(button, input, select, textarea, summary, a)")
                if self.script(VISIBLE, element) and not element.accessible_name.strip()]

    def quit(self):
        self.driver.quit()
