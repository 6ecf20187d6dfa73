"""A member written in Python from proto/ alone: enrols, subscribes, gets keys, reads frames. The stubs are generated here."""
import base64
import importlib
import os
import shutil
import subprocess
import sys
import tempfile

import grpc
from cryptography import x509
from cryptography.hazmat.primitives import hashes, hmac, serialization
from cryptography.hazmat.primitives.asymmetric import ec, x25519
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF, HKDFExpand
from cryptography.x509.oid import NameOID

PROTO = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "proto")
SERVER_NAME = "replicast"  # every server's certificate has this DNS name; the CA in the token is what is trusted


def generate_stubs():
    """Generates Python code for every proto into a temporary folder and puts that on the path."""
    folder = tempfile.mkdtemp(prefix="replicast-stubs-")
    protos = [os.path.join("replicast", "v1", name) for name in os.listdir(os.path.join(PROTO, "replicast", "v1")) if name.endswith(".proto")]
    plugin = shutil.which("grpc_python_plugin")
    subprocess.run(["protoc", "-I", PROTO, f"--plugin=protoc-gen-grpc_python={plugin}", f"--python_out={folder}", f"--grpc_python_out={folder}", *protos],
                   check=True)
    sys.path.insert(0, folder)
    return folder


STUBS = generate_stubs()


def module(name):
    return importlib.import_module("replicast.v1." + name)


class Member:
    """An enrolled member with its keys and a channel to the member port."""

    def __init__(self, token_text, name="python member"):
        kind, _, body = token_text.partition(".")
        assert kind == "replicast1", token_text
        self.token = module("tokens_pb2").JoinToken.FromString(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
        self.ca = x509.load_der_x509_certificate(self.token.ca_certificate).public_bytes(serialization.Encoding.PEM)
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.x25519 = x25519.X25519PrivateKey.generate()
        self.enrol(name)

    def options(self):
        return [("grpc.ssl_target_name_override", SERVER_NAME), ("grpc.max_receive_message_length", 16 << 20)]

    def enrol(self, name):
        request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        request = request.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)
        public = self.x25519.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        credentials = grpc.ssl_channel_credentials(self.ca)
        with grpc.secure_channel(self.token.enrolment_addresses[0], credentials, self.options()) as channel:
            pb = module("registration_service_pb2")
            self.enrolled = module("registration_service_pb2_grpc").RegistrationServiceStub(channel).Enroll(
                pb.EnrollRequest(token_id=self.token.id, token_secret=self.token.secret, certificate_request=request, x25519_public_key=public,
                                 display_name=name), timeout=10)
        certificate = x509.load_der_x509_certificate(self.enrolled.certificate).public_bytes(serialization.Encoding.PEM)
        key = self.key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        self.channel = grpc.secure_channel(self.token.member_addresses[0], grpc.ssl_channel_credentials(self.ca, key, certificate), self.options())

    def stub(self, service):
        """service("changes", "ChangesService") style: the stub of one service."""
        name = "".join("_" + c.lower() if c.isupper() else c for c in service).lstrip("_")
        return getattr(module(f"{name}_pb2_grpc"), service + "Stub")(self.channel)

    def subscribe(self, dataset, **fields):
        pb = module("authorization_service_pb2")
        return self.stub("AuthorizationService").Subscribe(pb.SubscribeRequest(dataset=dataset, request_id=os.urandom(16), **fields), timeout=10)

    def keys(self, grant):
        """The opened KeyBundle; signature and seal are checked."""
        pb = module("key_exchange_service_pb2")
        answer = self.stub("KeyExchangeService").GetKeys(pb.GetKeysRequest(stream_id=grant.stream_id), timeout=10)
        member = self.enrolled.member_id
        Ed25519PublicKey.from_public_bytes(grant.key_signing_public_key).verify(answer.signature, b"replicast.v1 keys\0" + member + answer.sealed_bundle)
        return pb.KeyBundle.FromString(hpke_open(self.x25519, b"replicast.v1 keys\0" + member, answer.sealed_bundle))


def hpke_open(private, info, sealed):
    """RFC 9180, base mode, DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM, single message."""
    def extract(salt, suite, label, material):
        mac = hmac.HMAC(salt or bytes(32), hashes.SHA256())
        mac.update(b"HPKE-v1" + suite + label + material)
        return mac.finalize()

    def expand(secret, suite, label, material, size):
        return HKDFExpand(hashes.SHA256(), size, size.to_bytes(2, "big") + b"HPKE-v1" + suite + label + material).derive(secret)

    encapsulated, cipher = sealed[:32], sealed[32:]
    kem, suite = b"KEM" + bytes([0, 0x20]), b"HPKE" + bytes([0, 0x20, 0, 1, 0, 2])
    public = private.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    shared = private.exchange(x25519.X25519PublicKey.from_public_bytes(encapsulated))
    secret = expand(extract(b"", kem, b"eae_prk", shared), kem, b"shared_secret", encapsulated + public, 32)
    context = b"\0" + extract(b"", suite, b"psk_id_hash", b"") + extract(b"", suite, b"info_hash", info)
    schedule = extract(secret, suite, b"secret", b"")
    return AESGCM(expand(schedule, suite, b"key", context, 32)).decrypt(expand(schedule, suite, b"base_nonce", context, 12), cipher, b"")


class FrameKey:
    """The AEAD of one epoch of one stream (FORMAT.md, "Keys")."""

    def __init__(self, stream_id, epoch, secret):
        self.stream_id, self.epoch, self.secret = stream_id, epoch, secret

    def derived(self, sequence):
        info = b"replicast.v1 frame\0" + self.stream_id.to_bytes(4, "big") + (sequence >> 22).to_bytes(8, "big")
        material = HKDF(hashes.SHA256(), 44, b"", info).derive(self.secret)
        nonce = bytes(a ^ b for a, b in zip(material[32:], bytes(4) + sequence.to_bytes(8, "big")))
        return AESGCM(material[:32]), nonce, self.stream_id.to_bytes(4, "big") + self.epoch.to_bytes(4, "big") + sequence.to_bytes(8, "big")

    def seal(self, sequence, payload):
        aead, nonce, associated = self.derived(sequence)
        frame = module("frames_pb2").Frame(stream_id=self.stream_id, key_epoch=self.epoch, sequence=sequence, sealed=aead.encrypt(nonce, payload, associated))
        return frame.SerializeToString()

    def open(self, frame):
        aead, nonce, associated = self.derived(frame.sequence)
        return module("frames_pb2").Payload.FromString(aead.decrypt(nonce, frame.sealed, associated))
