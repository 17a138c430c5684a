"""A small stand-in for the simulator's control interface, for work on the chat page alone. Standard library only.

Usage: python3 mock_server.py [--port 8790] [--bots 1]

The scripted bot answers `help`, `long`, `table`, `code`, `slow`, `fail`, `cards`, `broken`, `expired` and echoes the rest.
It does not judge frames; the real simulator does.
"""

import argparse
import base64
import json
import mimetypes
import queue
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import mock_answers as answers

PAGE = Path(__file__).resolve().parents[2] / "Sources" / "Simulator" / "ChatPage"
POLICY = "default-src 'self'; img-src 'self' data: https: http:"
STEP_SECONDS = 0.06


class World:
    """Everything that the mock remembers; every method is called with the lock held."""

    def __init__(self, bots):
        self.lock = threading.RLock()
        self.bots = [
            {"id": "aibSIM0001example", "name": "构建助手", "connected": True, "connections": 1},
            {"id": "aibSIM0002example", "name": "值班助手", "connected": False, "connections": 0},
        ][:bots]
        self.users = [{"id": "lin.wei", "name": "lin.wei"}, {"id": "mei.chen", "name": "mei.chen"}]
        self.groups = [{"id": "wrSIMgroup0001EXAMPLEchatid", "name": "发布协调群", "members": ["lin.wei", "mei.chen"]}]
        self.faults = []
        self.offset = 0
        self.sequence = 0
        self.entries = {}
        self.frames = []
        self.media = {"preview.png": ("image/png", answers.sample_png())}
        self.listeners = []
        self.entered = []
        self.counter = 0

    def now(self):
        return int(time.time() * 1000) + self.offset

    def identity(self, prefix):
        self.counter += 1
        return f"{prefix}{self.counter:04d}AbCdEf"

    def emit(self, name, data):
        for listener in self.listeners:
            listener.put((name, data))

    def frame(self, bot, direction, value):
        self.sequence += 1
        text = json.dumps(value, ensure_ascii=False)
        frame = {
            "seq": self.sequence, "time": self.now(), "bot": bot, "connection": "c1", "direction": direction,
            "text": text, "size": len(text.encode()),
        }
        self.frames = (self.frames + [frame])[-500:]
        self.emit("frame", frame)

    def put(self, key, entry):
        self.sequence += 1
        entry["updatedAt"] = self.now()
        self.entries.setdefault(key, {})[entry["id"]] = entry
        bot, user, group = key
        self.emit("entry", {"bot": bot, "user": None if group else user, "group": group, "entry": dict(entry)})

    def create(self, key, sender_kind, sender, kind, **fields):
        entry = {
            "id": self.identity("e"), "seq": self.sequence + 1, "from": sender_kind, "sender": sender, "kind": kind,
            "finished": True, "waiting": False, "broken": False, "time": self.now(), **fields,
        }
        self.put(key, entry)
        return entry

    def store_media(self, media):
        data = base64.b64decode(media["base64"])
        name = media["name"]
        kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
        path = f"{self.identity('m')}-{name}"
        self.media[path] = (kind, data)
        return {"name": name, "size": len(data), "url": "/media/" + urllib.parse.quote(path), "mime": kind}


class Bot:
    """The scripted bot program."""

    def __init__(self, world):
        self.world = world

    def start(self, work, *arguments):
        threading.Thread(target=work, args=arguments, daemon=True).start()

    def reply(self, key, request, body):
        bot = key[0]
        with self.world.lock:
            code = self.take_refusal()
            self.world.frame(bot, "in", {"cmd": "aibot_respond_msg", "headers": {"req_id": request}, "body": body})
            ack = {"headers": {"req_id": request}, "errcode": code, "errmsg": "ok" if code == 0 else "refused by a fault"}
            self.world.frame(bot, "out", ack)
        return code == 0

    def take_refusal(self):
        for fault in list(self.world.faults):
            if fault.get("fault") == "errorCode":
                self.world.faults.remove(fault)
                return fault.get("code", -1)
        return 0

    def stream(self, key, request, text, pause=STEP_SECONDS, lead=0.5, last=None):
        world = self.world
        stream = world.identity("s")
        feedback = world.identity("trace_")
        body = {"msgtype": "stream", "stream": {"id": stream, "finish": False, "content": "<think></think>", "feedback": {"id": feedback}}}
        self.reply(key, request, body)
        with world.lock:
            entry = world.create(key, "bot", key[0], "stream", content="<think></think>", finished=False, waiting=True, feedbackId=feedback)
        time.sleep(lead)
        size = max(14, len(text) // 24)
        for end in range(size, len(text) + size, size):
            finish = end >= len(text)
            body = {"msgtype": "stream", "stream": {"id": stream, "finish": finish, "content": text[:end]}}
            self.reply(key, request, body)
            with world.lock:
                entry.update(content=text[:end], finished=finish, waiting=False, **((last or {}) if finish else {}))
                world.put(key, entry)
            time.sleep(pause)

    def answer(self, key, request, text):
        word = text.split()[-1].lower() if text.split() else ""
        if word in ("help", "long", "table", "code"):
            self.stream(key, request, answers.TEXTS[word])
        elif word == "slow":
            self.stream(key, request, answers.TEXTS["slow"], lead=2.5)
        elif word == "fail":
            self.stream(key, request, answers.TEXTS["fail"])
        elif word == "broken":
            self.stream(key, request, " ", last={"broken": True})
        elif word == "expired":
            self.stream(key, request, "处理到一半", last={"expired": True, "finished": False})
        elif word in ("cards", *answers.CARDS):
            for name, card in answers.CARDS.items():
                if word in ("cards", name):
                    self.card(key, request, card)
        elif word == "picture":
            with self.world.lock:
                size = len(self.world.media["preview.png"][1])
                media = {"name": "preview.png", "size": size, "url": "/media/preview.png", "mime": "image/png"}
                self.world.create(key, "bot", key[0], "image", media=media)
                self.world.create(key, "bot", key[0], "file", media={**media, "name": "build-report.pdf", "mime": "application/pdf"})
        else:
            self.stream(key, request, f"收到：**{text[:200]}**")

    def card(self, key, request, card):
        card = {**card, "task_id": self.world.identity("task-")}
        self.reply(key, request, {"msgtype": "template_card", "template_card": card})
        with self.world.lock:
            self.world.create(key, "bot", key[0], "card", card=card)

    def redraw(self, key, entry, click):
        time.sleep(0.4)
        card = answers.redrawn(entry["card"], click)
        with self.world.lock:
            body = {"response_type": "update_template_card", "template_card": card}
            self.world.frame(key[0], "in", {"cmd": "aibot_respond_update_msg", "headers": {"req_id": "SIMreqEVENT"}, "body": body})
            self.world.frame(key[0], "out", {"headers": {"req_id": "SIMreqEVENT"}, "errcode": 0, "errmsg": "ok"})
            entry["card"] = card
            self.world.put(key, entry)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    world: World
    bot: Bot
    accepting = True

    def log_message(self, *_):
        return

    # Reading and writing

    def body(self):
        return json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"null")

    def reply(self, data, kind="application/json; charset=utf-8", status=200):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Content-Security-Policy", POLICY)
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(data)

    def json(self, value, status=200):
        self.reply(json.dumps(value, ensure_ascii=False).encode(), status=status)

    def key(self, value):
        group = value.get("group") or None
        return (value["bot"], None if group else value["user"], group)

    # Routes

    def do_GET(self):
        address = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(address.query))
        if address.path == "/api/events":
            self.events()
        elif address.path == "/api/state":
            self.json(self.state())
        elif address.path == "/api/frames":
            with self.world.lock:
                self.json({"frames": list(self.world.frames)})
        elif address.path == "/api/view":
            with self.world.lock:
                self.json({"entries": list(self.world.entries.get(self.key(query), {}).values())})
        elif address.path.startswith("/media/"):
            kind, data = self.world.media.get(urllib.parse.unquote(address.path[7:]), ("text/plain", b""))
            self.reply(data, kind, 200 if data else 404)
        else:
            self.page(address.path)

    def page(self, path):
        name = "index.html" if path == "/" else path.removeprefix("/page/")
        file = PAGE / name
        if "/" in name or not file.is_file():
            self.reply(b"not found", "text/plain", 404)
            return
        kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
        self.reply(file.read_bytes(), kind)

    def state(self):
        world = self.world
        with world.lock:
            clock = {"mode": "real", "offsetMs": world.offset}
            return {"now": world.now(), "bots": world.bots, "users": world.users, "groups": world.groups, "faults": world.faults, "clock": clock}

    def events(self):
        if not self.accepting:
            self.reply(b"", "text/plain", 503)
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Cache-Control", "no-store")
        self.send_header("Connection", "close")
        self.end_headers()
        listener = queue.Queue()
        with self.world.lock:
            self.world.listeners.append(listener)
        try:
            self.wfile.write(b": open\n\n")
            self.wfile.flush()
            while True:
                try:
                    event = listener.get(timeout=10)
                    if event is None:
                        return
                    name, data = event
                    self.wfile.write(f"event: {name}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n".encode())
                except queue.Empty:
                    self.wfile.write(b": keep\n\n")
                self.wfile.flush()
        except OSError:
            return
        finally:
            with self.world.lock:
                self.world.listeners.remove(listener)
            self.close_connection = True

    def do_DELETE(self):
        with self.world.lock:
            self.world.faults = []
        self.json({})

    def do_POST(self):
        value = self.body()
        route = self.path.removeprefix("/api/").replace("/", "_")
        work = getattr(self, f"post_{route}", None)
        if work is None:
            self.json({"error": "unknown path"}, 404)
            return
        with self.world.lock:
            result = work(value)
        self.json(result or {})

    def post_users(self, value):
        self.world.users.append(value)

    def post_groups(self, value):
        self.world.groups.append(value)
        return {"id": value["id"]}

    def post_messages(self, value):
        world, key = self.world, self.key(value)
        fields = {"content": value.get("text")}
        if value.get("via"):
            fields["via"] = value["via"]
        if value.get("quote"):
            fields["quote"] = value["quote"]
        if value.get("media"):
            fields["media"] = world.store_media(value["media"])
        if value.get("items"):
            fields["items"] = [{**item, **({"media": world.store_media(item["media"])} if item.get("media") else {})} for item in value["items"]]
        entry = world.create(key, "user", value["user"], value["type"], **fields)
        request, message = world.identity("SIMreq"), world.identity("simmsg")
        body = {
            "msgid": message, "aibotid": value["bot"], "chattype": "group" if key[2] else "single", "from": {"userid": value["user"]},
            "msgtype": value["type"], "text": {"content": value.get("text") or ""},
        }
        if key[2]:
            body["chatid"] = key[2]
        world.frame(value["bot"], "out", {"cmd": "aibot_msg_callback", "headers": {"req_id": request}, "body": body})
        if not key[2] or value.get("mention", True):
            self.bot.start(self.bot.answer, key, request, value.get("text") or value["type"])
        return {"msgid": message, "reqId": request, "entry": entry["id"]}

    def post_enter(self, value):
        key = (value["bot"], value["user"], None)
        event = {"msgtype": "event", "from": {"userid": value["user"]}, "event": {"eventtype": "enter_chat"}}
        request = self.world.identity("SIMreq")
        self.world.frame(value["bot"], "out", {"cmd": "aibot_event_callback", "headers": {"req_id": request}, "body": event})
        self.world.entered.append(value.get("via"))
        self.world.create(key, "bot", value["bot"], "welcome", content=answers.WELCOME)

    def post_cards_click(self, value):
        key = self.key(value)
        entry = self.world.entries[key][value["entry"]]
        event = {"eventtype": "template_card_event", "template_card_event": {"event_key": value["key"], "selected": value.get("selected")}}
        frame = {"cmd": "aibot_event_callback", "headers": {"req_id": "SIMreqEVENT"}, "body": {"msgtype": "event", "event": event}}
        self.world.frame(value["bot"], "out", frame)
        self.bot.start(self.bot.redraw, key, entry, value)

    def post_feedback(self, value):
        event = {"eventtype": "feedback_event", "feedback_event": {"type": value["type"], "inaccurate_reason_list": value.get("reasons", [])}}
        frame = {"cmd": "aibot_event_callback", "headers": {"req_id": "SIMreqFEED"}, "body": {"msgtype": "event", "event": event}}
        self.world.frame(value["bot"], "out", frame)

    def post_clock_advance(self, value):
        self.world.offset += int(value["seconds"] * 1000)
        self.world.emit("clock", {"now": self.world.now(), "mode": "real", "offsetMs": self.world.offset})

    def post_faults(self, value):
        self.world.faults = value

    def toggle(self, value, state):
        bot = next(bot for bot in self.world.bots if bot["id"] == value["bot"])
        bot.update(connected=False, connections=0)
        self.world.emit("connection", {"bot": bot["id"], "connection": "c1", "state": state})
        threading.Timer(1.5, self.reconnect, [bot]).start()

    def reconnect(self, bot):
        with self.world.lock:
            bot.update(connected=True, connections=1)
            self.world.emit("connection", {"bot": bot["id"], "connection": "c2", "state": "subscribed"})

    def post_connections_drop(self, value):
        self.toggle(value, "closed")

    def post_connections_kick(self, value):
        self.toggle(value, "displaced")

    def post_connections_halfopen(self, value):
        self.toggle(value, "closed")


class Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True

    def handle_error(self, request, client_address):
        """A browser closes sockets whenever it likes."""


def serve(port, bots=1):
    world = World(bots)
    handler = type("BoundHandler", (Handler,), {"world": world, "bot": Bot(world)})
    return Server(("127.0.0.1", port), handler)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=8790)
    parser.add_argument("--bots", type=int, default=1)
    options = parser.parse_args()
    serve(options.port, options.bots).serve_forever()
