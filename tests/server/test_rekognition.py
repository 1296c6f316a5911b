#!/usr/bin/env python3
"""Amazon Rekognition's clients: npm's SDK with nothing but its endpoint variable, Debian's boto3, and by hand
what they do not let through. Answers have the members and types of the service's own description."""
import base64
import json
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from npm import installed  # noqa: E402
from server import PHOTOS, Server, skip_or_run  # noqa: E402
from test_compreface import portraits  # noqa: E402

HERE = Path(__file__).parent
KEYS = "reader:reader-secret-000000:read@people\nowner:owner-secret-0000000\n"

try:
    import boto3
    import botocore.exceptions
    import botocore.loaders
except ImportError:
    boto3 = None


def client(server, name="any", secret="any-secret", **options):
    return boto3.client("rekognition", endpoint_url=server.url, region_name="us-east-1",
                        aws_access_key_id=name, aws_secret_access_key=secret, **options)


class Shapes:
    """botocore's description of the service, by which answers are checked: it is what the SDKs read by."""

    def __init__(self):
        self.service = botocore.loaders.Loader().load_service_model("rekognition", "service-2")

    def check(self, operation, value):
        shape = self.service["operations"][operation].get("output")
        if shape:
            self.walk(shape["shape"], value, operation)

    def walk(self, name, value, at):
        shape = self.service["shapes"][name]
        kind = shape["type"]
        if kind == "structure":
            assert isinstance(value, dict), (at, value)
            for key, inner in value.items():
                if key in shape["members"]:
                    self.walk(shape["members"][key]["shape"], inner, f"{at}.{key}")
            missing = set(shape.get("required", [])) - set(value)
            assert not missing, (at, missing)
        elif kind == "list":
            assert isinstance(value, list), (at, value)
            for inner in value:
                self.walk(shape["member"]["shape"], inner, f"{at}[]")
        elif kind == "string":
            assert isinstance(value, str), (at, value)
            assert value in shape.get("enum", [value]), (at, value)
        elif kind in ("integer", "long"):
            assert isinstance(value, int) and not isinstance(value, bool), (at, value)
        elif kind in ("float", "double", "timestamp"):
            assert isinstance(value, (int, float)) and not isinstance(value, bool), (at, value)
            assert shape.get("min", value) <= value <= shape.get("max", value), (at, value)
        elif kind == "boolean":
            assert isinstance(value, bool), (at, value)


class Case(unittest.TestCase):
    keys = False

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="mien-rekognition-")
        cls.addClassCleanup(folder.cleanup)
        cls.folder = Path(folder.name)
        (cls.folder / "keys").write_text(KEYS, encoding="utf-8")
        keys = [f"--keys={folder.name}/keys"] if cls.keys else []
        cls.server = Server(f"--gallery={folder.name}/g.db", "--api=rekognition", *keys)
        cls.addClassCleanup(cls.server.stop)
        if not cls.keys:
            cls.ann, cls.again, cls.bob = portraits(cls.server)
        cls.shapes = Shapes() if boto3 else None

    def raw(self, operation, body, status=200, kind=None, **headers):
        """An operation as an SDK sends it; the answer fits the description of the service."""
        headers = {"Content-Type": "application/x-amz-json-1.1",
                   "X-Amz-Target": f"RekognitionService.{operation}",
                   **{name.replace("_", "-"): value for name, value in headers.items()}}
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
        answer = self.server.ask("POST", "/", body, headers)
        self.assertEqual(answer.status, status, f"{operation}: {answer}")
        self.assertEqual(answer.headers["Content-Type"], "application/x-amz-json-1.1")
        value = answer.json
        if status == 200 and self.shapes and operation in self.shapes.service["operations"]:
            self.shapes.check(operation, value)
        elif status != 200:
            self.assertEqual(value["__type"], kind, value)
            self.assertTrue(value["Message"])
        return value

    @staticmethod
    def image(data):
        return {"Bytes": base64.b64encode(data).decode()}


class Node(Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        folder = installed("rekognition", HERE / "rekognition" / "package.json")
        if not folder:
            raise unittest.SkipTest("npm has no @aws-sdk/client-rekognition for us")
        pictures = []
        for name, data in (("ann.jpg", cls.ann), ("again.jpg", cls.again), ("bob.jpg", cls.bob)):
            (cls.folder / name).write_bytes(data)
            pictures.append(cls.folder / name)
        done = subprocess.run(["node", HERE / "rekognition" / "calls.mjs", folder, *pictures],
                              capture_output=True, check=False,
                              env={**os.environ, "AWS_ENDPOINT_URL_REKOGNITION": cls.server.url,
                                   "AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "a",
                                   "AWS_SECRET_ACCESS_KEY": "b"})
        assert done.returncode == 0, done.stderr.decode()
        cls.answers = json.loads(done.stdout)

    def named(self, name):
        return [one.get("value", (one.get("error"), one.get("status"))) for one in self.answers
                if one["name"] == name]

    def test_collections(self):
        made, again = self.named("CreateCollection")
        self.assertEqual((made["StatusCode"], again), (200, ("ResourceAlreadyExistsException", 400)))
        described, gone = self.named("DescribeCollection")
        self.assertEqual((described["FaceCount"], described["UserCount"], gone),
                         (2, 1, ("ResourceNotFoundException", 400)))
        self.assertEqual(self.named("DeleteCollection"), [{"StatusCode": 200}])

    def test_faces(self):
        first, second = self.named("IndexFaces")
        face = first["FaceRecords"][0]["Face"]
        self.assertEqual(face["ExternalImageId"], "ann.jpg")
        self.assertNotEqual(face["ImageId"], second["FaceRecords"][0]["Face"]["ImageId"])
        detail = first["FaceRecords"][0]["FaceDetail"]
        self.assertEqual(set(detail), {"BoundingBox", "Landmarks", "Pose", "Quality", "Confidence",
                                       "AgeRange", "Gender", "FaceOccluded"} & set(detail) | {
                                           "BoundingBox", "Landmarks", "Pose", "Quality", "Confidence",
                                           "AgeRange", "Gender"})
        listed, = self.named("ListFaces")
        self.assertEqual([one["FaceId"] for one in listed["Faces"]],
                         [one["FaceRecords"][0]["Face"]["FaceId"] for one in (first, second)])
        found, = self.named("SearchFaces")
        self.assertEqual(found["SearchedFaceId"], face["FaceId"])
        self.assertEqual([(one["Face"]["FaceId"], one["Face"]["UserId"]) for one in found["FaceMatches"]],
                         [(second["FaceRecords"][0]["Face"]["FaceId"], "Ann")])
        self.assertGreater(found["FaceMatches"][0]["Similarity"], 95)
        found, = self.named("SearchFacesByImage")
        self.assertEqual(len(found["FaceMatches"]), 2)
        self.assertGreater(found["FaceMatches"][0]["Similarity"], 99)

    def test_users(self):
        associated, = self.named("AssociateFaces")
        self.assertEqual((len(associated["AssociatedFaces"]), associated["UnsuccessfulFaceAssociations"],
                          associated["UserStatus"]), (2, [], "ACTIVE"))
        self.assertEqual(self.named("ListUsers")[0]["Users"], [{"UserId": "Ann", "UserStatus": "ACTIVE"}])
        ann, bob = self.named("SearchUsersByImage")
        self.assertEqual([one["User"]["UserId"] for one in ann["UserMatches"]], ["Ann"])
        self.assertEqual(bob["UserMatches"], [])

    def test_pictures(self):
        compared, = self.named("CompareFaces")
        self.assertEqual((len(compared["FaceMatches"]), compared["UnmatchedFaces"]), (1, []))
        good, bad = self.named("DetectFaces")
        self.assertEqual(len(good["FaceDetails"]), 1)
        self.assertEqual(bad, ("InvalidImageFormatException", 400))


@unittest.skipUnless(boto3, "Debian's python3-boto3 is not installed")
class Boto(Case):
    def test_everything_it_knows(self):
        aws = client(self.server)
        aws.create_collection(CollectionId="boto")
        self.assertEqual(aws.list_collections()["CollectionIds"], ["boto"])
        indexed = [aws.index_faces(CollectionId="boto", Image={"Bytes": data}, ExternalImageId=name)
                   for name, data in (("ann", self.ann), ("again", self.again), ("bob", self.bob))]
        ids = [one["FaceRecords"][0]["Face"]["FaceId"] for one in indexed]
        pages = list(aws.get_paginator("list_faces").paginate(CollectionId="boto", PaginationConfig={"PageSize": 2}))
        self.assertEqual([[face["FaceId"] for face in page["Faces"]] for page in pages], [ids[:2], ids[2:]])
        again = aws.index_faces(CollectionId="boto", Image={"Bytes": self.ann}, ExternalImageId="ann")
        self.assertEqual(again["FaceRecords"][0]["Face"]["FaceId"], ids[0])
        found = aws.search_faces(CollectionId="boto", FaceId=ids[0])["FaceMatches"]
        self.assertEqual([one["Face"]["FaceId"] for one in found], ids[1:2])
        everybody = aws.search_faces(CollectionId="boto", FaceId=ids[0], FaceMatchThreshold=0)["FaceMatches"]
        self.assertEqual([one["Face"]["ExternalImageId"] for one in everybody], ["again", "bob"])
        self.assertLess(everybody[1]["Similarity"], 80)
        self.assertEqual(aws.delete_faces(CollectionId="boto", FaceIds=ids[:1])["DeletedFaces"], ids[:1])
        described = aws.describe_collection(CollectionId="boto")
        self.assertEqual(described["FaceCount"], 2)
        self.assertEqual(described["CreationTimestamp"].year // 100, 20)
        with self.assertRaises(aws.exceptions.ResourceNotFoundException):
            aws.list_faces(CollectionId="nothing")
        with self.assertRaises(aws.exceptions.InvalidParameterException):
            aws.search_faces(CollectionId="boto", FaceId=ids[0])
        with self.assertRaises(aws.exceptions.ResourceAlreadyExistsException):
            aws.create_collection(CollectionId="boto")
        labels = aws.detect_labels(Image={"Bytes": PHOTOS[0].read_bytes()}, MinConfidence=10)["Labels"]
        self.assertEqual(labels[0]["Name"], "military uniform")
        aws.delete_collection(CollectionId="boto")
        self.assertEqual(aws.list_collections()["CollectionIds"], [])


class ByHand(Case):
    def test_users(self):
        at = {"CollectionId": "users"}
        self.raw("CreateCollection", at)
        ids = [self.raw("IndexFaces", {**at, "Image": self.image(data)})["FaceRecords"][0]["Face"]["FaceId"]
               for data in (self.ann, self.again, self.bob)]
        for user in ("Ann", "Bob", "Nobody"):
            self.assertEqual(self.raw("CreateUser", {**at, "UserId": user}), {})
        self.raw("CreateUser", {**at, "UserId": "Ann"}, 400, "ConflictException")
        join = lambda user, *faces, **more: self.raw("AssociateFaces", {**at, "UserId": user,
                                                                        "FaceIds": list(faces), **more})
        self.assertEqual(join("Bob", ids[2])["AssociatedFaces"], [{"FaceId": ids[2]}])
        mixed = join("Ann", *ids, "00000000-0000-0000-0000-000000000000")
        self.assertEqual([one["FaceId"] for one in mixed["AssociatedFaces"]], ids[:2])
        self.assertEqual([one["Reasons"] for one in mixed["UnsuccessfulFaceAssociations"]],
                         [["ASSOCIATED_TO_A_DIFFERENT_USER"], ["FACE_NOT_FOUND"]])
        leave = self.raw("DisassociateFaces", {**at, "UserId": "Bob", "FaceIds": ids[1:]})
        self.assertEqual(leave["DisassociatedFaces"], [{"FaceId": ids[2]}])
        self.assertEqual(leave["UserStatus"], "CREATED")
        low = join("Ann", ids[2])["UnsuccessfulFaceAssociations"][0]
        self.assertEqual(low["Reasons"], ["LOW_MATCH_CONFIDENCE"])
        self.assertLess(low["Confidence"], 75)
        self.assertEqual(len(join("Ann", ids[2], UserMatchThreshold=0)["AssociatedFaces"]), 1)
        self.raw("DisassociateFaces", {**at, "UserId": "Ann", "FaceIds": ids[2:]})
        join("Bob", ids[2])
        found = self.raw("SearchUsers", {**at, "FaceId": ids[0]})
        self.assertEqual([one["User"]["UserId"] for one in found["UserMatches"]], ["Ann"])
        found = self.raw("SearchUsers", {**at, "UserId": "Ann", "UserMatchThreshold": 0})
        self.assertEqual([one["User"]["UserId"] for one in found["UserMatches"]], ["Bob"])
        self.assertEqual(found["SearchedUser"], {"UserId": "Ann"})
        self.assertEqual(self.raw("SearchUsers", {**at, "UserId": "Nobody"})["UserMatches"], [])
        self.assertEqual([one["FaceId"] for one in self.raw("ListFaces", {**at, "UserId": "Ann"})["Faces"]],
                         ids[:2])
        page = self.raw("ListUsers", {**at, "MaxResults": 2})
        rest = self.raw("ListUsers", {**at, "MaxResults": 2, "NextToken": page["NextToken"]})
        self.assertEqual([one["UserId"] for one in page["Users"] + rest["Users"]], ["Ann", "Bob", "Nobody"])
        self.assertNotIn("NextToken", rest)
        self.assertEqual(self.raw("DeleteUser", {**at, "UserId": "Ann"}), {})
        self.assertEqual(self.raw("DescribeCollection", at)["FaceCount"], 3)
        self.assertNotIn("UserId", self.raw("ListFaces", at)["Faces"][0])
        self.raw("DeleteUser", {**at, "UserId": "Ann"}, 400, "ResourceNotFoundException")
        gone = self.raw("DeleteFaces", {**at, "FaceIds": [*ids, "no-id"]})
        self.assertEqual((gone["DeletedFaces"], gone["UnsuccessfulFaceDeletions"][0]["Reasons"]),
                         (ids, ["FACE_NOT_FOUND"]))
        self.raw("DeleteCollection", at)

    def test_what_is_left_out_is_said(self):
        at = {"CollectionId": "several"}
        self.raw("CreateCollection", at)
        photo = self.image(PHOTOS[0].read_bytes())
        found = self.raw("IndexFaces", {**at, "Image": photo, "MaxFaces": 1})
        self.assertEqual(len(found["FaceRecords"]), 1)
        self.assertEqual([one["Reasons"] for one in found["UnindexedFaces"]], [["EXCEEDS_MAX_FACES"]] * 2)
        box = lambda record: (lambda b: b["Width"] * b["Height"])(record["FaceDetail"]["BoundingBox"])
        self.assertGreater(box(found["FaceRecords"][0]), max(box(one) for one in found["UnindexedFaces"]))
        from io import BytesIO

        from PIL import Image, ImageFilter
        out = BytesIO()
        Image.open(BytesIO(self.ann)).filter(ImageFilter.GaussianBlur(9)).save(out, "PNG")
        blurred = self.image(out.getvalue())
        found = self.raw("IndexFaces", {**at, "Image": blurred})
        self.assertEqual(found["FaceRecords"], [])
        self.assertIn("LOW_SHARPNESS", found["UnindexedFaces"][0]["Reasons"])
        self.assertEqual(len(self.raw("IndexFaces", {**at, "Image": blurred, "QualityFilter": "NONE"})
                             ["FaceRecords"]), 1)
        compared = self.raw("CompareFaces", {"SourceImage": photo, "TargetImage": photo})
        self.assertEqual((len(compared["FaceMatches"]), len(compared["UnmatchedFaces"])), (1, 2))
        self.raw("DeleteCollection", at)

    def test_errors(self):
        invalid = "InvalidParameterException"
        image = self.image(self.ann)
        for operation, body, kind in (
                ("Nothing", {}, "UnknownOperationException"),
                ("DetectFaces", b"{", "SerializationException"),
                ("DetectFaces", b"[]", "SerializationException"),
                ("DetectFaces", {}, invalid),
                ("DetectFaces", {"Image": {"Bytes": "x"}}, invalid),
                ("DetectFaces", {"Image": {"Bytes": ""}}, invalid),
                ("DetectFaces", {"Image": self.image(b"no picture")}, "InvalidImageFormatException"),
                ("DetectFaces", {"Image": self.image(b"x" * 5242881)}, "ImageTooLargeException"),
                ("DetectFaces", {"Image": {"S3Object": {"Bucket": "b", "Name": "n"}}},
                 "InvalidS3ObjectException"),
                ("DetectFaces", {"Image": image, "Attributes": ["HAIR"]}, invalid),
                ("CreateCollection", {"CollectionId": "a b"}, invalid),
                ("CreateCollection", {"CollectionId": "x" * 256}, invalid),
                ("CreateCollection", {"CollectionId": 3}, invalid),
                ("DescribeCollection", {"CollectionId": "nothing"}, "ResourceNotFoundException"),
                ("IndexFaces", {"CollectionId": "nothing", "Image": image}, "ResourceNotFoundException"),
                ("IndexFaces", {"CollectionId": "default", "Image": image, "MaxFaces": 0}, invalid),
                ("IndexFaces", {"CollectionId": "default", "Image": image, "QualityFilter": "X"}, invalid),
                ("SearchFaces", {"CollectionId": "default", "FaceId": "x"}, invalid),
                ("SearchFacesByImage", {"CollectionId": "default", "Image": image, "MaxFaces": 5000}, invalid),
                ("ListFaces", {"CollectionId": "default", "NextToken": "x"}, "InvalidPaginationTokenException"),
                ("DeleteFaces", {"CollectionId": "default", "FaceIds": []}, invalid),
                ("SearchUsers", {"CollectionId": "default"}, invalid),
                ("AssociateFaces", {"CollectionId": "default", "UserId": "x", "FaceIds": ["y"]},
                 "ResourceNotFoundException")):
            self.raw(operation, body, 400, kind)
        answer = self.server.ask("POST", "/", b"{}", {"Content-Type": "application/x-amz-json-1.1"})
        self.assertEqual((answer.status, answer.json["__type"]), (400, "UnknownOperationException"))


@unittest.skipUnless(boto3, "Debian's python3-boto3 is not installed")
class Signed(Case):
    keys = True

    def test_signatures(self):
        owner = client(self.server, "owner", "owner-secret-0000000")
        owner.create_collection(CollectionId="people")
        reader = client(self.server, "reader", "reader-secret-000000")
        self.assertEqual(reader.list_collections()["CollectionIds"], ["people"])
        with self.assertRaises(reader.exceptions.AccessDeniedException):
            reader.create_collection(CollectionId="mine")
        with self.assertRaises(reader.exceptions.AccessDeniedException):
            reader.delete_collection(CollectionId="people")
        for name, secret, code in (("owner", "another-secret-000", "InvalidSignatureException"),
                                   ("nobody", "owner-secret-0000000", "UnrecognizedClientException")):
            with self.assertRaises(botocore.exceptions.ClientError) as caught:
                client(self.server, name, secret).list_collections()
            self.assertEqual(caught.exception.response["Error"]["Code"], code)
        self.raw("ListCollections", {}, 400, "MissingAuthenticationTokenException")
        self.raw("ListCollections", {}, 400, "IncompleteSignatureException",
                 Authorization="AWS4-HMAC-SHA256 Credential=owner/20150830/x/rekognition/aws4_request")
        self.raw("ListCollections", {}, 400, "InvalidSignatureException", X_Amz_Date="20150830T123600Z",
                 Authorization="AWS4-HMAC-SHA256 Credential=owner/20150830/x/rekognition/aws4_request, "
                               "SignedHeaders=host;x-amz-date, Signature=" + "0" * 64)
        self.assertEqual(self.raw("ListCollections", {}, x_api_key="owner-secret-0000000")["CollectionIds"],
                         ["people"])


if __name__ == "__main__":
    skip_or_run(unittest.main)
