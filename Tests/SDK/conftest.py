"""Starts one simulator for all tests and gives each test people and a group of its own."""

import base64
import itertools
import json
import os
import pathlib
import shlex
import shutil
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request

import certifi
import pytest

BOT_ID = "aibSDKtest0001"
SECRET = "SDK-SECRET-not-real"


class Platform:
    """The simulator's control API."""

    def __init__(self, address, tls_address):
        self.base = f"http://{address}"
        self.ws_url = f"ws://{address}"
        self.wss_url = f"wss://{tls_address}"

    def request(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.base + path, data=data, method=method)
        with urllib.request.urlopen(request, timeout=30) as response:
            return json.loads(response.read())

    def get(self, path, **query):
        return self.request("GET", path + "?" + urllib.parse.urlencode(query))

    def post(self, path, **body):
        return self.request("POST", path, body)

    def message(self, user, type, **more):
        return self.post("/api/messages", bot=BOT_ID, user=user, type=type, **more)

    def view(self, user, group=None):
        query = {"bot": BOT_ID, "user": user}
        if group:
            query["group"] = group
        return self.get("/api/view", **query)["entries"]

    def bubbles(self, user, group=None):
        """What the bot shows in a conversation."""
        return [entry for entry in self.view(user, group) if entry["from"] == "bot"]

    def download(self, path):
        with urllib.request.urlopen(self.base + path, timeout=30) as response:
            return response.read()

    def until(self, condition, seconds=10):
        """Waits for something that another thread of the simulator is about to do."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if condition():
                return
            time.sleep(0.02)
        raise AssertionError("did not happen in time")


def media(name, content):
    return {"name": name, "base64": base64.b64encode(content).decode()}


def trust(ca_file):
    """Appends the simulator's authority to the certifi bundle of this test environment."""
    bundle = pathlib.Path(certifi.where())
    pristine = bundle.with_suffix(".pristine")
    if not pristine.exists():
        shutil.copyfile(bundle, pristine)
    bundle.write_text(pristine.read_text() + "\n" + pathlib.Path(ca_file).read_text())


@pytest.fixture(scope="session")
def platform(tmp_path_factory):
    ca_file = tmp_path_factory.mktemp("simulator") / "ca.pem"
    command = shlex.split(os.environ["SIMULATOR_CMD"]) + [
        "--listen", "127.0.0.1:0", "--tls-listen", "127.0.0.1:0", "--ca-out", str(ca_file),
        "--bot-id", BOT_ID, "--secret", SECRET,
    ]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        ready = json.loads(process.stdout.readline())
        trust(ca_file)
        yield Platform(ready["listening"], ready["tls"])
    finally:
        process.terminate()
        assert process.wait(timeout=10) == 0


NUMBERS = itertools.count(1)


@pytest.fixture
def user(platform):
    """A new person, so that no test eats another one's quota."""
    name = f"user.{next(NUMBERS)}"
    platform.post("/api/users", id=name, name=name)
    return name


@pytest.fixture
def group(platform, user):
    chat = f"wrSDKgroup{next(NUMBERS)}"
    platform.post("/api/groups", id=chat, name="SDK", members=[user])
    return chat
