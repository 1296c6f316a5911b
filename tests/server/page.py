"""What the tests of the page share: servers, a browser, and the page with pictures in it."""
import json
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from urllib.parse import urlparse

sys.path.insert(0, str(Path(__file__).parent))
import browser as browsers  # noqa: E402
from server import Server, mien, objects, plain, skip_or_run  # noqa: E402

Keys = browsers.Keys

KEY = "a-key-of-the-test-0123456789"
PHONE = {"width": 390, "height": 844, "phone": True}
IDLE = "!document.querySelector('.thumb.running, .thumb.waiting, .card.busy')"
FACTS = "[...document.querySelectorAll('.facts dd')].map((d) => d.firstChild.textContent)"


def start():
    """A server, one that wants KEY, a browser and a folder, until the module's tests have run."""
    global server, keyed, browser
    folder = Path(tempfile.mkdtemp(prefix="mien-page-"))
    unittest.addModuleCleanup(shutil.rmtree, folder)
    (folder / "keys").write_text(KEY + "\n")
    server = Server()
    unittest.addModuleCleanup(server.stop)
    keyed = Server(f"--keys={folder / 'keys'}", "--classifier=none", "--age-gender=none")
    unittest.addModuleCleanup(keyed.stop)
    browser = browsers.Browser()
    unittest.addModuleCleanup(browser.quit)
    return server, keyed, browser, folder


def cli(command, path, *options):
    """What the tool prints of a picture, less what differs from run to run."""
    (entry,) = objects(mien(command, *options, str(path)))
    return plain(entry)


def run(command, where):
    """What a copied command prints in a shell, as JSON."""
    done = subprocess.run(["bash", "-c", command], cwd=where, capture_output=True, check=False)
    assert done.returncode == 0, (command, done.returncode, done.stderr.decode())
    return json.loads(done.stdout)


class Page(unittest.TestCase):
    def setUp(self):
        browser.console(), browser.hosts()  # what earlier tests left

    def tearDown(self):
        self.assertEqual(browser.console(), [])
        self.assertLessEqual(browser.hosts(), {urlparse(s.url).netloc for s in (server, keyed)})

    def choose(self, *paths):
        browser.find("#files").send_keys("\n".join(map(str, paths)))

    def open(self, *paths, **screen):
        """The page with pictures, all of them answered."""
        browser.open(server.url + "/", **screen)
        self.choose(*paths)
        browser.until(f"{IDLE} && document.querySelector('#found section, .bad')")

    def ask_again(self, threshold):
        """Moves the slider of the settings, and waits for the new answers."""
        browser.script("""
            const slider = document.querySelector("#threshold");
            slider.value = arguments[0];
            for (const type of ["input", "change"]) slider.dispatchEvent(new Event(type));
        """, threshold)
        browser.until(f"{IDLE} && document.querySelector('#curl').textContent"
                      f".includes('threshold={threshold}')")

    def check_boxes(self, expected):
        """The boxes on the screen are those of the tool, in the picture as it is shown."""
        picture, boxes = browser.script("""
            const rect = (element) => {
              const { x, y, right, bottom } = element.getBoundingClientRect();
              return [x, y, right, bottom];
            };
            return [rect(document.querySelector("#picture")),
                    [...document.querySelectorAll(".face .box")].map(rect)];
        """)
        scale = (picture[2] - picture[0]) / expected["width"]
        self.assertAlmostEqual(scale, (picture[3] - picture[1]) / expected["height"], delta=0.01)
        wanted = sorted([picture[i % 2] + scale * v for i, v in enumerate(face["box"])]
                        for face in expected["faces"])
        self.assertEqual(len(boxes), len(wanted))
        for shown, there in zip(sorted(boxes), wanted):
            for a, b in zip(shown, there):
                self.assertAlmostEqual(a, b, delta=2.5)  # half of the widest line, and a pixel


def main():
    if not browsers.available() or not shutil.which("curl"):
        print("skipped: Chromium, its driver, Selenium or curl is not installed")
        sys.exit(77)
    skip_or_run(unittest.main)
