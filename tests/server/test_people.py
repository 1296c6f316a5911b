#!/usr/bin/env python3
"""The page People of `mien serve`: what a person does with mouse, keys and fingers is what the
gallery has afterwards, and can be undone."""
import io
import json
import shutil
import sys
import tempfile
import unittest
from pathlib import Path
from urllib.parse import quote, urlparse

from PIL import Image

sys.path.insert(0, str(Path(__file__).parent))
import page  # noqa: E402
from page import KEY, PHONE, Keys  # noqa: E402
from server import PHOTOS, Server, mien, objects, wait_for  # noqa: E402

READY = ("!document.querySelector('#head').hidden || !document.querySelector('#nobody').hidden"
         " || !document.querySelector('#problem').hidden")
SAID = "!document.querySelector('#toast').hidden && document.querySelector('#toast').textContent"
C = "/v1/collections/default"


def setUpModule():
    global server, keyed, browser, folder, gallery
    folder = Path(tempfile.mkdtemp(prefix="mien-people-"))
    unittest.addModuleCleanup(shutil.rmtree, folder)
    gallery = folder / "gallery.db"
    (folder / "keys").write_text(KEY + "\n")
    options = ("--classifier=none", "--age-gender=none")
    server = Server(f"--gallery={gallery}", *options)
    unittest.addModuleCleanup(server.stop)
    keyed = Server(f"--keys={folder / 'keys'}", f"--gallery={gallery}", *options)
    unittest.addModuleCleanup(keyed.stop)
    browser = page.browsers.Browser()
    unittest.addModuleCleanup(browser.quit)
    make_faces()


def make_faces():
    """Files of one face each: {name: path}. "ann" and "ann2" are one person, all others others.
    They are found by where about they are in the photos."""
    global faces
    faces = {}
    boxes = {path: [face["box"] for face in entry["faces"]] for path, entry in
             zip(PHOTOS, objects(mien("detect", *map(str, PHOTOS))))}
    for name, photo, x in (("ann", 0, 1573), ("ann2", 2, 1172), ("bob", 1, 982), ("cid", 3, 754),
                           ("dan", 3, 331), ("eve", 5, 363), ("fay", 4, 1508), ("gus", 5, 1571)):
        path = PHOTOS[photo]
        x1, y1, x2, y2 = min(boxes[path], key=lambda b: abs((b[0] + b[2]) / 2 - x))
        faces[name] = folder / f"{name}.jpg"
        Image.open(path).crop((x1 - 60, y1 - 60, x2 + 60, y2 + 60)).convert("RGB").save(
            faces[name], quality=95)


def group_picture():
    """Ann and Bob beside each other, neither of the pictures they are enrolled by."""
    path = folder / "group.jpg"
    parts = [Image.open(faces[name]) for name in ("ann2", "bob")]
    whole = Image.new("RGB", (800, 440))
    for i, part in enumerate(parts):
        whole.paste(part, (400 * i, 0))
    whole.save(path, quality=90)
    return path


class People(unittest.TestCase):
    def setUp(self):
        for person in self.people().values():
            self.assertEqual(server.ask("DELETE", f"{C}/persons/{person['person']}").status, 200)
        browser.console(), browser.hosts()  # what earlier tests left

    def tearDown(self):
        self.assertEqual(browser.console(), [])
        self.assertLessEqual(browser.hosts(), {urlparse(s.url).netloc for s in (server, keyed)})

    # What the gallery has.

    @staticmethod
    def people():
        """{name: person}; of those without a name {id: person}."""
        listed = server.get(f"{C}/persons?limit=1000").json["persons"]
        return {p["name"] or p["person"]: p for p in listed}

    def counts(self):
        return {name: p["samples"] for name, p in self.people().items()}

    def enrolled(self, **people):
        """Enrols pictures, also of several faces as one person's, which the gate would not have; a
        name that begins with `_` stands for nobody's."""
        for name, pictures in people.items():
            made = server.post_json(f"{C}/persons", {"name": "" if name[0] == "_" else name})
            self.assertEqual(made.status, 201, made)
            parts = [("file", f"{p}.jpg", faces[p].read_bytes()) for p in pictures.split()]
            answer = server.post_form(f"{C}/persons/{made.json['person']}/samples?force=1", parts)
            self.assertEqual([r["outcome"] for r in answer.json["results"]],
                             ["enrolled"] * len(parts), answer)

    # What is seen.

    def open(self, **screen):
        browser.open(server.url + "/people", **screen)
        browser.until(READY)

    @staticmethod
    def cards():
        return browser.texts("#cards strong")

    @staticmethod
    def center(selector):
        return browser.script("""
            const r = document.querySelector(arguments[0]).getBoundingClientRect();
            return [r.x + r.width / 2, r.y + r.height / 3];
        """, selector)

    def card(self, name):
        return f'#cards [data-person="{self.people()[name]["person"]}"]'

    def said(self, text):
        """Waits for the words at the bottom of the page."""
        browser.until(f"{SAID}.includes({json.dumps(text)})")

    def undo(self):
        browser.find("#toast .button").click()
        self.said("Undone.")

    def pick(self, name):
        """Types a name into the open picker, and takes it."""
        browser.until("document.querySelector('#picker').open")
        browser.press(name, Keys.ENTER)

    def drawer(self, name):
        browser.find(self.card(name)).click()
        browser.until("document.querySelector('#person').open")

    def click(self, text, within):
        browser.script("""
            [...document.querySelectorAll(`${arguments[1]} button`)]
              .find((button) => button.textContent.startsWith(arguments[0])).click();
        """, text, within)


class Cards(People):
    def test_the_first_person(self):
        self.open()
        self.assertTrue(browser.find("#nobody").is_displayed())
        browser.find("#add-first").click()
        self.pick("Ann")
        browser.find("#more").send_keys(f"{faces['ann']}\n{faces['ann2']}")
        self.said("2 faces added to Ann.")
        self.assertEqual(self.cards(), ["Ann"])
        self.assertEqual(self.counts(), {"Ann": 2})
        self.undo()
        browser.until("!document.querySelector('#nobody').hidden")
        self.assertEqual(self.counts(), {})

    def test_naming_a_group(self):
        self.enrolled(_1="ann", Bob="bob", _2="cid dan")
        self.open()
        self.assertEqual(self.cards(), ["Bob"])
        self.assertEqual(len(browser.find_all("#groups li")), 2)  # the larger one first
        browser.find("#groups input").send_keys("Cid", Keys.ENTER)
        self.said("2 faces are Cid.")
        self.assertEqual(self.cards(), ["Bob", "Cid"])
        # A name that is known joins the two.
        browser.find("#groups input").send_keys("Bob", Keys.ENTER)
        self.said("became part of Bob.")
        self.assertEqual(self.counts(), {"Bob": 2, "Cid": 2})
        self.assertFalse(browser.find("#unnamed").is_displayed())
        self.undo()
        browser.until("document.querySelectorAll('#groups li').length === 1")
        self.assertEqual(sorted(self.counts().values()), [1, 1, 2])

    def test_putting_faces_together(self):
        self.enrolled(_1="ann", _2="ann2", _3="cid")
        self.open()
        self.assertEqual(len(browser.find_all("#groups li")), 3)
        browser.find("#cluster").click()
        self.said("1 face joined others like it.")
        self.assertEqual(sorted(self.counts().values()), [1, 2])
        self.assertFalse(browser.find("#cluster").is_displayed())
        self.undo()
        browser.until("document.querySelectorAll('#groups li').length === 3")

    def test_who_a_group_may_be(self):
        self.enrolled(Ann="ann", Bob="bob", _1="ann2", _2="cid")
        self.open()
        browser.until("document.querySelector('.suggestion button')")
        self.assertEqual(browser.texts(".suggestion button > span:not(.portrait)"), ["Ann?"])
        browser.find(".suggestion button").click()
        self.said("1 face became part of Ann.")
        self.assertEqual(self.counts().get("Ann"), 2)
        # Nobody is told to be who they were said not to be.
        self.drawer("Ann")
        browser.find_all(".thumb-face")[1].click()
        self.click("Not Ann", "#chosen")
        self.said("1 face is not Ann any more.")
        browser.press(Keys.ESCAPE)
        browser.until("document.querySelectorAll('#groups li').length === 2"
                      " && !document.querySelector('.suggestion[aria-busy]')")
        self.assertFalse(browser.find_all(".suggestion button"))

    def test_dragging_by_mouse(self):
        self.enrolled(Ann="ann", Bob="bob", Cid="cid")
        self.open()
        start, end = self.center(self.card("Bob")), self.center(self.card("Ann"))
        browser.mouse("mousePressed", *start, button="left", clickCount=1)
        for point in ((start[0] - 20, start[1]), end):
            browser.mouse("mouseMoved", *point, button="left", buttons=1)
        self.assertTrue(browser.find_all(self.card("Ann") + ".target"))
        browser.mouse("mouseReleased", *end, button="left", clickCount=1)
        self.said("Bob became part of Ann.")
        self.assertFalse(browser.find_all(".ghost, .target, dialog[open]"))
        self.assertEqual(self.counts(), {"Ann": 2, "Cid": 1})
        browser.press(Keys.CONTROL, "z")
        self.said("Undone.")
        self.assertEqual(self.counts(), {"Ann": 1, "Bob": 1, "Cid": 1})
        # Dropped beside all cards, or given up by Escape, nothing is merged.
        before = server.get(f"{C}/events?newest=1&limit=1").json
        for keys, place in (("", (5, 5)), (Keys.ESCAPE, end)):
            browser.mouse("mousePressed", *start, button="left", clickCount=1)
            for point in ((start[0] - 20, start[1]), place):
                browser.mouse("mouseMoved", *point, button="left", buttons=1)
            browser.press(keys)
            browser.mouse("mouseReleased", *place, button="left", clickCount=1)
            self.assertFalse(browser.find_all(".ghost"))
        self.assertEqual(server.get(f"{C}/events?newest=1&limit=1").json, before)

    def test_dragging_by_a_finger(self):
        self.enrolled(Ann="ann", Bob="bob")
        self.open(**PHONE)
        self.assertLessEqual(browser.overflow(), 0)
        start, end = self.center(self.card("Ann")), self.center(self.card("Bob"))
        browser.fingers("touchStart", start)
        browser.until("document.body.classList.contains('dragging')")
        browser.fingers("touchMove", end)
        browser.fingers("touchEnd")
        self.said("Ann became part of Bob.")
        self.assertEqual(self.counts(), {"Bob": 2})

    def test_keys(self):
        self.enrolled(Ann="ann", Bob="bob", Cid="cid")
        self.open()
        browser.find(self.card("Ann")).send_keys(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT)
        focused = "document.activeElement.querySelector('strong')?.textContent"
        self.assertEqual(browser.script(f"return {focused}"), "Cid")
        browser.press("m")
        self.pick("an")
        self.said("Cid became part of Ann.")
        browser.until(f"{focused} === 'Ann'")
        browser.press(Keys.END, Keys.ENTER)
        browser.until("document.querySelector('#person').open")
        self.assertEqual(browser.script("return document.querySelector('#person-name').value"),
                         "Bob")
        browser.press(Keys.ESCAPE)
        browser.until(f"{focused} === 'Bob'")
        browser.press("/")
        browser.press("áN")
        self.assertEqual(self.cards(), ["Ann"])
        self.assertEqual(browser.text("#count"), "1 of 2 people")

    def test_many(self):
        for i in range(130):
            self.assertEqual(server.post_json(f"{C}/persons", {"name": f"{i} of them"}).status, 201)
        self.open()
        self.assertEqual(self.cards()[:3], ["0 of them", "1 of them", "2 of them"])
        self.assertEqual(browser.text("#count"), "130 people · 0 faces")
        # All cards are drawn once one has scrolled there, and reached by End.
        browser.script("document.querySelector('#cards').lastElementChild.scrollIntoView()")
        browser.until("document.querySelectorAll('#cards li').length === 130")
        self.assertEqual(self.cards()[-1], "129 of them")

    def test_pictures_dropped_on_a_card(self):
        self.enrolled(Ann="ann")
        self.open()
        browser.drop(faces["ann2"], on=self.card("Ann"))
        self.said("1 face added to Ann.")
        self.assertEqual(self.counts(), {"Ann": 2})
        browser.drop(faces["ann2"], on=self.card("Ann"))
        self.said("1 was there already.")

    def test_what_is_refused(self):
        self.enrolled(Ann="ann")
        self.open()
        browser.drop(PHOTOS[0], on=self.card("Ann"))
        browser.until("document.querySelector('#refused').open")
        self.assertIn("faces", browser.text("#refused .hint"))
        self.assertEqual(self.counts(), {"Ann": 1})
        self.click("Add anyway", "#refused")
        self.said("1 face added to Ann, by force.")
        self.assertEqual(self.counts(), {"Ann": 2})
        self.undo()
        self.assertEqual(self.counts(), {"Ann": 1})


class Drawer(People):
    def test_renaming(self):
        self.enrolled(Ann="ann")
        self.open()
        self.drawer("Ann")
        browser.find("#person-name").send_keys(Keys.CONTROL + "a" + Keys.NULL, "Anna", Keys.ENTER)
        self.said("Ann is called Anna now.")
        self.assertEqual(self.cards(), ["Anna"])
        self.undo()
        browser.until("document.querySelector('#person-name').value === 'Ann'")
        self.assertEqual(self.counts(), {"Ann": 1})

    def choose(self, count):
        for box in browser.find_all(".thumb-face")[:count]:
            box.click()

    def test_not_this_person(self):
        self.enrolled(Ann="bob ann ann2")
        self.open()
        self.drawer("Ann")
        self.choose(1)
        self.click("Not Ann", "#chosen")
        self.said("1 face is not Ann any more.")
        self.assertEqual(sorted(self.counts().values()), [1, 2])
        self.assertEqual(len(browser.find_all(".thumb-face")), 2)
        self.undo()
        browser.until("document.querySelectorAll('.thumb-face').length === 3")
        self.assertEqual(self.counts(), {"Ann": 3})

    def test_splitting_and_moving(self):
        self.enrolled(Ann="bob cid ann", Bob="dan")
        self.open()
        self.drawer("Ann")
        self.choose(2)
        self.click("Somebody else", "#chosen")
        self.pick("Cid")
        self.said("2 faces went to Cid.")
        self.assertEqual(self.counts(), {"Ann": 1, "Bob": 1, "Cid": 2})
        self.assertEqual(self.cards(), ["Ann", "Bob", "Cid"])
        self.choose(1)
        self.click("Somebody else", "#chosen")
        self.pick("Bob")
        self.said("1 face went to Bob.")
        self.assertEqual(self.counts(), {"Ann": 0, "Bob": 2, "Cid": 2})

    def test_history(self):
        self.enrolled(Ann="ann", Bob="bob")
        self.open()
        self.drawer("Bob")
        self.click("Same person as", "#person")
        self.pick("Ann")
        self.said("Bob became part of Ann.")
        browser.open(server.url + "/people")
        browser.until(READY)
        browser.find("#open-history").click()
        browser.until("document.querySelector('#history').open")
        self.assertIn("became part of Ann, with 1 face.", browser.text("#history li"))
        browser.find("#history li .button").click()
        browser.until("document.querySelector('#history li').textContent.startsWith('Undone: ')")
        self.assertEqual(self.counts(), {"Ann": 1, "Bob": 1})
        self.assertEqual(self.cards(), ["Ann", "Bob"])

    def test_deleting(self):
        # Pictures that no other test enrols: what is undone there is not deleted.
        self.enrolled(Fay="fay gus", Bob="bob")
        saved = folder / "saved"
        saved.mkdir()
        browser.downloads(saved)
        self.open()
        for answer, left in (("Cancel", {"Fay": 2, "Bob": 1}), ("Delete", {"Bob": 1})):
            browser.find(self.card("Fay")).send_keys(Keys.DELETE)
            browser.until("document.querySelector('#question').open")
            self.assertIn("2 faces", browser.text("#question"))
            self.click(answer, "#question")
            browser.until("!document.querySelector('#question').open")
            if answer == "Delete":
                self.said("Fay was deleted.")
            self.assertEqual(self.counts(), left)
        browser.find("#toast .button").click()
        receipt = saved / "Fay.receipt"
        wait_for(receipt.exists, "the receipt to be saved")
        done = mien("gallery prove-deleted", str(receipt), f"--gallery={gallery}")
        self.assertEqual(done.returncode, 0, (done.stdout, done.stderr))

    def test_details(self):
        self.enrolled(Ann="ann")
        self.open()
        self.drawer("Ann")
        browser.open_details()
        area = browser.find("#person textarea")
        area.send_keys("{no JSON")
        self.click("Keep", "#person")
        self.assertIn("no JSON", browser.text("#person form .bad"))
        area.clear()
        area.send_keys('{"team": 7}')
        browser.find("#person form input").send_keys("a-17")
        self.click("Keep", "#person")
        self.said("The details of Ann were changed.")
        ann = self.people()["Ann"]
        self.assertEqual((ann["external_id"], ann["metadata"]), ("a-17", {"team": 7}))
        self.assertEqual(ann["name"], "Ann")


class Identify(People):
    def ask(self, picture):
        browser.find("#probe").send_keys(str(picture))
        browser.until("document.querySelector('#told [data-face], #told .bad')"
                      " && !document.querySelector('#frame.running')")

    def test_who_it_is(self):
        self.enrolled(Ann="ann", Cid="cid")
        picture = group_picture()
        self.open()
        self.ask(picture)
        told = server.post(f"{C}/identify?top=5&fpir=0.01", picture.read_bytes()).json
        titles = {"likely the same": "{}", "unsure": "Perhaps {}", "unknown": "Unknown"}
        self.assertEqual(browser.texts("#told .name"),
                         [titles[f["verdict"]].format(f["matches"][0]["name"])
                          for f in told["faces"]])
        self.assertEqual(sorted(browser.texts("#told .name")), ["Ann", "Unknown"])
        self.assertEqual(sorted(browser.texts(".label")), ["Ann", "unknown"])
        # The tick stands where "likely the same" begins, the bar ends at the similarity.
        for at, face in enumerate(told["faces"]):
            fill, mark = browser.script("""
                const meter = document.querySelectorAll("#told .measure .meter")[arguments[0]];
                const { left, width } = meter.getBoundingClientRect();
                return [meter.querySelector(".fill").getBoundingClientRect().right,
                        meter.querySelector(".mark").getBoundingClientRect().left]
                  .map((x) => (x - left) / width);
            """, at)
            self.assertAlmostEqual(fill, max(0, face["matches"][0]["similarity"]), delta=0.01)
            self.assertAlmostEqual(mark, told["threshold"], delta=0.01)
        # How likely it is, which is never certain.
        ann = browser.texts("#told .name").index("Ann")
        self.assertGreater(told["faces"][ann]["matches"][0]["probability"], 0.99)
        self.assertRegex(browser.texts("#told .measure small")[ann], r"^over 99 % · 0\.\d\d$")
        # A face that is named is known from then on.
        unknown = browser.texts("#told .name").index("Unknown")
        browser.find_all("#told .beside")[unknown].click()
        self.click("Name this face", "#told .picked")
        self.pick("Bob")
        browser.until("[...document.querySelectorAll('#told .name')]"
                      ".map((n) => n.textContent).sort().join() === 'Ann,Bob'")
        self.assertEqual(self.counts(), {"Ann": 1, "Bob": 1, "Cid": 1})
        browser.press(Keys.ESCAPE)
        browser.until("document.querySelector('#identify').hidden")
        self.assertEqual(self.cards(), ["Ann", "Bob", "Cid"])

    def test_how_many_strangers_may_pass(self):
        self.enrolled(Ann="ann", Cid="cid")
        self.open()
        self.ask(faces["eve"])
        hint = "document.querySelector('#told .measure .mark').style.left"
        before = browser.script(f"return {hint}")
        browser.script("""
            const select = document.querySelector("#fpir");
            select.value = "0.1";
            select.dispatchEvent(new Event("change"));
        """)
        browser.until(f"{hint} !== {json.dumps(before)}")
        told = server.post(f"{C}/identify?fpir=0.1", faces["eve"].read_bytes()).json
        self.assertAlmostEqual(float(browser.script(f"return {hint}").rstrip("%")),
                               100 * told["threshold"], delta=0.01)

    def test_a_picture_dropped_beside_the_cards(self):
        self.enrolled(Ann="ann")
        self.open(**PHONE)
        browser.drop(faces["ann2"])
        browser.until("document.querySelector('#told .name')?.textContent === 'Ann'")
        self.assertLessEqual(browser.overflow(), 0)
        self.assertEqual(browser.unnamed(), [])
        browser.script("history.back()")
        browser.until("document.querySelector('#identify').hidden")

    def test_no_picture(self):
        self.enrolled(Ann="ann")
        self.open()
        (folder / "text.jpg").write_text("no picture")
        self.ask(folder / "text.jpg")
        self.assertIn("picture", browser.text("#told .bad"))


class Servers(People):
    def test_a_key(self):
        self.enrolled(Ann="ann")
        browser.open(keyed.url + "/people")
        for key in ("not-the-right-key-0000", KEY):
            browser.until("document.querySelector('#lock').open")
            browser.press(key, Keys.ENTER)
            if key != KEY:
                browser.until("document.querySelector('#unlock-hint').textContent"
                              ".includes('did not take')")
        # The face is fetched with the key, and shown.
        browser.until("document.querySelector('#cards img[src^=blob]')?.naturalWidth === 112")
        browser.script("sessionStorage.clear()")

    def test_faces_are_shown_where_they_are_kept(self):
        self.enrolled(Ann="ann")
        self.open()
        browser.until("document.querySelector('#cards img')?.naturalWidth === 112")
        sample = self.people()["Ann"]["best_sample"]
        shown = browser.script("return document.querySelector('#cards img').src")
        self.assertEqual(shown, f"{server.url}{C}/samples/{sample}/crop")
        crop = server.get(f"{C}/samples/{sample}/crop").body
        self.assertEqual(Image.open(io.BytesIO(crop)).size, (112, 112))

    def test_where_none_are_kept(self):
        made = server.post_json(f"{C}/persons", {"name": "Öle"})
        self.assertEqual(made.status, 201)
        self.open()
        self.assertEqual(browser.texts("#cards .letter"), ["Ö"])

    def test_no_gallery(self):
        with Server("--gallery=none", "--embedder=none", "--classifier=none",
                    "--age-gender=none") as other:
            browser.open(other.url + "/people")
            browser.until(READY)
            self.assertIn("keeps no gallery", browser.text("#problem"))
            browser.hosts()

    def test_another_collection(self):
        name = "Büro & Lager"
        self.assertIn(server.ask("PUT", f"/v1/collections/{quote(name)}").status, (200, 201))
        self.enrolled(Ann="ann")
        self.open()
        self.assertEqual(self.cards(), ["Ann"])
        browser.script("""
            const select = document.querySelector("#collection");
            select.value = arguments[0];
            select.dispatchEvent(new Event("change"));
        """, name)
        browser.until("!document.querySelector('#nobody').hidden")
        self.assertEqual(self.cards(), [])

    def test_screens(self):
        self.enrolled(Ann="ann", _1="bob cid")
        for screen in ({}, PHONE):
            self.open(**screen)
            self.assertLessEqual(browser.overflow(), 0)
            self.assertEqual(browser.unnamed(), [])
            self.drawer("Ann")
            browser.open_details()
            self.assertEqual(browser.unnamed("#person"), [])
            self.assertLessEqual(browser.overflow(), 0)


if __name__ == "__main__":
    page.main()
