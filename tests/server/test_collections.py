#!/usr/bin/env python3
"""/v1/collections and /add_identity: who is enrolled is found, by the server as by the tool; changes and
their undoing; what one key may do and another may not; requests that are sent twice; a gallery that is
locked or full, while others go on. Faces are crops of noise, as the tests of the tool have them."""
import json
import os
import resource
import sqlite3
import sys
import tempfile
import threading
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parent.parent / "cli"))
from server import PHOTOS, Server, form, skip_or_run  # noqa: E402
from test_gallery import noise  # noqa: E402
from tool import MODELS, mien, objects  # noqa: E402

C = "/v1/collections"
ALIGNED = "aligned=1&force=1"
KEYS = """reception:reception-key-0000:read@default
porter:porter-key-0000000:read,write@people
boss:boss-key-000000000
"""


class People(unittest.TestCase):
    options = ()

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="mien-people-")
        cls.addClassCleanup(folder.cleanup)
        cls.place = os.path.join(folder.name, "deep", "g.db")
        keys = Path(folder.name, "keys")
        keys.write_text(KEYS, encoding="utf-8")
        options = [word.replace("KEYS", str(keys)) for word in cls.options]
        cls.server = Server("--gallery", cls.place, "--classifier", "none", "--age-gender", "none", *options)
        cls.addClassCleanup(cls.server.stop)

    def ask(self, method, path, body=None, status=200, **headers):
        """The JSON of an answer, which has that status."""
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        if isinstance(body, (dict, list)):
            body = json.dumps(body)
            headers["Content-Type"] = "application/json"
        elif body is not None:
            headers.setdefault("Content-Type", "image/png")
        answer = self.server.ask(method, path, body, headers)
        self.assertEqual(answer.status, status, f"{method} {path}: {answer}")
        if status >= 400:
            self.assertTrue(answer.code)
        return answer.json

    def code(self, status, method, path, body=None, **headers):
        return self.ask(method, path, body, status, **headers)["error"]["code"]

    def enrol(self, name, seed, collection="default", **headers):
        found = self.ask("POST", f"{C}/{collection}/samples?name={name}&{ALIGNED}", noise(seed),
                         **headers)["results"]
        self.assertEqual([one["outcome"] for one in found], ["enrolled"], found)
        return found[0]["person"], found[0]["sample"]


class Open(People):
    options = ("--max-pictures", "32")

    def test_01_a_gallery_that_is_not_there_is_empty_and_not_made(self):
        self.assertEqual(self.ask("GET", C)["collections"],
                         [{"name": "default", "persons": 0, "samples": 0, "created": None}])
        self.assertEqual(self.ask("GET", f"{C}/default/persons"), {"persons": [], "next": None})
        self.assertEqual(self.ask("GET", f"{C}/default/events"), {"events": [], "next": None})
        self.assertEqual(self.ask("GET", "/list_identities"), {"identities": []})
        found = self.ask("POST", f"{C}/default/identify?aligned=1", noise(1))["faces"][0]
        self.assertEqual((found["verdict"], found["reason"], found["matches"]),
                         ("unknown", "nobody_enrolled", []))
        self.assertEqual(self.code(404, "GET", f"{C}/people"), "not_found")
        self.assertEqual(self.code(404, "GET", f"{C}/default/persons/000d11737f3cf000"), "not_found")
        self.assertFalse(os.path.exists(self.place))

    def test_the_tool_and_the_server_say_the_same(self):
        mien("enroll", "--force", "Ann", PHOTOS[0], f"--gallery={self.place}")
        for top in (1, 3):
            by_tool = objects(mien("identify", PHOTOS[0], f"--gallery={self.place}", f"--top={top}"))[0]
            by_tool.pop("file")
            answer = self.server.post(f"{C}/default/identify?top={top}", PHOTOS[0].read_bytes())
            self.assertEqual(answer.json, by_tool)
        self.assertEqual(by_tool["faces"][0]["matches"][0]["name"], "Ann")
        again = self.server.post(f"{C}/default/samples?name=Ann&force=1", PHOTOS[0].read_bytes()).json
        self.assertEqual(again["results"][0]["outcome"], "known")

    def test_a_picture_that_fails_does_not_fail_the_others(self):
        body, kind = form([("file", "a.png", noise(10)), ("file", "b.png", b"no picture"),
                           ("file", "c.png", noise(11))])
        found = self.ask("POST", f"{C}/default/samples?name=Bob&{ALIGNED}", body,
                         Content_Type=kind)["results"]
        self.assertEqual([one["outcome"] for one in found], ["enrolled", "refused", "enrolled"])
        self.assertEqual((found[1]["sample"], found[1]["reasons"]), (None, ["bad_request"]))
        self.assertEqual(self.code(400, "POST", f"{C}/default/samples", noise(1)), "bad_request")
        bob = self.ask("GET", f"{C}/default/persons?name=Bob")["persons"]
        self.assertEqual([one["samples"] for one in bob], [2])

    def test_changes_and_their_undoing(self):
        base = f"{C}/default"
        (a, s), (b, t) = self.enrol("Cat", 20), self.enrol("Dan", 21)
        of = lambda person: [x["sample"] for x in
                             self.ask("GET", f"{base}/persons/{person}/samples")["samples"]]
        event = self.ask("POST", f"{base}/persons/{a}/merge", {"from": b})["event"]
        self.assertEqual(of(a), [s, t])
        self.assertEqual(self.code(404, "GET", f"{base}/persons/{b}"), "not_found")
        self.ask("POST", f"{base}/events/{event}/undo")
        self.assertEqual((of(a), of(b)), ([s], [t]))
        self.assertEqual(self.code(409, "POST", f"{base}/events/{event}/undo"), "conflict")
        self.assertEqual(self.code(404, "POST", f"{base}/events/999999/undo"), "not_found")
        self.ask("POST", f"{base}/persons/{a}/move", {"samples": [t]})
        self.assertEqual(self.code(409, "POST", f"{base}/persons/{b}/split", {"samples": [t]}),
                         "conflict")
        new = self.ask("POST", f"{base}/persons/{a}/split", {"samples": [t], "name": "Eve"})["person"]
        self.assertEqual((of(a), of(new)), ([s], [t]))
        changed = self.ask("PATCH", f"{base}/persons/{a}",
                           {"name": "Kate", "external_id": "7", "metadata": {"floor": [1]}})
        self.assertEqual((changed["name"], changed["external_id"], changed["metadata"]),
                         ("Kate", "7", {"floor": [1]}))
        last = self.ask("GET", f"{base}/events?newest=1&limit=1")["events"][0]
        self.assertEqual((last["kind"], last["who"]), ("described", "http"))
        self.ask("POST", f"{base}/events/{last['event']}/undo")
        self.assertEqual(self.ask("GET", f"{base}/persons/{a}")["external_id"], None)
        apart = self.ask("POST", f"{base}/samples/{s}/not-this-person")["person"]
        self.assertEqual(of(apart), [s])
        gone = self.ask("DELETE", f"{base}/persons/{apart}")
        self.assertEqual((gone["samples"], gone["complete"]), (1, True))
        self.assertEqual(self.code(404, "GET", f"{base}/samples/{s}"), "not_found")
        receipt = Path(os.path.dirname(self.place), "receipt")
        receipt.write_text(gone["receipt"], encoding="utf-8")
        proved = mien("gallery", "prove-deleted", receipt, f"--gallery={self.place}")
        self.assertEqual(proved.returncode, 0, proved.stdout)

    def test_pages(self):
        self.ask("PUT", f"{C}/pages", status=201)
        for i in range(5):
            self.ask("POST", f"{C}/pages/persons", {"name": f"p{i}"}, 201)
        seen, after = [], ""
        while after is not None:
            page = self.ask("GET", f"{C}/pages/persons?limit=2{after}")
            seen += [one["name"] for one in page["persons"]]
            after = page["next"] and "&after=" + page["next"]
        self.assertEqual(seen, [f"p{i}" for i in range(5)])
        self.assertEqual(self.ask("DELETE", f"{C}/pages")["samples"], 0)
        self.assertEqual(self.code(404, "GET", f"{C}/pages"), "not_found")

    def test_embeddings_of_the_same_contract_alone(self):
        person, sample = self.enrol("Fay", 30)
        told = self.ask("GET", f"{C}/default/samples/{sample}?embedding=1")
        given = {"embedding": told["embedding"], "contract": told["contract"]}
        found = self.ask("POST", f"{C}/default/search", given)
        self.assertEqual((found["verdict"], found["matches"][0]["person"]), ("likely the same", person))
        self.assertEqual(self.code(409, "POST", f"{C}/default/search",
                                   {**given, "contract": "another"}), "conflict")
        self.assertEqual(self.code(409, "POST", f"{C}/default/search",
                                   {**given, "embedding": [1.0]}), "conflict")
        many = {"embeddings": [told["embedding"]] * 3, "contract": told["contract"], "name": "Gus"}
        self.assertEqual(len(self.ask("POST", f"{C}/default/samples", many)["results"]), 3)
        many["embeddings"][2] = [2 * v for v in told["embedding"]]
        self.assertEqual(self.code(400, "POST", f"{C}/default/samples", many), "bad_request")
        gus = self.ask("GET", f"{C}/default/persons?name=Gus")["persons"]
        self.assertEqual([one["samples"] for one in gus], [3])
        alike = self.ask("POST", f"{C}/default/compare?aligned=1&person=Fay", noise(30))
        self.assertEqual((alike["sample"], alike["verdict"]), (sample, "likely the same"))

    def test_what_is_of_another_collection_is_not_found(self):
        person, sample = self.enrol("Hal", 40)
        self.ask("PUT", f"{C}/other", status=201)
        self.ask("PUT", f"{C}/other")
        mine = self.ask("POST", f"{C}/other/persons", {}, 201)["person"]
        event = self.ask("GET", f"{C}/default/events?newest=1&limit=1")["events"][0]["event"]
        for method, path, body in (("GET", f"persons/{person}", None),
                                   ("GET", f"persons/{person}/samples", None),
                                   ("GET", f"samples/{sample}", None),
                                   ("GET", f"samples/{sample}/crop", None),
                                   ("DELETE", f"persons/{person}", None),
                                   ("DELETE", f"samples/{sample}", None),
                                   ("POST", f"persons/{mine}/merge", {"from": person}),
                                   ("POST", f"persons/{mine}/move", {"samples": [sample]}),
                                   ("POST", f"persons/{mine}/split", {"samples": [sample]}),
                                   ("POST", f"samples/{sample}/not-this-person", {}),
                                   ("POST", f"events/{event}/undo", None)):
            self.assertEqual(self.code(404, method, f"{C}/other/{path}", body), "not_found")
        self.assertEqual(self.ask("GET", f"{C}/other/events?person={person}")["events"], [])

    def test_sent_twice_done_once(self):
        path = f"{C}/default/persons"
        first = self.ask("POST", path, {"name": "Ivy"}, 201, Idempotency_Key="k1")
        self.assertEqual(self.ask("POST", path, {"name": "Ivy"}, 201, Idempotency_Key="k1"), first)
        self.assertEqual(self.code(409, "POST", path, {"name": "Jo"}, Idempotency_Key="k1"), "conflict")
        self.assertNotEqual(self.ask("POST", path, {"name": "Ivy"}, 201, Idempotency_Key="k2"), first)
        self.assertEqual(len(self.ask("GET", f"{path}?name=Ivy")["persons"]), 2)
        self.assertEqual(self.code(400, "POST", path, {}, Idempotency_Key="x" * 200), "bad_request")

    def test_while_another_process_writes(self):
        self.enrol("Kim", 50)
        other = sqlite3.connect(self.place, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        try:
            answers = []
            writers = [threading.Thread(target=lambda: answers.append(
                self.code(503, "POST", f"{C}/default/persons", {}))) for _ in range(3)]
            for writer in writers:
                writer.start()
            self.ask("GET", f"{C}/default/persons")
            found = self.ask("POST", f"{C}/default/identify?aligned=1", noise(50))["faces"][0]
            self.assertEqual(found["matches"][0]["name"], "Kim")
            for writer in writers:
                writer.join()
            self.assertEqual(answers, ["gallery_busy"] * 3)
        finally:
            other.execute("ROLLBACK")
            other.close()
        self.ask("POST", f"{C}/default/persons", {}, 201)

    def test_no_room_on_the_disk(self):
        self.enrol("Lee", 60)
        limits = resource.prlimit(self.server.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(self.server.pid, resource.RLIMIT_FSIZE, (4096, limits[1]))
        try:
            self.assertEqual(self.code(507, "POST", f"{C}/default/persons", {"name": "Max"}),
                             "gallery_full")
            self.ask("GET", f"{C}/default/persons?name=Lee")
        finally:
            resource.prlimit(self.server.pid, resource.RLIMIT_FSIZE, limits)
        self.ask("POST", f"{C}/default/persons", {"name": "Max"}, 201)

    def test_hostile_requests(self):
        base = f"{C}/default"
        for method, path, body in (("GET", "persons?limit=0", None), ("GET", "persons?limit=1001", None),
                                   ("GET", "persons?after=x", None), ("GET", "persons?what=1", None),
                                   ("GET", "events?after=-1", None), ("GET", "persons/zz", None),
                                   ("POST", "events/1x/undo", None),
                                   ("POST", "persons", {"metadata": "text"}),
                                   ("POST", "persons", {"metadata": {"a": "x" * 20000}}),
                                   ("POST", "persons", {"name": "x" * 300}),
                                   ("POST", "persons", {"name": ["x"]}),
                                   ("POST", "persons", []),
                                   ("POST", "persons/000d11737f3cf000/move", {"samples": []}),
                                   ("POST", "persons/000d11737f3cf000/move", {"samples": ["0"] * 1001}),
                                   ("POST", "search", {"embedding": "x", "contract": "y"}),
                                   ("POST", "samples", {"embeddings": [], "name": "x"})):
            answer = self.server.ask(method, f"{base}/{path}",
                                     None if body is None else json.dumps(body),
                                     {"Content-Type": "application/json"})
            self.assertIn(answer.status, (400, 404, 409), f"{method} {path}: {answer}")
            self.assertTrue(answer.code)
        self.assertEqual(self.code(413, "POST", f"{base}/persons", b"[" + b"{}," * 400000 + b"{}]",
                                   Content_Type="application/json"), "too_large")
        self.assertEqual(self.server.get(f"{C}/{'x' * 200}").status, 404)
        for n, status in (20, 200), (21, 413):  # times a thousand people
            body, kind = form([("file", f"{i}.png", noise(i)) for i in range(n)])
            found = self.ask("POST", f"{base}/identify?top=1000&aligned=1", body, status,
                             Content_Type=kind)
            self.assertEqual(len(found.get("pictures", ())), n if status == 200 else 0)

    def test_identities(self):
        self.assertEqual(self.code(400, "POST", "/add_identity", noise(70)), "bad_request")
        photo = PHOTOS[1].read_bytes()
        body, kind = form([("file", "a.jpg", photo)])
        added = self.ask("POST", "/add_identity?name=Nia&force=1", body, Content_Type=kind)
        self.assertEqual((added["status"], added["identity_added"]), ("success", "Nia"))
        self.assertIn("Nia", self.ask("GET", "/list_identities")["identities"])
        found = self.ask("POST", "/recognize?top=2", photo, Content_Type="image/jpeg")["results"]
        best = max(found, key=lambda face: face["confidence"])
        self.assertEqual((best["identity"], best["top_matches"][0]["id"]), ("Nia", added["id"]))
        self.assertEqual(self.ask("GET", "/identity/Nia")["person"], added["id"])
        self.assertEqual(self.ask("DELETE", "/identity/Nia")["samples"], 1)
        self.assertEqual(self.code(404, "GET", "/identity/Nia"), "not_found")

    def test_groups(self):
        self.ask("PUT", f"{C}/groups", status=201)
        self.assertEqual(self.ask("GET", f"{C}/groups/groups"), {"groups": [], "next": None})
        done = self.ask("POST", f"{C}/groups/cluster", {})
        self.assertEqual((done["faces"], done["groups"], done["first_event"]), (0, 0, None))

    def test_persons_by_how_their_names_begin(self):
        self.ask("PUT", f"{C}/names", status=201)
        base = f"{C}/names/persons"
        for name in ("Ann", "anna", "", "Bob", "%nn", ""):
            self.ask("POST", base, {"name": name}, 201)
        names = lambda query: [one["name"] for one in self.ask("GET", f"{base}?{query}")["persons"]]
        self.assertEqual(names("prefix=an"), ["Ann", "anna"])
        self.assertEqual(names("prefix=%25"), ["%nn"])
        self.assertEqual(names("prefix=Annabel"), [])
        self.assertEqual(names("named=false"), ["", ""])
        self.assertEqual(names("named=true"), ["Ann", "anna", "Bob", "%nn"])
        self.assertEqual(names("named=false&prefix=an"), [])
        first = self.ask("GET", f"{base}?named=true&limit=3")
        rest = self.ask("GET", f"{base}?named=true&limit=3&after={first['next']}")
        self.assertEqual([one["name"] for one in first["persons"] + rest["persons"]],
                         ["Ann", "anna", "Bob", "%nn"])
        self.assertEqual(self.code(400, "GET", f"{base}?named=perhaps"), "bad_request")

    def test_doctor(self):
        empty = {"samples": 0, "findings": [], "more": False}
        self.ask("PUT", f"{C}/doctor", status=201)
        self.assertEqual(self.ask("GET", f"{C}/doctor/doctor"), empty)
        _, sample = self.enrol("Dan", 80, "doctor")
        dan = self.ask("GET", f"{C}/doctor/samples/{sample}?embedding=1")

        def vector(axis, cosine):
            v = [0.0] * len(dan["embedding"])
            v[2 * axis], v[2 * axis + 1] = cosine, (1 - cosine ** 2) ** 0.5
            return v

        for name, axis, cosine in ("Ann", 1, 1), ("Bea", 1, 0.9), ("Cid", 2, 1), ("Cid", 2, 0.999):
            self.ask("POST", f"{C}/doctor/samples", {"name": name, "contract": dan["contract"],
                                                     "embeddings": [vector(axis, cosine)]})
        told = self.ask("GET", f"{C}/doctor/doctor")
        self.assertEqual((told["samples"], told["more"]), (5, False))
        self.assertEqual({(f["kind"], f["name"], f.get("other_name")) for f in told["findings"]},
                         {("confusable", "Ann", "Bea"), ("duplicate", "Cid", "Cid")})
        self.assertTrue(all("repair" not in finding for finding in told["findings"]))
        one = self.ask("GET", f"{C}/doctor/doctor?limit=1")
        self.assertEqual((len(one["findings"]), one["more"]), (1, True))
        self.assertEqual(self.code(400, "GET", f"{C}/doctor/doctor?limit=0"), "bad_request")
        self.assertEqual(self.code(404, "GET", f"{C}/nobody/doctor"), "not_found")


class Keys(People):
    options = ("--keys", "KEYS", "--max-samples-per-collection", "2")

    def test_scopes_and_quota(self):
        boss, porter, reception = ({"x-api-key": key} for key in
                                   ("boss-key-000000000", "porter-key-0000000",
                                    "reception-key-0000"))
        self.assertEqual(self.code(401, "GET", C), "unauthorized")
        self.ask("PUT", f"{C}/people", status=201, **boss)
        self.enrol("Ann", 1, "people", **porter)
        self.enrol("Ann", 2, "default", **boss)
        for method, path, key in (("POST", f"{C}/default/persons", porter),
                                  ("POST", f"{C}/default/persons", reception),
                                  ("DELETE", f"{C}/people", reception),
                                  ("GET", f"{C}/people/persons", reception),
                                  ("POST", f"{C}/people/identify", reception),
                                  ("POST", "/add_identity?name=x", porter)):
            self.assertEqual(self.code(403, method, path, **key), "forbidden", path)
        self.ask("GET", f"{C}/default/persons", **reception)
        self.ask("GET", f"{C}/people/persons", **porter)
        names = lambda key: [one["name"] for one in self.ask("GET", C, **key)["collections"]]
        self.assertEqual((names(reception), sorted(names(porter))), (["default"], ["default", "people"]))
        self.assertEqual({event["who"] for event in
                          self.ask("GET", f"{C}/people/events", **porter)["events"]}, {"porter"})
        self.enrol("Ann", 3, "people", **porter)
        self.assertEqual(self.code(409, "POST", f"{C}/people/samples?name=Ann&{ALIGNED}", noise(4),
                                   **porter), "quota")


class JoinedEmbedders(People):
    """One embedder of two networks: people, embeddings and comparing; KServe has the networks themselves alone."""
    options = ("--embedder=mobilefacenet-192+mobilefacenet-512",)

    @classmethod
    def setUpClass(cls):
        if not Path(MODELS["weights"], "mobilefacenet-512.safetensors").exists():
            raise unittest.SkipTest("mobilefacenet-512 is not installed")
        super().setUpClass()

    def test_values(self):
        _, sample = self.enrol("Hal", 40)
        told = self.ask("GET", f"{C}/default/samples/{sample}?embedding=1")
        self.assertEqual(len(told["embedding"]), 192 + 512)
        self.assertAlmostEqual(sum(v * v for v in told["embedding"]), 1, 5)
        models = self.ask("GET", "/v2/models")["models"]
        self.assertFalse([name for name in models if "+" in name], models)
        self.assertEqual(self.server.ask("GET", "/v2/models/mobilefacenet-192%2Bmobilefacenet-512").status, 404)


class None_(unittest.TestCase):
    def test_no_gallery(self):
        with Server("--gallery", "none", "--classifier", "none", "--age-gender", "none") as server:
            for method, path in (("GET", C), ("PUT", f"{C}/x"), ("POST", "/add_identity")):
                answer = server.ask(method, path, b"" if method == "POST" else None)
                self.assertEqual((answer.status, answer.code), (404, "not_found"))

    def test_none_unasked_where_everybody_may_ask(self):
        options = ("--address=0.0.0.0", "--classifier=none", "--age-gender=none")
        unset = {"MIEN_GALLERY": None}
        with Server(*options, env=unset) as server:
            self.assertEqual(server.ask("GET", C).status, 404)
            self.assertTrue(server.find("no people are kept, because whoever reaches 0.0.0.0"))
        with tempfile.TemporaryDirectory() as folder:
            keys = os.path.join(folder, "keys")
            with open(keys, "w", encoding="ascii") as f:
                f.write("a-key-of-some-length\n")
            with Server(*options, "--keys", keys, env=unset) as server:
                self.assertEqual(server.ask("GET", C).status, 401)
                key = {"x-api-key": "a-key-of-some-length"}
                self.assertEqual(server.ask("GET", C, headers=key).status, 200)


class TwoEmbedders(People):
    """While a collection is migrated: found under either, learned under the second, until somebody undoes it."""
    options = ("--embedder=mobilefacenet-192,mobilefacenet-512", "--learn")

    def identify(self):
        answer = self.ask("POST", f"{C}/default/identify", PHOTOS[0].read_bytes(), Content_Type="image/jpeg")
        self.assertEqual(answer["also"]["embedder"], "mobilefacenet-512")
        return [(face["matches"][0]["name"], face["matches"][0]["embedder"]) for face in answer["faces"]
                if face["verdict"] == "likely the same"]

    def test_learn(self):
        photo = PHOTOS[0].read_bytes()
        self.ask("POST", f"{C}/default/samples?name=Ann&force=1", photo, Content_Type="image/jpeg")
        self.assertEqual(self.identify(), [("Ann", "mobilefacenet-192")])
        alone = ("identify", "--gallery", self.place, "--embedder=mobilefacenet-512", str(PHOTOS[0]))
        (line,) = objects(mien(*alone))
        self.assertIn("Ann", [face["matches"][0]["name"] for face in line["faces"] if face["matches"]])
        self.identify()
        events = self.ask("GET", f"{C}/default/events?newest=1&limit=2")["events"]
        self.assertEqual([e["samples"] for e in events], [1, 1])  # one enrolled, one learned
        (found,) = self.ask("POST", "/recognize", photo, Content_Type="image/jpeg")["results"][:1]
        self.assertEqual(found["top_matches"][0]["identity"], "Ann")
        self.ask("POST", f"{C}/default/events/{events[0]['event']}/undo", {})
        (line,) = objects(mien(*alone))
        self.assertEqual([face["matches"] for face in line["faces"]], [[] for _ in line["faces"]])


if __name__ == "__main__":
    skip_or_run(unittest.main)
