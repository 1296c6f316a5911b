#!/usr/bin/env python3
"""What the page of `mien serve` says of one face and how sure that is: by one network or by one for
each, with the other's answer beside it, and how often such answers are right."""
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from page import FACTS, PHONE, Keys, Page, cli, main, start  # noqa: E402
from server import PHOTOS  # noqa: E402

METHOD = "document.querySelector('#method input:checked').value"
MARKS = "document.querySelector('.marks')"


def setUpModule():
    global server, keyed, browser, folder
    server, keyed, browser, folder = start()


def main_face(*options):
    entry = cli("analyze", PHOTOS[0], *options)
    return entry["faces"][entry["main"]]


def percent(share):
    return "< 1 %" if 0 < share < 0.01 else f"{int(100 * share + 1e-6)} %"


class Methods(Page):
    def check(self, face, other=None):
        """The facts are those of a face, the marks another's."""
        facts = browser.script(f"return {FACTS}")
        self.assertEqual(facts[0], f"{face['age']:.0f}")
        gender, ages = face["gender"], face["age_range"]
        self.assertEqual(facts[1], "unsure" if gender.get("unsure") else gender["value"])
        shares = gender["distribution"]
        self.assertEqual(browser.texts(".balance > span:not(.track)"),
                         [f"{label} {percent(share)}" for label, share in shares.items()])
        self.assertEqual(browser.text(".scale p"), f"{face['age']:.0f}{ages['low']:.0f} to "
                         f"{ages['high']:.0f} in 80 of 100 cases")
        self.assertEqual(len(browser.find_all(".plot .group")), len(ages["distribution"]))
        if not other:
            self.assertFalse(browser.find_all(".distribution .mark, .marks"))
            return
        self.assertAlmostEqual(self.left(".balance .mark"),
                               100 * other["gender"]["distribution"]["male"], places=2)
        point, mark = self.left(".plot .point"), self.left(".plot > .mark")
        self.assertAlmostEqual(mark / point, other["age"] / face["age"], places=2)

    @staticmethod
    def left(selector):
        """Where an element stands, in percent of what it stands in."""
        return float(browser.script("return parseFloat(document.querySelector(arguments[0])"
                                    ".style.left)", selector))

    def count_requests(self):
        browser.script("""
            const real = window.fetch;
            window.asked = [];
            window.fetch = (...request) => {
              window.asked.push(String(request[0]));
              return real(...request);
            };
        """)

    def turn(self, key, method):
        browser.script(f"document.querySelector('#method input[value={method}]')"
                       ".closest('#method').querySelector(':checked').focus()")
        browser.press(key)
        browser.until(f"{METHOD} === '{method}' && {MARKS}")
        self.assertEqual(browser.script("return document.activeElement.value"), method)

    def test_the_switch(self):
        joint, separate = main_face(), main_face("--method=separate")
        self.open(PHOTOS[0])
        browser.until("document.querySelector('#method')")
        self.assertEqual(browser.script(f"return {METHOD}"), "joint")
        self.check(joint)
        self.count_requests()
        self.turn(Keys.ARROW_RIGHT, "separate")
        self.check(separate, joint)
        self.assertIn("method=separate", browser.text("#curl"))
        self.turn(Keys.ARROW_LEFT, "joint")
        self.check(joint, separate)
        self.turn(Keys.ARROW_RIGHT, "separate")
        asked = browser.script("return window.asked")
        self.assertEqual(len(asked), 1, "both answers are kept")
        # What is compared has no method.
        browser.find("#compare").click()
        browser.press(Keys.ARROW_RIGHT)
        browser.until("document.querySelector('.pair span')?.textContent.includes('0.')")

    def test_other_pictures_follow(self):
        self.open(*PHOTOS[:2])
        browser.until("document.querySelector('#method')")
        self.turn(Keys.ARROW_RIGHT, "separate")
        browser.script("document.querySelectorAll('#strip input')[1].click()")
        browser.until(f"document.querySelector('#caption').textContent.includes('{PHOTOS[1].name}')"
                      f" && {MARKS}")
        entry = cli("analyze", PHOTOS[1], "--method=separate")
        self.assertEqual(browser.script(f"return {FACTS}")[0],
                         f"{entry['faces'][entry['main']]['age']:.0f}")

    def test_an_answer_that_does_not_come(self):
        self.open(PHOTOS[0])
        browser.until("document.querySelector('#method')")
        browser.script("""
            window.fetch = () => Promise.resolve(
              new Response(JSON.stringify({ error: { message: "no luck" } }), { status: 500 }));
            document.querySelector("#method input[value=separate]").click();
        """)
        browser.until("document.querySelector('#method .bad')")
        self.assertEqual(browser.text("#method .bad"), "No luck.")
        self.assertEqual(browser.script(f"return {METHOD}"), "joint")
        self.check(main_face())


class Asked(Page):
    def ask_for_race(self):
        browser.until("document.querySelector('#requests input')")
        browser.find("#settings summary").click()
        browser.find("#requests input[value=race]").click()
        browser.until("document.querySelector('[data-of=race] .bars')")

    def test_race_is_told_only_where_it_is_asked_for(self):
        self.open(PHOTOS[0])
        browser.until("document.querySelector('#requests input')")
        self.assertNotIn("Race", browser.find("#found").text)
        self.assertEqual(browser.texts("#requests label"), ["Tell race, too"])
        self.assertIn("2024/1689", browser.text("#requests .hint"))
        self.ask_for_race()
        face = main_face("--attributes=default,race")
        shares = sorted(face["race"]["distribution"].items(), key=lambda item: -item[1])
        self.assertEqual(browser.texts("[data-of=race] li"),
                         [label.replace("_", " ") + percent(share) for label, share in shares])
        self.assertIn("Decide about nobody", browser.text(".note[data-of=race]"))
        self.assertIn("attributes=age,gender,race", browser.text("#curl").replace("%2C", ","))
        browser.find("#requests input[value=race]").click()
        browser.until("document.querySelector('.balance')"
                      " && !document.querySelector('[data-of=race]')")

    def expected(self, face, name):
        """(of everybody, of those like this face): percents that are right."""
        (measured,) = (a["measured"] for n in server.get("/v1/status").json["networks"]
                       if n.get("method") == "joint"
                       for a in n["attributes"] if a["name"] == name)
        labels = ["" if face.get(key, {}).get("unsure") else face.get(key, {}).get("value", "")
                  for key in ("race", "gender")]
        groups = [g for key, g in measured["groups"].items()
                  if key.startswith(labels[0]) and key.endswith(f" {labels[1]}")]
        n = sum(g["n"] for g in groups)
        return measured["accuracy"], sum(g["n"] * g["accuracy"] for g in groups) / n

    def check_right(self, face, names):
        rows = browser.script("""
            return [...document.querySelectorAll("#right tbody tr")].map((row) =>
              [...row.querySelectorAll("td")].map((cell) => parseFloat(cell.textContent)));
        """)
        self.assertEqual(len(rows), len(names))
        for name, row in zip(names, rows):
            for shown, right in zip(row, self.expected(face, name), strict=True):
                self.assertAlmostEqual(shown, right, delta=0.51)

    def test_how_often_it_is_right(self):
        self.open(PHOTOS[0])
        browser.until("document.querySelector('#right')")
        self.check_right(main_face(), ["age", "gender"])
        self.ask_for_race()
        self.check_right(main_face("--attributes=default,race"), ["age", "gender", "race"])
        self.assertIn("FairFace", browser.text("#right .hint"))

    def test_on_a_phone(self):
        self.open(PHOTOS[0], **PHONE)
        self.ask_for_race()
        browser.script("document.querySelector('#method input[value=separate]').click()")
        browser.until(MARKS)
        browser.open_details()
        self.assertLessEqual(browser.overflow(), 0)
        self.assertEqual(browser.unnamed(), [])


if __name__ == "__main__":
    main()
