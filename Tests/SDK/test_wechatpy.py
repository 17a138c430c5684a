"""The program's callback addresses, called with the encryption of wechatpy: another reading of the same scheme."""

import hashlib
import json
import os
import re
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
import xml.etree.ElementTree as ElementTree

import pytest
from wechatpy.enterprise.crypto import PrpCrypto, WeChatCrypto
from wechatpy.utils import WeChatSigner

CORP = "wwPYcorp0001"
AGENT = 1000002
# The callback settings of the application and of the bot: token and EncodingAESKey.
APP = ("tokenOfTheApp", "M7gMYkBJXYy6ISI6etq4rp2qcW5IbMHNNyKWUC0mNpk")
BOT = ("tokenOfTheBot", "jY2BSDMQNkOo5WdIqxI90MkWVavQkxq5ZfGzkAjisJs")
WELCOME = "Welcome! 欢迎 🎉 <b>&amp; ]]>"

CONFIGURATION = {
    "channels": {"wecom": {"accounts": {"desk": {
        "bot": {"mode": "webhook", "token": BOT[0], "encodingAESKey": BOT[1], "dm": {"policy": "open"}},
        "agent": {"corpId": CORP, "corpSecret": "not-real", "agentId": AGENT, "token": APP[0],
                  "encodingAESKey": APP[1], "welcomeText": WELCOME, "apiBaseUrl": "http://127.0.0.1:9",
                  "dm": {"policy": "open"}},
    }}}},
    "gateway": {"listen": "127.0.0.1:0", "admin": ""},
}


def signature(token, *parts):
    signer = WeChatSigner()
    signer.add_data(token, *parts)
    return signer.signature


class Program:
    """`wecom-aibot run`, as users start it."""

    def __init__(self, folder):
        path = folder / "config.json5"
        CONFIGURATION["gateway"]["stateDir"] = str(folder / "state")
        path.write_text(json.dumps(CONFIGURATION))
        self.log_path = folder / "run.log"
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(
                [os.environ["PROGRAM"], "run", "--config", path], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.port = self.until(r"callback listener is up .*address=127\.0\.0\.1:(\d+)")

    def until(self, pattern, seconds=30):
        """What a line of the log says."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            found = re.search(pattern, self.log_path.read_text(errors="replace"))
            if found:
                return found.group(1) if found.groups() else found.group(0)
            assert self.process.poll() is None, self.log_path.read_text(errors="replace")
            time.sleep(0.05)
        raise AssertionError(f"never logged: {pattern}\n{self.log_path.read_text(errors='replace')}")

    def ask(self, path, query, body=None):
        """Status and body."""
        address = f"http://127.0.0.1:{self.port}{path}?{urllib.parse.urlencode(query)}"
        data = None if body is None else body.encode()
        try:
            with urllib.request.urlopen(urllib.request.Request(address, data=data), timeout=10) as response:
                return response.status, response.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def verify(self, path, token, key, receiver, echo):
        encrypted = PrpCrypto(WeChatCrypto(token, key, receiver).key).encrypt(echo, receiver).decode()
        signed = signature(token, "1767225600", "nonce1", encrypted)
        return self.ask(path, {
            "msg_signature": signed, "timestamp": "1767225600", "nonce": "nonce1", "echostr": encrypted})

    def call_app(self, xml, nonce, receiver=CORP):
        """A callback of the application; status and answer."""
        envelope = WeChatCrypto(*APP, receiver).encrypt_message(xml, nonce, "1767225600")
        signed = ElementTree.fromstring(envelope).findtext("MsgSignature")
        return self.ask("/wecom/agent/desk", {"msg_signature": signed, "timestamp": "1767225600", "nonce": nonce},
                        envelope)

    def call_bot(self, message, nonce):
        """A callback of the bot; status and what the answer holds, decrypted."""
        crypto = PrpCrypto(WeChatCrypto(*BOT, "").key)
        encrypted = crypto.encrypt(json.dumps(message), "").decode()
        signed = signature(BOT[0], "1767225600", nonce, encrypted)
        status, body = self.ask(
            "/wecom/bot/desk", {"msg_signature": signed, "timestamp": "1767225600", "nonce": nonce},
            json.dumps({"encrypt": encrypted}))
        if status != 200 or not body:
            return status, body
        reply = json.loads(body)
        assert reply["nonce"] == nonce
        assert reply["msgsignature"] == signature(BOT[0], str(reply["timestamp"]), nonce, reply["encrypt"])
        return status, json.loads(crypto.decrypt(reply["encrypt"], ""))


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    running = Program(tmp_path_factory.mktemp("program"))
    try:
        yield running
    finally:
        running.process.terminate()
        assert running.process.wait(timeout=30) == 0
        log = running.log_path.read_text(errors="replace")
        for secret in (*APP, *BOT, "not-real"):
            assert secret not in log


def event(user, name, time=1767225703):
    return (f"<xml><ToUserName><![CDATA[{CORP}]]></ToUserName><FromUserName><![CDATA[{user}]]></FromUserName>"
            f"<CreateTime>{time}</CreateTime><MsgType><![CDATA[event]]></MsgType><Event><![CDATA[{name}]]></Event>"
            f"<AgentID>{AGENT}</AgentID></xml>")


@pytest.mark.parametrize("echo", ["1616140317555161061", "a", "汉字 with blanks ", "x" * 500])
def test_address_of_the_application_is_verified(program, echo):
    assert program.verify("/wecom/agent/desk", *APP, CORP, echo) == (200, echo)


def test_address_of_the_bot_is_verified(program):
    assert program.verify("/wecom/bot/desk", *BOT, "", "3141592653589793238") == (200, "3141592653589793238")


def test_keys_of_others_are_refused(program):
    assert program.verify("/wecom/agent/desk", *BOT, CORP, "1") == (401, "unauthorized: invalid signature")
    assert program.verify("/wecom/agent/desk", APP[0], BOT[1], CORP, "1") == (400, "decrypt failed")
    assert program.verify("/wecom/agent/desk", *APP, "wwOTHER", "1") == (400, "decrypt failed: receiveId mismatch")
    assert program.call_app(event("lin.wei", "enter_agent"), "n0", receiver="wwOTHER") == (
        400, "decrypt failed: receiveId mismatch")


def test_who_opens_the_application_is_welcomed_once(program):
    status, body = program.call_app(event("lin.wei", "enter_agent"), "nonce2")
    assert status == 200
    reply = ElementTree.fromstring(body)
    assert reply.findtext("Nonce") == "nonce2"
    # Raises for a signature or a receiver that does not fit.
    plain = WeChatCrypto(*APP, CORP).decrypt_message(
        body, reply.findtext("MsgSignature"), reply.findtext("TimeStamp"), reply.findtext("Nonce"))
    message = ElementTree.fromstring(plain)
    assert message.findtext("ToUserName") == "lin.wei"
    assert message.findtext("FromUserName") == CORP
    assert message.findtext("MsgType") == "text"
    assert message.findtext("Content") == WELCOME
    assert program.call_app(event("lin.wei", "enter_agent", 1767225999), "nonce3") == (200, "")


def test_message_to_the_application_is_taken_and_answered_empty(program):
    text = (f"<xml><ToUserName>{CORP}</ToUserName><FromUserName>mei.chen</FromUserName><CreateTime>1767225703"
            f"</CreateTime><MsgType>text</MsgType><Content><![CDATA[hi 你好]]></Content><MsgId>770001</MsgId>"
            f"<AgentID>{AGENT}</AgentID></xml>")
    assert program.call_app(text, "nonce4") == (200, "")
    assert program.call_app(text, "nonce5") == (200, "")
    program.until(r"message accepted.*770001|770001.*message accepted")


def test_message_to_the_bot_is_answered_with_a_bubble_that_refreshes_finish(program):
    person = {"userid": "lin.wei"}
    status, first = program.call_bot(
        {"msgid": "PY1", "aibotid": "aib1", "chattype": "single", "from": person, "msgtype": "text",
         "text": {"content": "ping 你好 🎉"}}, "nonce6")
    assert status == 200 and first["msgtype"] == "stream" and first["stream"]["id"]
    bubble = first["stream"]["id"]
    answer = first
    for number in range(100):
        if answer["stream"]["finish"]:
            break
        time.sleep(0.1)
        status, answer = program.call_bot(
            {"msgid": f"PYr{number}", "aibotid": "aib1", "chattype": "single", "from": person, "msgtype": "stream",
             "stream": {"id": bubble}}, f"nonceR{number}")
        assert status == 200 and answer["stream"]["id"] == bubble
    assert answer["stream"]["finish"] and "ping 你好 🎉" in answer["stream"]["content"]
    # The same message, signed anew, belongs to the same bubble.
    status, again = program.call_bot(
        {"msgid": "PY1", "aibotid": "aib1", "chattype": "single", "from": person, "msgtype": "text",
         "text": {"content": "ping 你好 🎉"}}, "nonce7")
    assert status == 200 and again["stream"]["id"] == bubble


def test_long_text_of_any_length_is_decrypted(program):
    # Every length of the last block, so every padding.
    for extra in range(33):
        text = "é" * 200 + "x" * extra
        digest = hashlib.sha256(text.encode()).hexdigest()[:8]
        status, reply = program.call_bot(
            {"msgid": f"PYL{digest}{extra}", "aibotid": "aib1", "chattype": "single", "from": {"userid": f"u.{extra}"},
             "msgtype": "text", "text": {"content": text}}, f"nonceL{extra}")
        assert status == 200 and reply["stream"]["id"]
