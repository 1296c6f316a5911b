#!/usr/bin/env python3
"""The pages of `mien serve` in a headless Chromium: what a person sees is what the tool prints."""
import json
import re
import struct
import sys
from pathlib import Path

from PIL import Image

sys.path.insert(0, str(Path(__file__).parent))
from page import FACTS, IDLE, KEY, PHONE, Keys, Page, cli, main, run, start  # noqa: E402
from server import PHOTOS, Server  # noqa: E402
from tool import ppm  # noqa: E402


def setUpModule():
    global server, keyed, browser, folder
    server, keyed, browser, folder = start()


def turned(jpeg):
    """A JPEG with an EXIF block that says: show it turned by 90 degrees (orientation 6)."""
    entry = struct.pack(">HHIHH", 0x0112, 3, 1, 6, 0)
    tiff = b"MM\0\x2a" + struct.pack(">IH", 8, 1) + entry + struct.pack(">I", 0)
    block = b"Exif\0\0" + tiff
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(block) + 2) + block + jpeg[2:]


def gender_of(face):
    """What the page says of a face's gender: in a label, and as a fact."""
    gender = face["gender"]
    if gender.get("unsure"):
        return "gender unsure", "unsure"
    return f"{gender['value']} {int(100 * gender['probability'] + 1e-6)} %", gender["value"]


def label_of(face):
    if face.get("too_small"):
        return "too small to judge"
    return f"{gender_of(face)[0]} · {face['age']:.0f}"


class Pictures(Page):
    def test_a_dropped_picture_is_shown_with_its_faces(self):
        browser.open(server.url + "/")
        self.assertTrue(browser.find("#welcome").is_displayed())
        browser.drop(PHOTOS[0])
        browser.until("document.querySelector('.face')")
        expected = cli("analyze", PHOTOS[0])
        self.check_boxes(expected)
        faces, classes = expected["faces"], expected["classes"]
        self.assertEqual(len(browser.find_all("#overlay .dot")), 5 * len(faces))
        labels = browser.texts(".label")
        self.assertEqual(len(labels), len(faces))
        self.assertEqual(sorted(labels), sorted(map(label_of, faces)))
        self.assertEqual(browser.texts(".bars li"),
                         [f"{c['label']}{100 * c['score']:.1f} %" for c in classes])
        # Screen readers are told, too.
        self.assertEqual(browser.text("#live"), f"{len(faces)} faces found. "
                         f"It looks like: {classes[0]['label']}.")

    def test_boxes_stay_where_they_are_when_the_window_changes(self):
        self.open(PHOTOS[0])
        expected = cli("analyze", PHOTOS[0])
        for width, height in ((1600, 900), (700, 1000), (390, 844)):
            browser.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
                "width": width, "height": height, "deviceScaleFactor": 1, "mobile": False})
            browser.until(f"innerWidth === {width}")
            browser.script("return new Promise((done) => setTimeout(done, 200))")  # a few frames
            self.check_boxes(expected)

    def test_several_pictures(self):
        self.open(*PHOTOS[:3])
        for i in (2, 0):
            browser.script("document.querySelectorAll('#strip input')[arguments[0]].click()", i)
            self.assertTrue(browser.text("#caption").startswith(PHOTOS[i].name))
            browser.until("document.querySelector('#picture').complete")
            self.check_boxes(cli("analyze", PHOTOS[i]))
        browser.find("#remove").click()
        self.assertEqual(len(browser.find_all("#strip input")), 2)
        self.assertNotIn(PHOTOS[0].name, browser.find("#caption").text)

    def test_a_broken_file_is_answered_with_a_sentence(self):
        path = folder / "broken.jpg"
        path.write_bytes(PHOTOS[0].read_bytes()[:200])
        self.open(path)
        answer = server.post("/v1/analyze", path.read_bytes())
        self.assertEqual((answer.status, answer.code), (400, "bad_request"))
        said, message = browser.find("#message p").text, answer.json["error"]["message"]
        self.assertEqual(said.rstrip(".").lower(), message.rstrip(".").lower())
        self.assertEqual(browser.find("#message").get_attribute("role"), "alert")
        self.assertFalse(browser.find_all(".face"))

    def test_a_picture_only_the_server_can_read(self):
        path = folder / "grey.ppm"
        path.write_bytes(ppm(120, 80))
        self.open(path)
        self.assertIn("120 × 80", browser.find("#caption").text)
        self.assertIn("No face found", browser.find("#found").text)
        self.assertFalse(browser.find("#picture").is_displayed())
        self.assertEqual(self.preview(), '"No preview"')

    @staticmethod
    def preview():
        """What is written where the picture should be."""
        return browser.script("return getComputedStyle(document.querySelector('#sheet'),"
                              " '::before').content")

    def test_a_picture_that_is_not_decoded_yet_has_no_preview_to_miss(self):
        browser.open(server.url + "/")
        browser.script("""
            const decode = HTMLImageElement.prototype.decode;
            const later = new Promise((resolve) => (window.goOn = resolve));
            HTMLImageElement.prototype.decode = function () {
              return later.then(() => decode.call(this));
            };
        """)
        self.choose(PHOTOS[0])
        browser.until("!document.querySelector('#work').hidden")
        self.assertEqual(self.preview(), "none")
        browser.script("window.goOn()")
        browser.until("document.querySelector('.face')")
        self.assertEqual(self.preview(), "none")
        self.assertTrue(browser.find("#picture").is_displayed())

    def test_a_picture_that_lies_on_its_side(self):
        path = folder / "turned.jpg"
        path.write_bytes(turned(PHOTOS[0].read_bytes()))
        self.open(path)
        self.ask_again(0.05)  # faces on their side have low scores
        expected = cli("analyze", path, "--threshold=0.05")
        self.assertGreater(expected["height"], expected["width"])
        self.assertTrue(expected["faces"])
        self.check_boxes(expected)

    def test_a_busy_server_is_asked_again(self):
        browser.open(server.url + "/")
        browser.script("""
            const real = window.fetch;
            window.tries = 0;
            window.fetch = (...request) => ++window.tries > 2 ? real(...request)
              : Promise.resolve(new Response(JSON.stringify({ error: { message: "busy" } }),
                                             { status: 429, headers: { "retry-after": "1" } }));
        """)
        self.choose(PHOTOS[0])
        browser.until("document.querySelector('.face')")
        self.assertEqual(browser.script("return window.tries"), 3)

    def test_trying_again(self):
        browser.open(server.url + "/")
        browser.script("""
            const real = window.fetch;
            window.broken = true;
            window.fetch = (...request) => window.broken
              ? Promise.resolve(new Response(JSON.stringify({ error: { message: "no luck" } }),
                                             { status: 500 }))
              : real(...request);
        """)
        self.choose(*PHOTOS[:3])
        browser.until("document.querySelectorAll('#strip .failed').length === 3")
        self.assertEqual(browser.text("#message p"), "No luck.")
        self.assertEqual(browser.texts("#message button"), ["Try again", "Try all 3 again"])
        browser.script("window.broken = false")
        browser.find_all("#message button")[0].click()
        browser.until("document.querySelector('.face')")
        self.assertEqual(len(browser.find_all("#strip .failed")), 2)
        self.assertEqual(browser.text("#message"), "")
        browser.script("document.querySelectorAll('#strip input')[1].click()")
        browser.find_all("#message button")[1].click()
        browser.until(f"{IDLE} && document.querySelectorAll('#strip .done').length === 3")

    def test_a_picture_over_the_limits_is_made_smaller(self):
        path = folder / "large.png"
        with Image.open(PHOTOS[0]) as photo:
            photo.save(path)
            width, height = photo.size
        limit = width * height / 1e6 / 3
        self.addCleanup(browser.console)  # the other server's address
        with Server("--classifier=none", "--age-gender=none", "--embedder=none",
                    f"--max-megapixels={limit}", "--max-bytes=200k") as small:
            self.assertEqual(small.post("/v1/detect", path.read_bytes()).status, 413)
            browser.open(small.url + "/")
            self.choose(path)
            browser.until(f"{IDLE} && document.querySelector('#found section, .bad')")
            self.assertEqual(browser.text("#message"), "")
            shown = json.loads(browser.text("#json"))
            note = browser.find("#found .card:last-child .hint").text
            self.assertIn(f"{width} × {height}", browser.find("#caption").text)
        browser.hosts()
        expected = cli("detect", path)
        self.assertEqual((shown["width"], shown["height"]), (width, height))
        self.assertEqual(len(shown["faces"]), len(expected["faces"]))
        for face in expected["faces"]:
            apart = min(max(abs(a - b) for a, b in zip(face["box"], other["box"]))
                        for other in shown["faces"])
            self.assertLess(apart, 0.15 * (face["box"][3] - face["box"][1]))
        self.check_boxes(shown)
        sent = [int(number) for number in re.findall("[0-9]+", note)]
        self.assertLessEqual(sent[0] * sent[1], 1e6 * limit)

    def test_settings_ask_again(self):
        self.open(PHOTOS[0])
        self.ask_again(0.95)
        expected = cli("analyze", PHOTOS[0], "--threshold=0.95")
        count = len(expected["faces"])
        self.assertLess(count, len(cli("analyze", PHOTOS[0])["faces"]))
        self.assertEqual(len(browser.find_all(".face")), count)
        self.check_boxes(expected)

    def test_a_server_that_has_gone(self):
        other = Server("--classifier=none", "--age-gender=none", "--embedder=none")
        browser.open(other.url + "/")
        browser.until("document.querySelector('#welcome h1')")
        other.stop()
        self.choose(PHOTOS[0])
        browser.until("document.querySelector('#message').textContent")
        self.assertEqual(browser.text("#message p"), "The server cannot be reached.")
        browser.console(), browser.hosts()  # that the connection was refused is said there


class Faces(Page):
    def facts(self, face):
        x1, y1, x2, y2 = (int(v + 0.5) for v in face["box"])
        known = (["too small to judge"] if face.get("too_small")
                 else [f"{face['age']:.0f}", gender_of(face)[1]])
        return [*known, f"{face['score']:.3f}", f"{x2 - x1} × {y2 - y1}"]

    def test_a_click_an_arrow_and_a_small_face_pick(self):
        self.open(PHOTOS[0])
        entry = cli("analyze", PHOTOS[0])
        faces = entry["faces"]
        self.assertEqual(browser.script(f"return {FACTS}"), self.facts(faces[entry["main"]]))
        self.click_in(faces[0]["box"])
        browser.press(Keys.ARROW_RIGHT)
        self.assertEqual(browser.script(f"return {FACTS}"), self.facts(faces[1]))
        browser.press(Keys.ARROW_LEFT, Keys.ARROW_LEFT)
        self.assertEqual(browser.script(f"return {FACTS}"), self.facts(faces[-1]))
        browser.script("document.querySelectorAll('#faces input')[1].focus()")
        browser.press(Keys.SPACE)
        self.assertEqual(browser.script(f"return {FACTS}"), self.facts(faces[1]))
        browser.press(Keys.ARROW_LEFT)
        self.assertEqual(browser.script(f"return {FACTS}"), self.facts(faces[0]))
        for face in faces:
            self.click_in(face["box"])
            self.assertEqual(browser.script(f"return {FACTS}"), self.facts(face))
        self.assertEqual(len(browser.find_all(".face.picked")), 1)

    def click_in(self, box):
        """A mouse's click in the middle of a box of the picture."""
        x, y = browser.script("""
            const picture = document.querySelector("#picture");
            const r = picture.getBoundingClientRect();
            const [x1, y1, x2, y2] = arguments[0].map((v) => (v * r.width) / picture.naturalWidth);
            return [r.x + (x1 + x2) / 2, r.y + (y1 + y2) / 2];
        """, box)
        browser.click_at(x, y)

    def test_arrows_leave_the_focus_where_it_is(self):
        self.open(PHOTOS[0])
        faces = cli("analyze", PHOTOS[0])["faces"]
        browser.find("#look summary").click()
        for selector in ("#look summary", "#compare", "#remove"):
            browser.find(selector).send_keys(Keys.ARROW_RIGHT)
            self.assertEqual(browser.script("return document.activeElement"),
                             browser.find(selector))
            self.assertTrue(browser.find("#look details").get_property("open"))
        picked = browser.script("return [...document.querySelectorAll('#faces input')]"
                                ".findIndex((i) => i.checked)")
        self.assertEqual(browser.script(f"return {FACTS}"), self.facts(faces[picked]))
        browser.script("document.querySelectorAll('#faces input')[0].focus()")
        browser.press(Keys.ARROW_RIGHT)
        browser.press(Keys.ARROW_RIGHT)
        self.assertTrue(browser.script("return document.querySelectorAll('#faces input')[2]"
                                       " === document.activeElement"))

    def test_landmarks_are_those_of_the_tool(self):
        self.open(PHOTOS[0])
        face = cli("analyze", PHOTOS[0])["faces"][0]
        browser.find("#look summary").click()
        self.assertEqual(browser.texts("#look details tbody td"),
                         [f"{v:.1f}" for point in face["landmarks"] for v in point])

    def test_times_are_those_of_the_answer(self):
        self.open(PHOTOS[0])
        times = json.loads(browser.text("#json"))["timing_ms"]
        for name in ("decode", "detect", "age_gender", "classify", "total"):
            shown = browser.text(f".times .{name} .number")  # the first: the last is the round trip
            self.assertAlmostEqual(float(shown.removesuffix(" ms")), times[name], delta=0.501)

    def test_comparing_two_faces(self):
        self.open(PHOTOS[0], PHOTOS[1])
        entries = (cli("embed", photo) for photo in PHOTOS[:2])
        first, second = (entry["faces"][entry["main"]]["embedding"] for entry in entries)
        browser.find("#compare").click()
        browser.script("document.querySelectorAll('#strip input')[1].click()")
        browser.until("document.querySelector('.pair span')?.textContent.includes('0.')")
        shown = float(browser.find(".pair span").text.removeprefix("similarity "))
        cosine = sum(a * b for a, b in zip(first, second))
        self.assertAlmostEqual(shown, cosine, delta=0.0006)
        threshold = server.get("/v1/status").json["same_person"]
        self.assertEqual(browser.text(".pair strong"),
                         "Likely the same person" if cosine >= threshold else
                         "Unsure" if cosine >= threshold - 0.1 else "Likely different people")
        self.assertIn(f"similarity of {threshold:.2f}", browser.text(".comparison"))
        self.assertNotIn("near 0", browser.text(".comparison"))
        browser.press(Keys.ESCAPE)
        browser.until("document.querySelector('#compare')")

    def test_what_a_similarity_means(self):
        self.assertEqual(browser.script("""
            return import("/faces.js").then(({ verdict }) =>
              [1, 0.46, 0.45, 0.44, 0.36, 0.34, -1].map((cosine) => verdict(cosine, 0.45)));
        """), 3 * ["Likely the same person"] + 2 * ["Unsure"] + 2 * ["Likely different people"])


class Attributes(Page):
    """What a face has beside its place is shown by the form of its value, whatever its name is."""

    FACE = {"age": 27.27, "gender": {"value": "female", "probability": 0.876},
            "sharpness": 0.8349, "head_size": 140.6, "head_pose": {"pitch": -3.4, "yaw": 12.2,
                                                                   "roll": 1},
            "mood": {"value": "glad", "probability": 0.61,
                     "distribution": {"sad": 0.04, "glad": 0.61, "neither": 0.35}},
            "unheard_of": [1, 2, 3], "nothing": None, "flag": True}

    def open_answer(self, faces, main=None, about=None, classes=None, **screen):
        """The page with a photo, as if the server had found these faces, `main` the main one, and
        knew that about the picture, which shows these classes."""
        answer = {"width": 600, "height": 400, "timing_ms": {"decode": 2, "count_hats": 3,
                                                             "total": 5}, "faces": faces}
        if main is not None:
            answer["main"] = main
        if about:
            answer["attributes"] = about
        if classes:
            answer["classes"] = classes
        browser.open(server.url + "/", **screen)
        browser.script("""
            const answer = arguments[0];
            window.fetch = () => Promise.resolve(new Response(answer, { status: 200 }));
        """, json.dumps(answer))
        self.choose(PHOTOS[0])
        # The page is drawn anew when the browser has decoded the photo, later than this answer.
        browser.until(f"{IDLE} && document.querySelector('#frame:not(.unseeable) .face')")

    @staticmethod
    def face(x, **attributes):
        return {"box": [x, 100, x + 90, 200], "score": 0.987, **attributes,
                "landmarks": [[x + 30, 130], [x + 60, 130], [x + 45, 150], [x + 35, 170],
                              [x + 55, 170]]}

    def test_each_form_of_value(self):
        self.open_answer([self.face(250, **self.FACE)])
        self.assertEqual(browser.texts(".facts dt"),
                         ["Age", "Gender", "Score", "Size", "Sharpness", "Head size", "Head pose",
                          "Mood"])
        self.assertEqual(browser.texts(".facts dd"),
                         ["27years, estimated", "female87 % likely", "0.987that it is a face",
                          "90 × 100pixels at 250, 100", "0.83", "141",
                          "-3° 12° 1°pitch, yaw, roll", "glad61 % likely"])
        self.assertEqual(browser.texts(".distribution h3"), ["Mood"])
        self.assertEqual(browser.texts(".distribution li"),
                         ["glad61 %", "neither35 %", "sad4 %"])
        self.assertEqual(browser.texts(".label"),
                         ["female 87 % · glad 61 % · 27 · sharpness 0.83 · head size 141"])
        self.assertEqual(browser.texts(".times li > span:first-child"),
                         ["Decode", "Count hats", "On the server", "Round trip"])

    def test_points_are_drawn(self):
        face = self.face(250, landmarks_3=[[260, 110], [300, 120.5, 7], [310, 190]],
                         no_points=[[1], [2]])
        self.open_answer([face])
        self.assertEqual(browser.texts(".facts dt"), ["Landmarks 3", "Score", "Size"])
        self.assertIn("3points", browser.texts(".facts dd"))
        self.assertEqual(len(browser.find_all("#frame .dot")), 8)
        (first, second, _) = browser.find_all("#frame .dot.point")
        scale = float(second.get_attribute("cx")) - float(first.get_attribute("cx"))
        self.assertAlmostEqual(float(second.get_attribute("cy")) - float(first.get_attribute("cy")),
                               scale * 10.5 / 40, places=2)

    def test_a_label_stays_in_the_picture(self):
        self.open_answer([self.face(250, **self.FACE)], **PHONE)
        browser.open_details()
        self.assertLessEqual(browser.overflow(), 0)
        (label,) = browser.texts(".label")
        self.assertTrue(label.startswith("female 87 % · glad"), label)
        plate, frame = browser.script("""
            return [".label rect", "#frame"].map((selector) =>
              document.querySelector(selector).getBoundingClientRect().width);
        """)
        self.assertLessEqual(plate, frame + 1)

    def test_faces_nothing_is_known_about(self):
        self.open_answer([self.face(50), self.face(300), self.face(450, name="Ann")])
        self.assertEqual(browser.texts(".facts dt"), ["Score", "Size"])
        self.assertEqual(sorted(browser.texts(".label")),
                         ["Ann", "face 1", "face 2"])

    def test_what_a_network_is_not_sure_of(self):
        unsure = {"value": "female", "probability": 0.59, "unsure": True}
        self.open_answer([self.face(50, gender=unsure),
                          self.face(300, gender={"value": "male", "probability": 0.996})])
        self.assertEqual(sorted(browser.texts(".label")), ["gender unsure", "male 99 %"])
        self.assertEqual(browser.texts(".facts dd")[0], "unsurefemale 59 %")

    def test_a_face_too_small_to_judge(self):
        small = self.face(250, **self.FACE, too_small=True)
        self.open_answer([small, self.face(400)], main=0)
        self.assertIn("too small to judge", browser.texts(".label"))
        self.assertEqual(browser.texts(".facts dd")[0], "too small to judge")
        self.assertNotIn("female", browser.find("#look").text)
        self.assertFalse(browser.find_all(".distribution, #right"))

    def test_two_classes_of_one_label(self):
        self.open_answer([self.face(250)], classes=[
            {"index": 1, "label": "boat", "score": 0.4}, {"index": 2, "label": "crane", "score": 0.3},
            {"index": 3, "label": "crane", "score": 0.2}, {"index": 4, "label": None, "score": 0.1}])
        self.assertEqual(browser.texts(".bars li"),
                         ["crane50.0 %", "boat40.0 %", "class 410.0 %"])
        self.assertEqual(browser.text("#live"), "1 face found. It looks like: crane.")

    def test_what_is_known_about_the_picture(self):
        self.open_answer([self.face(250)], about={"outdoors": {"probability": 0.931},
                                                  "scene": self.FACE["mood"]})
        cards = {c.find_element("css selector", "h2").text: c.text.splitlines()[1:]
                 for c in browser.find_all("#found .card")}
        self.assertEqual(cards["The picture"],
                         ["Outdoors", "93 %", "likely", "Scene", "glad", "61 % likely", "Scene",
                          "Glad", "61 %", "Neither", "35 %", "Sad", "4 %"])
        self.open_answer([self.face(250)])
        self.assertNotIn("The picture", browser.texts("#found h2"))

    def test_the_main_face_is_picked_first(self):
        faces = [self.face(50), self.face(200), self.face(400)]
        self.open_answer(faces, main=1)
        self.assertIn("at 200, 100", browser.find(".facts").text)
        self.assertEqual(browser.script(
            "return [...document.querySelectorAll('#faces input')].map((i) => i.checked)"),
            [False, True, False])
        self.open_answer(faces)
        self.assertIn("at 50, 100", browser.find(".facts").text)


class Frame(Page):
    def test_what_answers_stands_below(self):
        browser.open(server.url + "/")
        browser.until("document.querySelector('#about dl')")
        about = server.get("/v1/status").json
        text = browser.text("#about")
        for part in (about["version"], about["backend"], about["precision"],
                     *(n["name"] for n in about["networks"])):
            self.assertIn(part, text)

    def test_settings_stand_above_what_they_change(self):
        self.open(PHOTOS[0])
        top = [e.rect["y"] for e in browser.find_all("#settings, #found section")]
        self.assertEqual(top[0], min(top))


class Key(Page):
    def test_a_wrong_key_with_several_pictures(self):
        browser.open(keyed.url + "/")
        self.choose(*PHOTOS[:3])
        for key in ("not-the-right-key-0000", "nor-is-this-one-0000000"):
            browser.until("!document.querySelector('#unlock').hidden")
            browser.press(key, Keys.ENTER)
            browser.until("document.querySelector('#unlock').hidden === false && document"
                          ".querySelector('#unlock-hint').textContent.includes('did not take')")
            # The answer to the other picture that was sent with it does not say something else.
            browser.script("return new Promise((done) => setTimeout(done, 300))")
            self.assertEqual(browser.text("#unlock-hint"), "The server did not take this key.")
            self.assertTrue(browser.find("#api-key").is_displayed())
        browser.press(KEY, Keys.ENTER)
        browser.until(f"{IDLE} && document.querySelectorAll('#strip .done').length === 3")
        self.assertFalse(browser.find("#unlock").is_displayed())
        browser.until("document.querySelector('#about dl')")
        browser.script("sessionStorage.clear()")

    def test_the_key_is_asked_for_and_kept_for_the_tab(self):
        browser.open(keyed.url + "/")
        self.assertFalse(browser.find("#unlock").is_displayed())
        self.choose(PHOTOS[0])
        browser.until("!document.querySelector('#unlock').hidden")
        browser.press("not-the-right-key-0000", Keys.ENTER)
        browser.until("document.querySelector('#unlock-hint').textContent.includes('did not take')")
        browser.press(KEY, Keys.ENTER)
        browser.until("document.querySelector('.face')")
        # This server has no classifier and knows no ages.
        self.check_boxes(cli("detect", PHOTOS[0], "--size=640"))
        self.assertFalse(browser.find_all(".bars"))
        self.assertNotIn("Age", browser.find("#found").text)
        stored = browser.script("return [Object.values(sessionStorage),"
                                "Object.values(localStorage), document.cookie]")
        self.assertEqual(stored, [[KEY], [], ""])
        self.assertIn("x-api-key: $MIEN_KEY", browser.text("#curl"))
        self.assertNotIn(KEY, browser.script("return document.documentElement.outerHTML"))
        browser.open(keyed.url + "/")
        self.choose(PHOTOS[0])
        browser.until("document.querySelector('.face')")
        browser.script("sessionStorage.clear()")


class Screens(Page):
    def test_nothing_is_wider_than_a_phone(self):
        for dark in (False, True):
            browser.open(server.url + "/", **PHONE, dark=dark)
            self.assertLessEqual(browser.overflow(), 0)
            self.assertTrue(browser.find("#welcome [data-pick=camera]").is_displayed())
            self.open(*PHOTOS, **PHONE, dark=dark)
            browser.open_details()
            self.assertLessEqual(browser.overflow(), 0)
        browser.open(server.url + "/docs", **PHONE)
        browser.until("document.querySelector('.operation')")
        browser.open_details()
        browser.until("document.querySelector('.try')")
        browser.open_details()
        self.assertLessEqual(browser.overflow(), 0)

    def test_everything_has_a_name_for_screen_readers(self):
        browser.open(server.url + "/")
        self.assertEqual(browser.unnamed(), [])
        self.open(*PHOTOS[:2])
        browser.open_details()
        self.assertEqual(browser.unnamed(), [])
        browser.open(server.url + "/docs#analyze")
        browser.until("document.querySelector('#analyze .try')")
        self.assertEqual(browser.unnamed(), [])


class Documentation(Page):
    def open_operation(self, name):
        browser.open(server.url + "/docs")
        browser.until("document.querySelector('.operation')")
        browser.script("document.getElementById(arguments[0]).open = true", name)
        browser.until(f"document.querySelector('#{name} .try')")

    def send(self, name):
        browser.script("document.querySelector(arguments[0]).requestSubmit()", f"#{name} .try")
        status = browser.until(f"document.querySelector('#{name} .status strong')?.textContent")
        return int(status), browser.text(f"#{name} .answer")

    def test_every_operation_is_there(self):
        description = server.get("/openapi.json").json
        wanted = {operation["operationId"] for item in description["paths"].values()
                  for method, operation in item.items()
                  if method in ("get", "post", "put", "patch", "delete")}
        browser.open(server.url + "/docs")
        browser.until("document.querySelector('.operation')")
        self.assertEqual({e.get_attribute("id") for e in browser.find_all(".operation")}, wanted)
        browser.script("for (const d of document.querySelectorAll('.operation')) d.open = true")
        browser.until(f"document.querySelectorAll('.try').length === {len(wanted)}")
        text = browser.script("return document.body.textContent")
        for wrong in ("undefined", "[object", "NaN"):
            self.assertNotIn(wrong, text)

    def test_trying_a_form(self):
        self.open_operation("detect")
        browser.find("#detect .try input[type=file]").send_keys(str(PHOTOS[0]))
        browser.find("#detect .try input[name=max_faces]").send_keys("2")
        browser.find("#detect .try input[name=x-request-id]").send_keys("my-own_id.1")
        status, text = self.send("detect")
        self.assertEqual(status, 200)
        self.assertIn("x-request-id: my-own_id.1", browser.text("#detect .output"))
        self.assertEqual(len(json.loads(text)["faces"]), 2)
        again = run(browser.text("#detect .curl"), PHOTOS[0].parent)
        self.assertEqual(again["faces"], json.loads(text)["faces"])

    def test_trying_json_and_what_is_refused(self):
        self.open_operation("detectFacesFromBase64")
        status, text = self.send("detectFacesFromBase64")  # the example is cut off: no picture
        self.assertEqual(status, 200)
        self.assertEqual(["error" in entry for entry in json.loads(text)["result"]], [True, True])
        self.open_operation("health")
        self.assertEqual(self.send("health"), (200, '{\n  "status": "API is running"\n}'))


if __name__ == "__main__":
    main()
