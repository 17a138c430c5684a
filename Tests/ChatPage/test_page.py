"""What every page must do, the mock's and a real demo's (PAGE_URL) alike: answers grow and finish, buttons work, nothing overflows."""

import re

import pytest
from playwright.sync_api import expect

from conftest import DESKTOP, PHONE

LOOKS = [
    ("desktop-light", DESKTOP, "light", "zh-CN"),
    ("desktop-dark", DESKTOP, "dark", "en-US"),
    ("phone-light", PHONE, "light", "en-US"),
    ("phone-dark", PHONE, "dark", "zh-CN"),
]

# Records every length the newest bot bubble has, so that a test can see growth that is over before it looks.
WATCH = """() => {
  window.lengths = [];
  new MutationObserver(() => {
    const bubble = [...document.querySelectorAll('.bubble[data-from=bot]')].at(-1);
    if (bubble) window.lengths.push(bubble.textContent.length);
  }).observe(document.querySelector('#messages'), {childList: true, subtree: true, characterData: true, attributes: true});
}"""


def ask(page, text):
    """Sends `text` and returns the first bot bubble after it, once finished."""
    known = page.evaluate("[...document.querySelectorAll('.bubble')].map((node) => node.dataset.entry)")
    page.fill("#composer", text)
    page.press("#composer", "Enter")
    mine = page.locator(".mine .bubble").last
    expect(mine).to_contain_text(text)
    answer = page.wait_for_function(
        """(known) => [...document.querySelectorAll('.bubble[data-from=bot][data-finished=true]:not([data-kind=welcome])')]
            .find((node) => !known.includes(node.dataset.entry))?.dataset.entry""",
        arg=known,
        timeout=60_000,
    )
    return page.locator(f".bubble[data-entry='{answer.json_value()}']")


@pytest.mark.parametrize("name,size,scheme,language", LOOKS, ids=[look[0] for look in LOOKS])
def test_answer_streams_in_and_looks_right(visit, page_url, shoot, name, size, scheme, language):
    page = visit.open(page_url, size, scheme, language)
    expect(page.locator("#status")).to_have_attribute("data-state", "online")
    page.evaluate(WATCH)
    answer = ask(page, "help")
    assert len(answer.inner_text().strip()) > 0
    lengths = page.evaluate("window.lengths")
    assert len(set(lengths)) > 2, "the bubble did not grow"
    expect(page.locator("#composer")).to_have_value("")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.evaluate("document.documentElement.lang") == ("zh-CN" if language.startswith("zh") else "en")
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/g).slice(0, 3).every((part) => Number(part) < 60)")
    assert dark == (scheme == "dark")
    page.wait_for_timeout(300)
    shoot(page, f"{name}-help")
    for phrase in ("table", "code"):
        ask(page, phrase)
        page.wait_for_timeout(300)
        shoot(page, f"{name}-{phrase}")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_frames_show_the_answer(visit, page_url, shoot):
    page = visit.open(page_url, PHONE)
    ask(page, "help")
    page.click("#toggle-inspector")
    expect(page.locator("#inspector")).to_be_visible()
    page.fill("#frame-filter", "aibot_respond_msg")
    frame = page.locator(".frame[data-cmd=aibot_respond_msg]").last
    expect(frame).to_be_visible()
    frame.locator(".frame-head").click()
    expect(frame.locator(".frame-detail")).to_contain_text('"req_id"')
    shoot(page, "phone-frames")
    page.click("#tab-controls")
    expect(page.locator("#fault-drop")).to_be_visible()
    shoot(page, "phone-controls")
    page.keyboard.press("Escape")
    expect(page.locator("#inspector")).to_be_hidden()


def test_card_buttons_of_the_conversation_work(visit, page_url, shoot):
    page = visit.open(page_url)
    for phrase in ("cards", "card", "buttons", "vote"):
        ask(page, phrase)
        if page.locator(".card-button[data-key]").count() > 0:
            break
    else:
        pytest.skip("this bot sends no cards")
    button = page.locator(".card-button[data-key]:enabled").last
    with page.expect_response(re.compile("/api/cards/click$")) as response:
        button.click()
    assert response.value.ok
    shoot(page, "desktop-card-clicked")


def test_other_person_has_an_own_direct_chat(visit, page_url):
    page = visit.open(page_url)
    ask(page, "help")
    page.select_option("#user", "mei.chen")
    expect(page.locator(".mine .bubble", has_text="help")).to_have_count(0)
    page.select_option("#user", "lin.wei")
    expect(page.locator(".mine .bubble", has_text="help").first).to_be_visible()
