#!/usr/bin/env python3
"""What a person does with a picture on the page of `mien serve`: looks closer, takes results away,
saves them, and takes another with the camera."""
import json
import shutil
import sys
from pathlib import Path

from PIL import Image

sys.path.insert(0, str(Path(__file__).parent))
from page import FACTS, IDLE, PHONE, Keys, Page, cli, main, run, start  # noqa: E402
from server import PHOTOS, plain, wait_for  # noqa: E402


def setUpModule():
    global server, keyed, browser, folder
    server, keyed, browser, folder = start()


class Zoom(Page):
    def rect(self, selector="#picture"):
        return browser.script("""
            const r = document.querySelector(arguments[0]).getBoundingClientRect();
            return { x: r.x, y: r.y, w: r.width, h: r.height };
        """, selector)

    def zoomed(self, before):
        """How many times larger the picture is than it was."""
        return self.rect()["w"] / before["w"]

    def at(self, point):
        """The point of the picture, as shares, that lies at this place of the window."""
        r = self.rect()
        return (point[0] - r["x"]) / r["w"], (point[1] - r["y"]) / r["h"]

    def test_wheel_double_click_and_drag(self):
        self.open(PHOTOS[0])
        expected = cli("analyze", PHOTOS[0])
        start, stage = self.rect(), self.rect("#stage")
        point = start["x"] + 0.6 * start["w"], start["y"] + 0.4 * start["h"]
        browser.mouse("mouseWheel", *point, deltaX=0, deltaY=-800)
        browser.until(f"document.querySelector('#picture').getBoundingClientRect().width > "
                      f"{1.5 * start['w']}")
        for a, b in zip(self.at(point), (0.6, 0.4)):
            self.assertAlmostEqual(a, b, delta=0.01)
        self.check_boxes(expected)
        # Dragged, the picture goes along as far as it fills the stage, and no face is picked.
        picked = browser.script(f"return {FACTS}")
        before = self.rect()
        browser.mouse("mousePressed", *point, button="left", clickCount=1)
        for dx in (20, 40, 60):
            browser.mouse("mouseMoved", point[0] + dx, point[1], button="left", buttons=1)
        browser.mouse("mouseReleased", point[0] + 60, point[1], button="left", clickCount=1)
        self.assertAlmostEqual(self.rect()["x"] - before["x"], 60, delta=1)
        self.assertEqual(browser.script(f"return {FACTS}"), picked)
        browser.mouse("mousePressed", *point, button="left", clickCount=1)
        for dx in (100, 700):
            browser.mouse("mouseMoved", point[0] + dx, point[1], button="left", buttons=1)
        browser.mouse("mouseReleased", point[0] + 700, point[1], button="left", clickCount=1)
        self.assertAlmostEqual(self.rect()["x"], stage["x"] + 1.5, delta=1)
        for times in (1, 2.5):
            self.double_click(point, "mouse")
            self.assertAlmostEqual(self.zoomed(start), times, delta=0.01)
        # The wheel in the other direction ends at the whole picture, then it is the page's.
        for _ in range(3):
            browser.mouse("mouseWheel", *point, deltaX=0, deltaY=600)
        browser.until("!document.querySelector('#stage.zoomed')")
        self.assertAlmostEqual(self.zoomed(start), 1, delta=0.001)

    def test_keys_and_buttons(self):
        self.open(PHOTOS[0])
        start = self.rect()
        for press, times in (("+", 1.5), ("+", 2.25), ("-", 1.5), ("0", 1)):
            browser.find("body").send_keys(press)
            self.assertAlmostEqual(self.zoomed(start), times, delta=0.01)
        for button, times in (("in", 1.5), ("out", 1), ("in", 1.5), ("fit", 1)):
            browser.find(f"#zoom-{button}").click()
            self.assertAlmostEqual(self.zoomed(start), times, delta=0.01)
        browser.find("#settings summary").click()
        browser.find("#threshold").send_keys("+")  # where it is typed, it is not meant
        self.assertAlmostEqual(self.zoomed(start), 1, delta=0.001)

    def test_zooming_to_the_picked_face(self):
        self.open(PHOTOS[0])
        expected = cli("analyze", PHOTOS[0])
        for _ in expected["faces"]:
            browser.press(Keys.ARROW_RIGHT)
            browser.find("#zoom-face").click()
            stage, box = self.rect("#stage"), self.rect(".picked .box")
            share = max(box["w"] / stage["w"], box["h"] / stage["h"])
            self.assertGreater(share, 0.3)  # the smallest are as close as it gets
            self.assertLess(share, 0.6)
            self.check_inside(box, stage)
        # From face to face, the picked one is always in sight.
        for _ in expected["faces"]:
            browser.press(Keys.ARROW_RIGHT)
            self.check_inside(self.rect(".picked .box"), self.rect("#stage"))
        self.check_boxes(expected)

    def check_inside(self, box, stage):
        for side, length in ("xw", "yh"):
            self.assertGreaterEqual(box[side], stage[side])
            self.assertLessEqual(box[side] + box[length], stage[side] + stage[length])

    def test_fingers(self):
        self.open(PHOTOS[0], **PHONE)
        start = self.rect()
        middle = start["x"] + start["w"] / 2, start["y"] + start["h"] / 2

        def pinch(*apart):
            kinds = ["touchStart"] + ["touchMove"] * (len(apart) - 1)
            for kind, d in zip(kinds, apart):
                browser.fingers(kind, (middle[0] - d, middle[1]), (middle[0] + d, middle[1]))
            browser.fingers("touchEnd")

        pinch(30, 45, 60)
        self.assertAlmostEqual(self.zoomed(start), 2, delta=0.02)
        for a, b in zip(self.at(middle), (0.5, 0.5)):
            self.assertAlmostEqual(a, b, delta=0.01)
        self.check_boxes(cli("analyze", PHOTOS[0]))
        pinch(60, 40, 10)
        self.assertAlmostEqual(self.zoomed(start), 1, delta=0.001)
        for times in (2.5, 1):
            self.double_click(middle, "touch")
            self.assertAlmostEqual(self.zoomed(start), times, delta=0.01)

    @staticmethod
    def double_click(point, pointer):
        """By events of the page's own: those of a busy machine would be too far apart."""
        browser.script("""
            const [[clientX, clientY], pointerType] = arguments;
            for (const type of ["pointerdown", "pointerup", "pointerdown", "pointerup"])
              document.elementFromPoint(clientX, clientY).dispatchEvent(new PointerEvent(type, {
                bubbles: true, clientX, clientY, pointerId: 7, pointerType }));
        """, point, pointer)


class TakeAway(Page):
    def copied(self, label):
        (button,) = [b for b in browser.find_all("#found .button") if b.text == label]
        button.send_keys(Keys.ENTER)
        browser.until("[...document.querySelectorAll('#found .button')]"
                      ".some((b) => b.textContent === 'Copied')")
        # Pasting is what a person does with it.
        browser.script("""
            const area = document.createElement("textarea");
            area.id = "pasted";
            document.body.append(area);
            area.focus();
        """)
        browser.press(Keys.CONTROL, "v")
        return browser.until("document.querySelector('#pasted').value", "something was pasted")

    def check(self):
        shown = plain(json.loads(self.copied("Copy JSON")))
        self.assertEqual(shown, cli("analyze", PHOTOS[0]))
        browser.script("document.querySelector('#pasted').remove()")
        command = self.copied("Copy curl command")
        self.assertEqual(plain(run(command, PHOTOS[0].parent)), shown)

    def test_copying(self):
        self.open(PHOTOS[0])
        browser.driver.execute_cdp_cmd("Browser.grantPermissions", {
            "origin": server.url, "permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"]})
        self.check()

    def test_copying_where_the_clipboard_is_not_allowed(self):
        self.open(PHOTOS[0])
        browser.script("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
        self.check()

    def test_a_name_a_shell_would_trip_over(self):
        path = folder / "it's; a $HOME, \"x\".jpg"
        shutil.copy(PHOTOS[0], path)
        self.open(path)
        self.assertEqual(run(browser.text("#curl"), folder)["faces"],
                         cli("analyze", path)["faces"])


class Saving(Page):
    def saved(self, label, name):
        """The file that a button saves."""
        place = folder / "saved"
        place.mkdir(exist_ok=True)
        path = place / name
        path.unlink(missing_ok=True)
        browser.downloads(place)
        (button,) = [b for b in browser.find_all("#found .button") if b.text == label]
        button.click()
        wait_for(path.exists, name)
        return path

    def test_the_drawn_picture(self):
        self.open(PHOTOS[0])
        faces = cli("analyze", PHOTOS[0])["faces"]
        with Image.open(self.saved("Save picture", PHOTOS[0].stem + "-faces.png")) as drawn, \
                Image.open(PHOTOS[0]) as photo:
            self.assertEqual(drawn.size, photo.size)
            drawn, photo = drawn.convert("RGB"), photo.convert("RGB")
            for face in faces:
                x1, y1, _, y2 = face["box"]
                # The middle of a box's left side has its colour, the cheek beside it none.
                r, g, b = drawn.getpixel((int(x1), int((y1 + y2) / 2)))
                self.assertLess(abs(r - 0x5f) + abs(g - 0xe3) + abs(b - 0xcf), 120, (r, g, b))
                middle = tuple(int(v) for v in (face["landmarks"][2][0], y2 - (y2 - y1) / 12))
                for a, b in zip(drawn.getpixel(middle), photo.getpixel(middle)):
                    self.assertAlmostEqual(a, b, delta=12)

    def test_results(self):
        broken = folder / "broken too.jpg"
        broken.write_bytes(b"no picture")
        self.open(*PHOTOS[:2], broken)
        one = json.loads(self.saved("Save JSON", PHOTOS[0].stem + ".json").read_text())
        self.assertEqual(one.pop("file"), PHOTOS[0].name)
        self.assertEqual(plain(one), cli("analyze", PHOTOS[0]))
        entries = json.loads(self.saved("Save all JSON", "mien.json").read_text())
        self.assertEqual([e["file"] for e in entries],
                         [PHOTOS[0].name, PHOTOS[1].name, broken.name])
        self.assertEqual(entries[1]["faces"], cli("analyze", PHOTOS[1])["faces"])
        self.assertIn("error", entries[2])


class Camera(Page):
    def test_a_photo_by_the_camera_of_a_computer(self):
        browser.open(server.url + "/")
        browser.find("#welcome .webcam").click()
        browser.until("!document.querySelector('#shutter').disabled")
        browser.find("#shutter").click()
        browser.until(f"{IDLE} && document.querySelector('#found section')")
        self.assertTrue(browser.text("#caption").startswith("Photo "))
        self.assertFalse(browser.find("#camera-dialog").is_displayed())
        self.assertIsNone(browser.script("return document.querySelector('#viewfinder').srcObject"))
        # A second one is given up.
        browser.find("header .webcam").click()
        browser.until("!document.querySelector('#shutter').disabled")
        browser.press(Keys.ESCAPE)
        browser.until("!document.querySelector('#viewfinder').srcObject")
        self.assertEqual(len(browser.find_all("#strip input")), 1)

    def test_no_camera(self):
        browser.open(server.url + "/")
        browser.script("""
            navigator.mediaDevices.getUserMedia = () =>
              Promise.reject(new DOMException("", "NotFoundError"));
        """)
        browser.find("#welcome .webcam").click()
        browser.until("document.querySelector('#camera-error').textContent")
        self.assertEqual(browser.text("#camera-error"), "No camera was found.")
        browser.find("#camera-cancel").click()
        self.assertFalse(browser.find("#camera-dialog").is_displayed())


if __name__ == "__main__":
    main()
