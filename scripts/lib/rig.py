"""A simulator, the program and their processes, for the rigs beside this file. Standard library only."""

import base64
import collections
import json
import os
import pathlib
import re
import statistics
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
ANSWER = ROOT / "fixtures" / "reliability" / "answer.py"
BOT = "aibRIGtest0001"
SECRET = "RIG-SECRET-not-real"


def find_program(named=None):
    """The program that was named, else the newest build, release builds first."""
    if named:
        return pathlib.Path(named).resolve()
    folders = [ROOT / ".build-release" / "release", ROOT / ".build" / "release", ROOT / ".build" / "debug"]
    for folder in folders:
        if os.access(folder / "wecom-aibot", os.X_OK):
            return folder / "wecom-aibot"
    raise SystemExit("wecom-aibot is not built: swift build -c release --product wecom-aibot")


def wait_for(condition, seconds, what, step=0.1):
    """Asks until it is true; what it said, or an error that names what did not happen."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(step)
    raise SystemExit(f"in {seconds} s not happened: {what}")


def bot_id(number):
    """Id of bot 1, 2, … as `simulate --bots` makes them."""
    return BOT if number == 1 else f"{BOT}-{number}"


class Platform:
    """`wecom-aibot simulate` and its control API."""

    def __init__(self, program, bots=1):
        command = [program, "simulate", "--listen", "127.0.0.1:0", "--bot-id", BOT, "--secret", SECRET,
                   "--bots", str(bots)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit("the simulator did not start")
        self.address = json.loads(line)["listening"]

    def request(self, method, path, body=None, seconds=120):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"http://{self.address}{path}", data=data, method=method)
        with urllib.request.urlopen(request, timeout=seconds) as response:
            return json.loads(response.read())

    def get(self, path, **query):
        return self.request("GET", path + "?" + urllib.parse.urlencode(query))

    def post(self, path, **body):
        return self.request("POST", path, body)

    def faults(self, faults):
        self.request("POST", "/api/faults", faults)

    def connected(self):
        return sum(bot["connected"] for bot in self.get("/api/state")["bots"])

    def shown(self, bot, user):
        """What the bot shows to a person."""
        return [entry for entry in self.get("/api/view", bot=bot, user=user)["entries"] if entry["from"] == "bot"]

    def download(self, path):
        with urllib.request.urlopen(f"http://{self.address}{path}", timeout=120) as response:
            return response.read()

    def end(self):
        self.process.terminate()
        self.process.wait(20)


def media(name, content):
    return {"name": name, "base64": base64.b64encode(content).decode()}


class Gateway:
    """`wecom-aibot run` in a folder."""

    def __init__(self, program, folder, configuration):
        self.program = program
        self.folder = pathlib.Path(folder)
        self.path = self.folder / "config.json5"
        # JSON is JSON5.
        self.path.write_text(json.dumps(configuration, indent=2))
        self.log_path = self.folder / "run.log"
        self.log = open(self.log_path, "ab")
        self.process = subprocess.Popen(
            [program, "run", "--config", self.path], stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log,
            cwd=folder)

    def wait_online(self, platform, bots):
        """Waits until so many bots are connected; a program that ends before is an error with its last words."""
        def online():
            if self.process.poll() is not None:
                words = self.log_path.read_text(errors="replace")[-600:]
                raise SystemExit(f"the program ended with status {self.process.returncode}: {words}")
            return platform.connected() == bots

        wait_for(online, 60, f"{bots} bots online")

    def callback_port(self):
        """Port of the callback listener, once it is up."""
        def port():
            if self.process.poll() is not None:
                words = self.log_path.read_text(errors="replace")[-600:]
                raise SystemExit(f"the program ended with status {self.process.returncode}: {words}")
            return re.search(r"callback listener is up .*address=127\.0\.0\.1:(\d+)",
                             self.log_path.read_text(errors="replace"))

        return int(wait_for(port, 60, "the callback listener is up").group(1))

    def status(self):
        """The numbers of /proc/PID/status, in kB where it is memory."""
        text = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return {name: int(value) for name, value in re.findall(r"^(\w+):\s+(\d+)", text, re.MULTILINE)}

    def sample(self):
        """Resident memory in kB, descriptors, threads; None once it has ended."""
        try:
            status = self.status()
            descriptors = len(os.listdir(f"/proc/{self.process.pid}/fd"))
            return status["VmRSS"], descriptors, status["Threads"]
        except (OSError, KeyError):
            return None

    def descriptors(self):
        """What its descriptors are: {kind or file name: count}."""
        folder = pathlib.Path(f"/proc/{self.process.pid}/fd")
        kinds = collections.Counter()
        for entry in folder.iterdir():
            try:
                kinds[re.sub(r":\[\d+\]$", "", os.readlink(entry).replace(str(self.folder), "."))] += 1
            except OSError:
                pass  # Closed in the meantime.
        return kinds

    def forget_peak(self):
        """Lets the peak of resident memory (VmHWM) start at what is resident now."""
        pathlib.Path(f"/proc/{self.process.pid}/clear_refs").write_text("5")

    def has(self, command):
        """Whether this build has a command."""
        text = subprocess.run([self.program, "--help"], capture_output=True, text=True, timeout=60).stdout
        return re.search(rf"^  {command}\b", text, re.MULTILINE) is not None

    def trace(self, message):
        """What the ledger says about a message, a list of tasks; None when it does not know it."""
        outcome = subprocess.run(
            [self.program, "trace", "--config", self.path, "--json", message], capture_output=True, text=True,
            stdin=subprocess.DEVNULL, timeout=60)
        return json.loads(outcome.stdout)["stories"] if outcome.returncode == 0 else None

    def end(self):
        """Stops it as an operator would; the exit status, or None when it had to be killed."""
        self.process.terminate()
        try:
            return self.process.wait(40)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            return None
        finally:
            self.log.close()


def names_duplicate(stories):
    """Whether the ledger says that a person may have seen something twice."""
    return any(story["handedOver"] or part["attempts"] > 1 or part["possibleDuplicate"]
               or part["state"] in ("assumed", "unknown") for story in stories or [] for part in story["parts"])


def account(platform, number=1, **bot):
    """An account for bot 1, 2, …"""
    return {
        "name": "Build Helper" if number == 1 else f"Build Helper-{number}",
        "bot": {"botId": bot_id(number), "secret": SECRET, "wsUrl": f"ws://{platform.address}",
                "dm": {"policy": "open"}, **bot},
    }


def gateway(folder, **more):
    """The `gateway` part of a configuration."""
    return {"stateDir": str(pathlib.Path(folder) / "state"), "listen": "", "admin": "127.0.0.1:0", **more}


def median(values):
    return statistics.median(values) if values else 0
