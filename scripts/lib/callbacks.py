"""Encryption of callbacks, as the platform does it: the standard library and the system's libcrypto only."""

import base64
import ctypes
import ctypes.util
import hashlib
import hmac
import json
import os
import struct

TOKEN = "tokenOfTheRig"
KEY = "M7gMYkBJXYy6ISI6etq4rp2qcW5IbMHNNyKWUC0mNpk"

_crypto = ctypes.CDLL(ctypes.util.find_library("crypto"))
_crypto.EVP_aes_256_cbc.restype = ctypes.c_void_p
_crypto.EVP_CIPHER_CTX_new.restype = ctypes.c_void_p
_crypto.EVP_CIPHER_CTX_free.argtypes = [ctypes.c_void_p]
_crypto.EVP_CIPHER_CTX_set_padding.argtypes = [ctypes.c_void_p, ctypes.c_int]
_crypto.EVP_CipherInit_ex.argtypes = [
    ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_int]
_crypto.EVP_CipherUpdate.argtypes = [
    ctypes.c_void_p, ctypes.c_char_p, ctypes.POINTER(ctypes.c_int), ctypes.c_char_p, ctypes.c_int]
_AES = _crypto.EVP_aes_256_cbc()


def _aes(key, content, encrypts):
    context = _crypto.EVP_CIPHER_CTX_new()
    try:
        _crypto.EVP_CipherInit_ex(context, _AES, None, key, key[:16], encrypts)
        _crypto.EVP_CIPHER_CTX_set_padding(context, 0)
        result = ctypes.create_string_buffer(len(content) + 16)
        length = ctypes.c_int()
        if not _crypto.EVP_CipherUpdate(context, result, ctypes.byref(length), content, len(content)):
            raise ValueError("not to be decrypted")
        return result.raw[:length.value]
    finally:
        _crypto.EVP_CIPHER_CTX_free(context)


class Keys:
    """One pair of callback settings."""

    def __init__(self, token=TOKEN, key=KEY, receiver=b""):
        self.token = token
        self.key = base64.b64decode(key + "=")
        self.receiver = receiver

    def signature(self, timestamp, nonce, encrypted):
        parts = sorted(part.encode() for part in (self.token, timestamp, nonce, encrypted))
        return hashlib.sha1(b"".join(parts)).hexdigest()

    def seal(self, message):
        """Base64 of the encrypted frame of some bytes."""
        frame = os.urandom(16) + struct.pack(">I", len(message)) + message + self.receiver
        pad = 32 - len(frame) % 32
        return base64.b64encode(_aes(self.key, frame + bytes([pad]) * pad, 1)).decode()

    def open(self, encrypted):
        """What a frame holds."""
        frame = _aes(self.key, base64.b64decode(encrypted, validate=True), 0)
        pad = frame[-1]
        if not 1 <= pad <= 32 or frame[-pad:] != bytes([pad]) * pad:
            raise ValueError("wrong padding")
        length = struct.unpack(">I", frame[16:20])[0]
        if frame[20 + length:-pad] != self.receiver:
            raise ValueError("wrong receiver")
        return frame[20:20 + length]

    def query(self, encrypted, nonce, timestamp="1767225600"):
        return f"msg_signature={self.signature(timestamp, nonce, encrypted)}&timestamp={timestamp}&nonce={nonce}"

    def callback(self, message, nonce):
        """Query and body of a bot's callback."""
        encrypted = self.seal(json.dumps(message).encode())
        return self.query(encrypted, nonce), json.dumps({"encrypt": encrypted}).encode()

    def reply(self, body, nonce):
        """What a bot's answer says, checked as the platform does; None for an empty one."""
        if not body:
            return None
        envelope = json.loads(body)
        wanted = self.signature(str(envelope["timestamp"]), nonce, envelope["encrypt"])
        if envelope["nonce"] != nonce or not hmac.compare_digest(envelope["msgsignature"], wanted):
            raise ValueError("wrong signature or nonce")
        return json.loads(self.open(envelope["encrypt"]))


def message(number, user, text="hello"):
    """Plain callback of a person's message."""
    return {"msgid": f"M{number}", "aibotid": "aibRIG", "chattype": "single", "from": {"userid": user},
            "msgtype": "text", "text": {"content": text}}


def refresh(number, user, stream):
    """Plain callback that asks for what a bubble shows by now."""
    return {"msgid": f"R{number}", "aibotid": "aibRIG", "chattype": "single", "from": {"userid": user},
            "msgtype": "stream", "stream": {"id": stream}}


def account(**bot):
    """Account of a bot in callback mode."""
    return {"bot": {"mode": "webhook", "token": TOKEN, "encodingAESKey": KEY, "dm": {"policy": "open"}, **bot}}
