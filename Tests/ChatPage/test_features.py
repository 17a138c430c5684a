"""The page's features against the mock, which can be made to misbehave."""

import base64
import json

import pytest
from playwright.sync_api import expect

import mock_answers
from conftest import DESKTOP, EXTERNAL, PHONE
from test_page import ask

pytestmark = pytest.mark.skipif(EXTERNAL is not None, reason="these tests need the mock")

KEY = ("aibSIM0001example", "lin.wei", None)


def put(mock, **fields):
    world = mock.RequestHandlerClass.world
    with world.lock:
        return world.create(KEY, "bot", KEY[0], fields.pop("kind", "stream"), **fields)


def update(mock, entry, **fields):
    world = mock.RequestHandlerClass.world
    with world.lock:
        entry.update(fields)
        world.put(KEY, entry)


def bubble(page, entry):
    return page.locator(f".bubble[data-entry='{entry['id']}']")


def test_first_visit_enters_the_chat_once(visit, mock):
    page = visit.open(mock.address)
    expect(page.locator(".message.kind-welcome")).to_have_count(1)
    page.reload()
    expect(page.locator(".message.kind-welcome")).to_have_count(1)
    page.click("#enter")
    expect(page.locator(".message.kind-welcome")).to_have_count(2)


def test_waiting_thinking_and_finishing(visit, mock):
    page = visit.open(mock.address)
    entry = put(mock, content="<think></think>", finished=False, waiting=True, feedbackId="trace_1")
    expect(bubble(page, entry).locator(".dots")).to_be_visible()
    expect(bubble(page, entry)).to_have_attribute("aria-busy", "true")
    update(mock, entry, content="<think>step one", waiting=False)
    expect(bubble(page, entry).locator("details.think")).to_have_attribute("open", "")
    update(mock, entry, content="<think>step one</think>Done **now**", finished=True)
    expect(bubble(page, entry).locator("details.think")).not_to_have_attribute("open", "")
    expect(bubble(page, entry).locator("strong")).to_have_text("now")
    expect(bubble(page, entry)).to_have_attribute("data-finished", "true")


def test_broken_and_expired_bubbles_are_marked(visit, mock, shoot):
    page = visit.open(mock.address)
    broken = put(mock, content=" ", broken=True, feedbackId="trace_1")
    expired = put(mock, content="half", finished=False, expired=True)
    expect(bubble(page, broken).locator(".spinner")).to_be_visible()
    expect(page.locator(".flag-danger")).to_be_visible()
    expect(bubble(page, expired)).to_have_attribute("data-expired", "true")
    expect(page.locator(".flag-warning")).to_be_visible()
    shoot(page, "desktop-markers")


def test_unchanged_blocks_keep_their_nodes(visit, mock):
    page = visit.open(mock.address)
    entry = put(mock, content="first\n\nsecond", finished=False)
    first = bubble(page, entry).locator("p").first.element_handle()
    update(mock, entry, content="first\n\nsecond grows\n\nthird")
    expect(bubble(page, entry).locator("p")).to_have_count(3)
    assert first.evaluate("(node) => node.isConnected && node.textContent === 'first'")


def test_older_state_of_an_entry_is_ignored(visit, mock):
    page = visit.open(mock.address)
    entry = put(mock, content="new text")
    expect(bubble(page, entry)).to_have_text("new text")
    world = mock.RequestHandlerClass.world
    late = {**entry, "content": "old text", "updatedAt": entry["updatedAt"] - 1000}
    with world.lock:
        world.emit("entry", {"bot": KEY[0], "user": KEY[1], "group": None, "entry": late})
    marker = put(mock, content="marker")
    expect(bubble(page, marker)).to_be_visible()
    expect(bubble(page, entry)).to_have_text("new text")


def test_earlier_frames_are_not_lost_when_an_event_comes_first(visit, mock):
    world = mock.RequestHandlerClass.world
    with world.lock:
        for number in range(5):
            world.frame(KEY[0], "in", {"cmd": "aibot_send_msg", "headers": {"req_id": f"early-{number}"}})
    page = visit.open(mock.address)
    page.fill("#frame-filter", "early-")
    expect(page.locator(".frame")).to_have_count(5)
    numbers = page.evaluate(
        """async () => {
          const { store, addFrames, mergeFrames } = await import('/page/store.js');
          const known = store.frames.map((frame) => frame.seq);
          const frame = (seq) => ({ seq: seq + 10000, time: 0, direction: 'in', text: '{}' });
          addFrames([frame(3)]);
          mergeFrames([1, 2, 3].map(frame));
          return store.frames.map((frame) => frame.seq).slice(known.length);
        }"""
    )
    assert numbers == [10001, 10002, 10003]


def test_scrolling_follows_only_a_reader_at_the_end(visit, mock):
    page = visit.open(mock.address)
    tall = put(mock, content="\n\n".join(f"line {n}" for n in range(80)))
    expect(bubble(page, tall).locator("p")).to_have_count(80)
    at_end = "() => { const s = document.querySelector('#scroller'); return s.scrollHeight - s.clientHeight - s.scrollTop < 4 }"
    page.wait_for_function(at_end)
    page.mouse.move(700, 400)
    page.mouse.wheel(0, -900)
    expect(page.locator("#latest")).to_be_visible()
    top = page.evaluate("document.querySelector('#scroller').scrollTop")
    entry = put(mock, content="new", finished=False)
    update(mock, entry, content="new\n\n" * 40)
    expect(bubble(page, entry).locator("p")).to_have_count(40)
    assert abs(page.evaluate("document.querySelector('#scroller').scrollTop") - top) < 2
    page.click("#latest")
    page.wait_for_function(at_end)
    expect(page.locator("#latest")).to_be_hidden()


def test_cards_of_all_types_and_redraw(visit, mock, shoot):
    page = visit.open(mock.address)
    page.fill("#composer", "cards")
    page.press("#composer", "Enter")
    expect(page.locator(".card")).to_have_count(5)
    shoot(page, "desktop-cards")
    vote = page.locator(".card[data-card-type=vote_interaction]")
    vote.get_by_role("checkbox", name="搜索").check()
    with page.expect_request("**/api/cards/click") as request:
        vote.locator(".card-button").click()
    sent = request.value.post_data_json
    assert sent["key"] == "vote_submit"
    assert sent["selected"] == {"choice": ["opt_a", "opt_c"]}
    expect(vote.locator(".card-button")).to_have_text("已提交")
    expect(vote.locator(".card-button")).to_be_disabled()
    assert vote.locator("input:checked").count() == 2
    expect(page.locator(".card")).to_have_count(5)
    multiple = page.locator(".card[data-card-type=multiple_interaction]")
    multiple.locator("select").nth(1).select_option("mac")
    with page.expect_request("**/api/cards/click") as request:
        multiple.locator(".card-button").click()
    assert request.value.post_data_json["selected"] == {"branch": ["main"], "target": ["mac"]}
    button = page.locator(".card[data-card-type=button_interaction]")
    button.locator("select").select_option("prod")
    with page.expect_request("**/api/cards/click") as request:
        button.locator("[data-key=deploy_reject]").click()
    assert request.value.post_data_json["selected"] == {"env": ["prod"]}
    notice = page.locator(".card[data-card-type=text_notice]")
    notice.locator(".card-menu summary").click()
    with page.expect_request("**/api/cards/click") as request:
        notice.locator("[data-key=mute_today]").click()
    assert "selected" not in request.value.post_data_json
    expect(page.locator(".card h3", has_text="已处理")).to_have_count(4)
    shoot(page, "desktop-cards-redrawn")


def test_hostile_card_stays_harmless(visit, mock):
    page = visit.open(mock.address)
    card = {
        "card_type": "news_notice",
        "main_title": {"title": "<img src=x onerror=alert(1)>", "desc": "<b>bold</b>"},
        "card_image": {"url": "javascript:alert(1)", "aspect_ratio": "x"},
        "jump_list": [{"type": 1, "title": "go", "url": "javascript:alert(1)"}],
        "card_action": {"type": 1, "url": "data:text/html,x"},
        "horizontal_content_list": "not a list",
    }
    entry = put(mock, kind="card", card=card)
    expect(bubble(page, entry).locator("h3")).to_have_text("<img src=x onerror=alert(1)>")
    assert bubble(page, entry).locator("a, img").count() == 0


def test_feedback(visit, mock):
    page = visit.open(mock.address)
    put(mock, content="answer", feedbackId="trace_1")
    with page.expect_request("**/api/feedback") as request:
        page.click(".feedback-good")
    assert request.value.post_data_json["type"] == 1
    expect(page.locator(".feedback-good")).to_have_attribute("aria-pressed", "true")
    with page.expect_request("**/api/feedback") as request:
        page.click(".feedback-good")
    assert request.value.post_data_json["type"] == 3
    page.click(".feedback-bad")
    page.get_by_role("checkbox", name="内容不完整").check()
    page.fill(".feedback-form input[type=text]", "one step is missing")
    with page.expect_request("**/api/feedback") as request:
        page.click(".feedback-form [type=submit]")
    sent = request.value.post_data_json
    assert (sent["type"], sent["reasons"], sent["content"]) == (2, [2], "one step is missing")


def test_composer_keys_and_quote(visit, mock):
    page = visit.open(mock.address)
    answer = ask(page, "help")
    page.fill("#composer", "one")
    page.press("#composer", "Shift+Enter")
    page.locator("#composer").press_sequentially("two")
    expect(page.locator("#composer")).to_have_value("one\ntwo")
    answer.hover()
    page.locator(".message.votable .action-quote").last.click()
    expect(page.locator("#quote-preview")).to_be_visible()
    with page.expect_request("**/api/messages") as request:
        page.press("#composer", "Enter")
    sent = request.value.post_data_json
    assert sent["text"] == "one\ntwo"
    assert sent["quote"]["type"] == "text" and sent["quote"]["entry"] == answer.get_attribute("data-entry")
    expect(page.locator(".mine .quote")).to_be_visible()
    expect(page.locator("#quote-preview")).to_be_hidden()


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_attachments_travel_both_ways(visit, mock, shoot, size):
    page = visit.open(mock.address, size)
    image = {"name": "shot.png", "mimeType": "image/png", "buffer": mock_answers.sample_png(64, 48)}
    text = {"name": "notes.txt", "mimeType": "text/plain", "buffer": b"line\n"}
    page.set_input_files("#file-input", [image, text])
    expect(page.locator(".attachment")).to_have_count(2)
    page.fill("#composer", "look")
    with page.expect_request("**/api/messages") as request:
        page.click("#send")
    sent = json.loads(request.value.post_data)
    assert sent["type"] == "mixed"
    assert [item["type"] for item in sent["items"]] == ["text", "image"]
    assert base64.b64decode(sent["items"][1]["media"]["base64"]) == image["buffer"]
    expect(page.locator(".mine img.photo")).to_be_visible()
    expect(page.locator(".mine a.file[download='notes.txt']")).to_be_visible()
    ask(page, "picture")
    page.wait_for_function("() => [...document.querySelectorAll('img.photo')].every((image) => image.naturalWidth > 0)")
    shoot(page, f"media-{size['width']}")


def test_group_and_mention(visit, mock, shoot):
    page = visit.open(mock.address)
    page.click("[data-conversation='group:wrSIMgroup0001EXAMPLEchatid']")
    expect(page.locator("#mention")).to_be_visible()
    with page.expect_request("**/api/messages") as request:
        ask(page, "help")
    assert request.value.post_data_json["group"] == "wrSIMgroup0001EXAMPLEchatid"
    assert request.value.post_data_json["mention"] is True
    page.click("#mention")
    page.fill("#composer", "aside")
    with page.expect_request("**/api/messages") as request:
        page.click("#send")
    assert request.value.post_data_json["mention"] is False
    page.select_option("#user", "mei.chen")
    expect(page.locator(".theirs.from-user .bubble").first).to_be_visible()
    shoot(page, "desktop-group")


def test_people_groups_and_bots_can_be_chosen(visit, mock):
    page = visit.open(mock.address)
    page.click("#add-user")
    page.fill("#user-form [name=id]", "wang.fang")
    page.click("#user-form [type=submit]")
    expect(page.locator("#user")).to_have_value("wang.fang")
    page.click("#add-group")
    page.fill("#group-form [name=name]", "测试群")
    page.click("#group-form [type=submit]")
    expect(page.locator(".conversation", has_text="测试群")).to_be_visible()
    expect(page.locator("#bot")).to_be_visible()
    page.select_option("#bot", "aibSIM0002example")
    expect(page.locator("#status")).to_have_attribute("data-state", "offline")


def test_unread_counter_of_another_conversation(visit, mock):
    page = visit.open(mock.address)
    world = mock.RequestHandlerClass.world
    with world.lock:
        world.create((KEY[0], None, "wrSIMgroup0001EXAMPLEchatid"), "bot", KEY[0], "markdown", content="**ready**")
    expect(page.locator("[data-conversation^='group:'] .unread")).to_have_text("1")


def test_frames_pause_filter_and_errors(visit, mock):
    page = visit.open(mock.address)
    expect(page.locator("#inspector")).to_be_visible()
    page.click("#tab-controls")
    page.fill("#fault-errcode", "846608")
    page.click("#fault-refuse")
    expect(page.locator(".fault[data-fault=errorCode]")).to_contain_text("846608")
    page.click("#fault-drop-ack")
    expect(page.locator(".fault")).to_have_count(2)
    page.locator(".fault[data-fault=dropAck] .remove").click()
    expect(page.locator(".fault")).to_have_count(1)
    page.click("#tab-frames")
    ask(page, "fail")
    expect(page.locator(".frame .errcode.bad")).to_have_text("846608")
    page.fill("#frame-filter", "846608")
    expect(page.locator(".frame")).to_have_count(1)
    page.fill("#frame-filter", "nothing like this")
    expect(page.locator("#frames-empty")).to_be_visible()
    page.fill("#frame-filter", "")
    page.click("#frame-pause")
    count = page.locator(".frame").count()
    ask(page, "help")
    assert page.locator(".frame").count() == count
    page.click("#frame-pause")
    assert page.locator(".frame").count() > count


def test_clock_and_connections(visit, mock):
    page = visit.open(mock.address)
    page.click("#tab-controls")
    page.click("#clock-360")
    expect(page.locator("#clock-mode")).to_contain_text("360")
    page.click("#fault-kick")
    expect(page.locator("#status")).to_have_attribute("data-state", "offline")
    expect(page.locator("#status")).to_have_attribute("data-state", "online")


def test_lost_stream_is_shown_and_recovers(visit, mock):
    page = visit.open(mock.address)
    ask(page, "help")
    handler = mock.RequestHandlerClass
    handler.accepting = False
    with handler.world.lock:
        for listener in handler.world.listeners:
            listener.put(None)
    expect(page.locator("#link")).to_have_attribute("data-state", "lost")
    expect(page.locator("#link")).to_be_visible()
    entry = put(mock, content="missed while away")
    handler.accepting = True
    expect(page.locator("#link")).to_have_attribute("data-state", "live")
    expect(bubble(page, entry)).to_have_text("missed while away")
    visit.problems[:] = [text for text in visit.problems if "503" not in text]


def test_theme_and_language_toggles_are_remembered(visit, mock):
    page = visit.open(mock.address, language="en-US")
    expect(page.locator("#enter")).to_contain_text("Enter chat")
    page.click("#language")
    expect(page.locator("#enter")).to_contain_text("进入会话")
    page.click("#theme")
    page.reload()
    expect(page.locator("#enter")).to_contain_text("进入会话")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"


def test_keyboard_only_and_names(visit, mock):
    page = visit.open(mock.address)
    ask(page, "help")
    unnamed = page.evaluate(
        """() => [...document.querySelectorAll('button, a, input, select, textarea')]
            .filter((node) => node.offsetParent && !(node.getAttribute('aria-label') || node.labels?.length || node.textContent.trim() || node.title))
            .map((node) => node.outerHTML)"""
    )
    assert unnamed == []
    page.focus("#attach")
    page.keyboard.press("Enter")
    expect(page.locator("#attach-menu")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#attach-menu")).to_be_hidden()
    assert page.evaluate("document.activeElement.id") == "attach"
