"""What a published SDK does against the simulator, judged by what people see."""

import asyncio
import functools
import hashlib
import random

import pytest

from conftest import BOT_ID, media
from sdk import OFFICIAL, Client

PNG = bytes.fromhex("89504e470d0a1a0a") + bytes(range(256))
CARDS = {
    "text_notice": {
        "main_title": {"title": "Nightly build", "desc": "main"},
        "emphasis_content": {"title": "128", "desc": "passed"},
        "card_action": {"type": 1, "url": "https://ci.example/1"},
    },
    "news_notice": {
        "main_title": {"title": "Release notes"},
        "card_image": {"url": "https://ci.example/a.png", "aspect_ratio": 1.3},
        "card_action": {"type": 1, "url": "https://ci.example/1"},
    },
    "button_interaction": {
        "main_title": {"title": "Deploy?"},
        "button_selection": {
            "question_key": "env", "title": "env",
            "option_list": [{"id": "staging", "text": "staging"}, {"id": "prod", "text": "prod"}],
        },
        "button_list": [{"text": "yes", "style": 1, "key": "yes"}, {"text": "no", "style": 2, "key": "no"}],
    },
    "vote_interaction": {
        "main_title": {"title": "Scope"},
        "checkbox": {
            "question_key": "scope", "mode": 1,
            "option_list": [{"id": "a", "text": "A"}, {"id": "b", "text": "B"}],
        },
        "submit_button": {"text": "send", "key": "submit"},
    },
    "multiple_interaction": {
        "main_title": {"title": "Form"},
        "select_list": [
            {"question_key": "branch", "title": "branch", "option_list": [{"id": "main", "text": "main"}]},
            {"question_key": "os", "title": "os", "option_list": [{"id": "ios", "text": "iOS"}]},
        ],
        "submit_button": {"text": "send", "key": "submit"},
    },
}


def card(kind, task_id):
    result = {"card_type": kind, **CARDS[kind]}
    return result if kind.endswith("notice") else {**result, "task_id": task_id}


def scenario(body):
    """Runs an async test."""

    @functools.wraps(body)
    def run(*args, **kwargs):
        asyncio.run(asyncio.wait_for(body(*args, **kwargs), 60))

    return run


@scenario
async def test_subscribes(platform):
    async with Client(platform):
        bots = platform.get("/api/state")["bots"]
        assert [bot["connected"] for bot in bots if bot["id"] == BOT_ID] == [True]
    platform.until(lambda: not platform.get("/api/state")["bots"][0]["connected"])


@scenario
async def test_wrong_secret_is_an_error(platform):
    client = Client(platform, secret="wrong")
    client.listen("error")
    await client.sdk.connect()
    assert "853000" in str(await client.next("error"))
    await client.__aexit__()


@scenario
async def test_gets_every_kind_of_message(platform, user, group):
    kinds = {
        "text": {"text": "状态 😀"},
        "image": {"media": media("a.png", PNG)},
        "voice": {"text": "ten o'clock"},
        "file": {"media": media("a.txt", b"plain")},
        "video": {"media": media("a.mp4", b"\0\0\0\x18ftypmp42")},
        "mixed": {"items": [{"type": "image", "media": media("b.png", PNG)}, {"type": "text", "text": "look"}]},
    }
    async with Client(platform) as client:
        for kind, content in kinds.items():
            named = None if kind == "video" and OFFICIAL else client.listen(f"message.{kind}")
            posted = platform.message(user, kind, **content)
            body = (await client.next("message"))["body"]
            assert (body["msgtype"], body["msgid"]) == (kind, posted["msgid"])
            assert body["chattype"] == "single" and body["from"]["userid"] == user and body["aibotid"] == BOT_ID
            if "text" in content:
                assert body[kind]["content"] == content["text"]
            if named:
                assert (await client.next(f"message.{kind}"))["body"]["msgid"] == posted["msgid"]
        assert [item["msgtype"] for item in body["mixed"]["msg_item"]] == ["image", "text"]

        platform.message(user, "text", group=group, text="run it")
        body = (await client.next("message"))["body"]
        assert (body["chatid"], body["text"]["content"]) == (group, "@Build Helper run it")

        platform.message(user, "text", text="what is it", quote={"type": "file", "media": media("q.txt", b"quoted")})
        quote = (await client.next("message"))["body"]["quote"]
        assert (await client.download(quote["file"]["url"], quote["file"]["aeskey"]))[0] == b"quoted"

        platform.message(user, "unknown", text="location")
        assert (await client.next("message"))["body"]["msgtype"] == "location"


@pytest.mark.parametrize("size", [1, 31, 32, 33, 65_536, 300_000])
def test_downloads_and_decrypts(platform, user, size):
    @scenario
    async def body():
        content = bytes(index * 7 % 251 for index in range(size))
        async with Client(platform) as client:
            platform.message(user, "file", media=media("报告.bin", content))
            file = (await client.next("message"))["body"]["file"]
            assert len(file["aeskey"]) == 43
            assert await client.download(file["url"], file["aeskey"]) == (content, "报告.bin")

    body()


# The least that is allowed, one chunk exactly, several chunks, and so many that SDKs send them in parallel.
SIZES = [5, 512 << 10, 3 << 20, 15 << 20]


def content_of(size):
    return random.Random(size).randbytes(size)


def digest(content):
    return hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("kind", ["file", "video"])
def test_downloads_byte_for_byte(platform, user, kind, size):
    @scenario
    async def body():
        content = content_of(size)
        async with Client(platform) as client:
            platform.message(user, kind, media=media(f"{size}.bin", content))
            part = (await client.next("message", 30))["body"][kind]
            received, _ = await client.download(part["url"], part["aeskey"])
            assert (len(received), digest(received)) == (size, digest(content))

    body()


@scenario
async def test_streams_an_answer(platform, user):
    async with Client(platform) as client:
        platform.message(user, "text", text="go")
        frame = await client.next("message")
        texts = ["<think></think>", "A", "AB", "ABC 完成"]
        for text in texts:
            final = text == texts[-1]
            ack = await client.sdk.reply_stream(
                frame, "s1", text, final, feedback={"id": "trace_1"} if text == texts[0] else None)
            assert ack["errcode"] == 0
            (bubble,) = platform.bubbles(user)
            assert (bubble["kind"], bubble["content"], bubble["finished"]) == ("stream", text, final)
            assert bubble["waiting"] == (text == texts[0])

        with pytest.raises(Exception, match="846608"):
            await client.sdk.reply_stream(frame, "s1", "late", True)

        feedback = client.listen("event.feedback_event")
        platform.post("/api/feedback", bot=BOT_ID, user=user, entry=bubble["id"], type=2, content="no", reasons=[2])
        event = (await client.next("event"))["body"]["event"]
        assert event["feedback_event"] == {
            "id": "trace_1", "type": 2, "content": "no", "inaccurate_reason_list": [2]}
        assert feedback.qsize() == 1


@scenario
async def test_parallel_conversations_keep_apart(platform, user, group):
    async with Client(platform) as client:
        platform.message(user, "text", text="one")
        platform.message(user, "text", text="two", group=group)
        frames = [await client.next("message"), await client.next("message")]
        await asyncio.gather(*(
            client.sdk.reply_stream(frame, "same id", frame["body"]["text"]["content"] * repeat, repeat == 20)
            for repeat in range(1, 21) for frame in frames))
        assert [entry["content"] for entry in platform.bubbles(user)] == ["one" * 20]
        assert [entry["content"] for entry in platform.bubbles(user, group)] == ["@Build Helper two" * 20]


@scenario
async def test_sends_every_card_type(platform, user):
    async with Client(platform) as client:
        platform.message(user, "text", text="cards")
        frame = await client.next("message")
        for kind in CARDS:
            sent = card(kind, f"t-{user}-{kind}".replace(".", "-"))
            assert (await client.sdk.reply_template_card(frame, sent))["errcode"] == 0
            shown = platform.bubbles(user)[-1]
            assert shown["kind"] == "card"
            assert {key: shown["card"][key] for key in sent} == sent
        with pytest.raises(Exception, match="42014"):
            await client.sdk.reply_template_card(frame, sent)


@scenario
async def test_updates_a_clicked_card(platform, user, group):
    async with Client(platform) as client:
        task_id = f"t-{user}".replace(".", "-")
        body = {"msgtype": "template_card", "template_card": card("button_interaction", task_id)}
        assert (await client.sdk.send_message(group, body))["errcode"] == 0
        entry = platform.bubbles(user, group)[0]["id"]
        platform.post("/api/cards/click", bot=BOT_ID, user=user, group=group, entry=entry, key="yes",
                      selected={"env": ["prod"]})
        frame = await client.next("event")
        assert frame["body"]["chatid"] == group
        assert frame["body"]["event"]["template_card_event"] == {
            "card_type": "button_interaction", "event_key": "yes", "task_id": task_id,
            "selected_items": {"selected_item": [
                {"question_key": "env", "option_ids": {"option_id": ["prod"]}}]},
        }
        done = {**card("button_interaction", task_id), "main_title": {"title": "Deployed"}}
        assert (await client.sdk.update_template_card(frame, done))["errcode"] == 0
        assert platform.bubbles(user, group)[0]["card"]["main_title"] == {"title": "Deployed"}


@scenario
async def test_pushes(platform, user, group):
    async with Client(platform) as client:
        for target, chat in ((user, None), (group, group)):
            body = {"msgtype": "markdown", "markdown": {"content": f"**to** {target}"}}
            assert (await client.sdk.send_message(target, body))["errcode"] == 0
            (bubble,) = platform.bubbles(user, chat)
            assert (bubble["kind"], bubble["content"]) == ("markdown", f"**to** {target}")
        with pytest.raises(Exception, match="93006"):
            await client.sdk.send_message(user.upper(), body)
        with pytest.raises(Exception, match="40008"):
            await client.sdk.send_message(user, {"msgtype": "text", "text": {"content": "x"}})


@scenario
async def test_welcomes(platform, user):
    async with Client(platform) as client:
        entered = client.listen("event.enter_chat")
        platform.post("/api/enter", bot=BOT_ID, user=user)
        frame = await client.next("event")
        assert entered.qsize() == 1
        welcome = {"msgtype": "text", "text": {"content": "你好"}}
        assert (await client.sdk.reply_welcome(frame, welcome))["errcode"] == 0
        (bubble,) = platform.bubbles(user)
        assert (bubble["kind"], bubble["content"]) == ("welcome", "你好")
        with pytest.raises(Exception, match="846606"):
            await client.sdk.reply_welcome(frame, welcome)


@scenario
async def test_newer_connection_displaces_older(platform, user):
    async with Client(platform) as first:
        async with Client(platform) as second:
            event = (await first.next("event"))["body"]["event"]
            assert event == {"eventtype": "disconnected_event"}
            platform.message(user, "text", text="to the newest")
            await second.next("message")
            assert first.listen("message").empty()


@scenario
async def test_refused_text_reply(platform, user):
    async with Client(platform) as client:
        platform.message(user, "text", text="go")
        frame = await client.next("message")
        with pytest.raises(Exception, match="40008"):
            await client.sdk.reply(frame, {"msgtype": "text", "text": {"content": "x"}})


# The official SDK has no call for uploads, so there is nothing of it to test.
if not OFFICIAL:

    def test_uploads_media(platform, user):
        @scenario
        async def body():
            content = PNG + bytes(1_200_000)
            async with Client(platform) as client:
                platform.message(user, "text", text="picture")
                frame = await client.next("message")
                result = await client.sdk.upload_media(content, type="image", filename="big.png")
                assert result["type"] == "image" and result["created_at"]
                assert (await client.sdk.reply_media(frame, "image", result["media_id"]))["errcode"] == 0
                assert (await client.sdk.send_media_message(user, "image", result["media_id"]))["errcode"] == 0
                shown = [entry["media"] for entry in platform.bubbles(user)]
                assert [(item["name"], item["size"]) for item in shown] == [("big.png", len(content))] * 2
                assert platform.download(shown[0]["url"]) == content
                with pytest.raises(Exception, match="40007"):
                    await client.sdk.reply_media(frame, "file", result["media_id"])

        body()

    @pytest.mark.parametrize("size", SIZES)
    def test_uploads_byte_for_byte(platform, user, size):
        @scenario
        async def body():
            content = content_of(size)
            async with Client(platform) as client:
                platform.message(user, "text", text="file")
                frame = await client.next("message")
                result = await client.sdk.upload_media(content, type="file", filename=f"报告 {size}.bin")
                assert (await client.sdk.reply_media(frame, "file", result["media_id"]))["errcode"] == 0
                assert (await client.sdk.send_media_message(user, "file", result["media_id"]))["errcode"] == 0
                for shown in (entry["media"] for entry in platform.bubbles(user)):
                    assert (shown["name"], shown["size"]) == (f"报告 {size}.bin", size)
                    assert digest(platform.download(shown["url"])) == digest(content)

        body()
