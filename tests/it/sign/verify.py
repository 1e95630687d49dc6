"""Verifies a layout by other people's programs: DSSE by securesystemslib, the shapes of bundles and statements by
sigstore's and in-toto's models, a classic signature by what cryptography makes of it. Prints what holds."""

import base64
import json
import sys

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from google.protobuf import json_format
from in_toto_attestation.predicates.provenance.v1 import provenance_pb2
from in_toto_attestation.v1 import statement_pb2
from in_toto_attestation.v1.statement import Statement
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import VerificationError
from securesystemslib.signer import SSlibKey
from sigstore_models.bundle.v1 import Bundle

layout, public = sys.argv[1:]
raw = load_pem_public_key(open(public, "rb").read())
key = SSlibKey.from_crypto(raw)
# It takes only signatures with the key's id, which DSSE does not ask for, and cosign leaves empty.
key.keyid = ""


def blob(descriptor):
    return open(f"{layout}/blobs/sha256/{descriptor['digest'][7:]}", "rb").read()


def verdict(envelope, subject):
    try:
        Envelope.verify(envelope, [key], 1)
    except VerificationError:
        return "not by this key"
    payload = json_format.Parse(envelope.payload, statement_pb2.Statement())
    # Its model wants a predicate that is not empty; that of cosign's signatures is.
    if payload.predicate_type != "https://sigstore.dev/cosign/sign/v1":
        Statement.copy_from_pb(payload).validate()
    if payload.subject[0].digest["sha256"] != subject:
        return "about another image"
    if payload.predicate_type == "https://slsa.dev/provenance/v1":
        predicate = json.dumps(json.loads(envelope.payload)["predicate"])
        json_format.Parse(predicate, provenance_pb2.Provenance())
    return payload.predicate_type


names, said = {}, []
for entry in json.load(open(f"{layout}/index.json"))["manifests"]:
    name = entry.get("annotations", {}).get("org.opencontainers.image.ref.name", "")
    names.setdefault(entry["digest"][7:], name)
for entry in json.load(open(f"{layout}/index.json"))["manifests"]:
    name = entry.get("annotations", {}).get("org.opencontainers.image.ref.name", "")
    manifest = json.loads(blob(entry))
    if entry.get("artifactType") == "application/vnd.dev.sigstore.bundle.v0.3+json":
        subject = manifest["subject"]["digest"][7:]
        [layer] = manifest["layers"]
        Bundle.from_json(blob(layer))
        envelope = Envelope.from_dict(json.loads(blob(layer))["dsseEnvelope"])
        said.append(f"{names[subject]} bundle {verdict(envelope, subject)}")
    elif name.endswith(".att"):
        subject = name.split("sha256-")[1][:64]
        for layer in manifest["layers"]:
            envelope = Envelope.from_dict(json.loads(blob(layer)))
            said.append(f"{names[subject]} .att {verdict(envelope, subject)}")
    elif name.endswith(".sig"):
        subject = name.split("sha256-")[1][:64]
        for layer in manifest["layers"]:
            signature = base64.b64decode(layer["annotations"]["dev.cosignproject.cosign/signature"])
            try:
                raw.verify(signature, blob(layer), ec.ECDSA(hashes.SHA256()))
                critical = json.loads(blob(layer))["critical"]
                holds = critical["image"]["docker-manifest-digest"] == f"sha256:{subject}"
                holds = critical["identity"]["docker-reference"] if holds else "about another image"
            except InvalidSignature:
                holds = "not by this key"
            said.append(f"{names[subject]} .sig {holds}")
print("\n".join(sorted(said)))
