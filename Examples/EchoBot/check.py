#!/usr/bin/env python3
"""Runs the example against the simulator: it must answer in a direct chat and in a group. Both must have been built."""

import json
import os
import pathlib
import signal
import subprocess
import sys
import time
import urllib.parse
import urllib.request

BUILD = pathlib.Path(__file__).resolve().parent.parent.parent / ".build" / "debug"
BOT = "aibExample0001"
SECRET = "EXAMPLE-SECRET-not-real"
LIMIT = 20


def call(base, path, body=None, **query):
    url = base + path + ("?" + urllib.parse.urlencode(query) if query else "")
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(url, data=data), timeout=10) as response:
        return json.loads(response.read())


def until(condition, what):
    deadline = time.monotonic() + LIMIT
    while time.monotonic() < deadline:
        result = condition()
        if result:
            return result
        time.sleep(0.05)
    raise AssertionError(f"{what} did not happen within {LIMIT} s")


def sealed(base, **where):
    entries = call(base, "/api/view", bot=BOT, **where)["entries"]
    return [entry for entry in entries if entry["from"] == "bot" and entry["finished"]]


def direct_chat_is_answered(base):
    call(base, "/api/messages", {"bot": BOT, "user": "zhao.min", "type": "text", "text": "good morning 早上好"})
    answer = until(lambda: sealed(base, user="zhao.min"), "an answer")[0]
    assert answer["content"].rstrip() == "You said: good morning 早上好", answer


def mention_in_a_group_is_answered_without_its_name(base):
    call(base, "/api/groups", {"id": "wrExampleGroup", "name": "Example", "members": ["zhao.min"]})
    call(base, "/api/messages", {
        "bot": BOT, "user": "zhao.min", "group": "wrExampleGroup", "type": "text", "text": "hello"})
    answer = until(lambda: sealed(base, user="zhao.min", group="wrExampleGroup"), "an answer")[0]
    assert answer["content"].rstrip() == "You said: hello", answer


def missing_credentials_are_named(_):
    environment = {key: value for key, value in os.environ.items() if not key.startswith("WECOM_")}
    run = subprocess.run([BUILD / "example-echo-bot"], env=environment, capture_output=True, text=True, timeout=LIMIT)
    assert run.returncode == 2 and "WECOM_BOT_ID" in run.stdout, run


def stop(process):
    """Ends a process that this script started."""
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def main():
    begin = time.monotonic()
    failed = 0
    checks = [
        direct_chat_is_answered, mention_in_a_group_is_answered_without_its_name, missing_credentials_are_named]
    simulator = subprocess.Popen(
        [BUILD / "wecom-aibot", "simulate", "--listen", "127.0.0.1:0", "--bot-id", BOT, "--secret", SECRET,
         "--bot-name", "Echo"],
        stdout=subprocess.PIPE, text=True)
    bot = None
    try:
        address = json.loads(simulator.stdout.readline())["listening"]
        base = f"http://{address}"
        bot = subprocess.Popen([BUILD / "example-echo-bot"], env=dict(
            os.environ, WECOM_BOT_ID=BOT, WECOM_BOT_SECRET=SECRET, WECOM_WS_URL=f"ws://{address}"))
        until(lambda: call(base, "/api/state")["bots"][0]["connected"], "a subscription")
        call(base, "/api/users", {"id": "zhao.min", "name": "Zhao Min"})
        for check in checks:
            try:
                check(base)
            except Exception as problem:
                failed += 1
                print(f"{check.__name__}: {problem!r}")
    finally:
        for process in [bot, simulator]:
            if process:
                stop(process)
    print(f"{len(checks) - failed} passed, {failed} failed in {time.monotonic() - begin:.2f}s")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
