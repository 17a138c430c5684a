"""A bot with several sides: the choice in the header, the badges, and nothing of it for a bot with one side."""

import json

import pytest
from playwright.sync_api import expect

from conftest import DESKTOP, EXTERNAL, PHONE
from test_features import bubble, put
from test_page import ask

pytestmark = pytest.mark.skipif(EXTERNAL is not None, reason="these tests need the mock")

SIDES = ["longConnection", "webhook", "agent"]


@pytest.fixture
def sides(mock):
    mock.RequestHandlerClass.world.bots[0]["transports"] = SIDES
    return mock


def sent_via(page, text):
    with page.expect_request(lambda request: request.url.endswith("/api/messages")) as sent:
        ask(page, text)
    return json.loads(sent.value.post_data).get("via")


def test_one_side_changes_nothing(visit, mock):
    mock.RequestHandlerClass.world.bots[0]["transports"] = ["longConnection"]
    page = visit.open(mock.address)
    expect(page.locator("#via")).to_be_hidden()
    assert sent_via(page, "help") is None
    put(mock, kind="text", content="plain", via="longConnection")
    expect(page.locator(".via")).to_have_count(0)


def test_the_choice_goes_with_messages(visit, sides):
    page = visit.open(sides.address, language="en-US")
    expect(page.locator("#via")).to_be_visible()
    expect(page.locator("#via option")).to_have_text(["Long connection", "Webhook", "Application"])
    assert sent_via(page, "help") == "longConnection"
    page.select_option("#via", "webhook")
    expect(page.locator("#status")).to_have_attribute("data-state", "called")
    assert sent_via(page, "help") == "webhook"
    expect(page.locator(".mine .via").last).to_have_text("Webhook")
    page.reload()
    expect(page.locator("#via")).to_have_value("webhook")
    page.click("#enter")
    expect(page.locator(".message.kind-welcome")).to_have_count(2)
    assert sides.RequestHandlerClass.world.entered == ["longConnection", "webhook"]
    page.click("#language")
    expect(page.locator("#via option")).to_have_text(["长连接", "Webhook", "应用"])


def test_groups_have_no_application(visit, sides):
    page = visit.open(sides.address)
    page.select_option("#via", "agent")
    assert sent_via(page, "help") == "agent"
    page.locator("[data-conversation^=group]").first.click()
    expect(page.locator("#via")).to_have_value("longConnection")
    expect(page.locator("#via option[value=agent]")).to_be_disabled()
    page.locator("[data-conversation]:not([data-conversation^=group])").first.click()
    expect(page.locator("#via")).to_have_value("agent")


@pytest.mark.parametrize("name,size,scheme", [("desktop", DESKTOP, "light"), ("phone", PHONE, "dark")])
def test_badges_pictures_cuts_and_recalls(visit, sides, shoot, name, size, scheme):
    page = visit.open(sides.address, size, scheme)
    media = {"name": "preview.png", "size": 10, "url": "/media/preview.png", "mime": "image/png"}
    stream = put(sides, content="**look**", via="webhook", items=[{"type": "image", "media": media}])
    expect(bubble(page, stream).locator("img")).to_have_count(1)
    expect(bubble(page, stream).locator("strong")).to_have_text("look")
    quoting = put(sides, kind="markdown", content="by url", via="webhook", quote={"type": "text", "text": "what is asked"})
    expect(bubble(page, quoting).locator(".quote")).to_contain_text("what is asked")
    cut = put(sides, kind="text", content="long text", via="agent", cutBytes=54)
    flags = page.locator(".message", has=page.locator(f".bubble[data-entry='{cut['id']}']")).locator(".flags")
    expect(flags).to_contain_text("54")
    recalled = put(sides, kind="text", content=None, via="agent", recalled=True)
    expect(bubble(page, recalled)).to_have_text("消息已撤回")
    expect(page.locator(".theirs:not(.continued) .via")).to_have_text(["Webhook", "应用"])
    page.wait_for_timeout(400)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    shoot(page, f"transports-{name}")


def test_faults_of_callbacks_and_findings(visit, sides):
    page = visit.open(sides.address, language="en-US")
    page.click("#tab-controls")
    page.click("#fault-loseAnswer")
    expect(page.locator("[data-fault=loseAnswer]")).to_contain_text("webhook.message")
    expect(page.locator("#fault-command option[value='cgi-bin/message/send']")).to_have_count(1)
    assert page.evaluate("(() => { const box = document.querySelector('#panel-controls'); return box.scrollWidth <= box.clientWidth })()")
    world = sides.RequestHandlerClass.world
    with world.lock:
        world.emit("violation", {"bot": world.bots[0]["id"], "rule": "nonce", "detail": "not the one of the callback"})
    expect(page.locator("#toast")).to_contain_text("nonce")


def test_a_group_of_the_application_appears(visit, sides):
    page = visit.open(sides.address)
    world = sides.RequestHandlerClass.world
    with world.lock:
        world.groups.append({"id": "Team1", "name": "Team", "members": ["lin.wei", "mei.chen"]})
        world.create((world.bots[0]["id"], "lin.wei", "Team1"), "bot", world.bots[0]["id"], "text", content="hello", via="agent")
    expect(page.locator("[data-conversation='group:Team1'] .unread")).to_have_text("1")
