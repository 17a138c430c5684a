"""Browser and server for the chat page's tests. PAGE_URL, CHROMIUM and SHOTS are read from the environment; see run.sh."""

import os
import threading
from pathlib import Path

import pytest
from playwright.sync_api import TimeoutError as PlaywrightTimeout
from playwright.sync_api import sync_playwright

import mock_server

EXTERNAL = os.environ.get("PAGE_URL")
SHOTS = os.environ.get("SHOTS")
DESKTOP = {"width": 1440, "height": 900}
PHONE = {"width": 390, "height": 844}


@pytest.fixture(scope="session")
def browser():
    with sync_playwright() as playwright:
        path = os.environ.get("CHROMIUM", "/usr/bin/chromium")
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def mock():
    """A fresh mock per test; yields its address and its world."""
    server = mock_server.serve(0, bots=2)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    server.address = f"http://127.0.0.1:{server.server_port}/"
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def page_url(request):
    return EXTERNAL or request.getfixturevalue("mock").address


class Visit:
    """Opens pages and collects what the console says, script errors and policy violations."""

    def __init__(self, browser):
        self.browser = browser
        self.contexts = []
        self.problems = []

    def open(self, url, size=DESKTOP, scheme="light", language="zh-CN", **options):
        phone = size is PHONE
        context = self.browser.new_context(
            viewport=size, color_scheme=scheme, locale=language, is_mobile=phone, has_touch=phone, device_scale_factor=2 if phone else 1, **options
        )
        self.contexts.append(context)
        context.set_default_timeout(15_000)
        page = context.new_page()
        page.on("console", lambda message: self.problems.append(message.text) if message.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        page.add_init_script("addEventListener('securitypolicyviolation', (e) => console.error('policy: ' + e.violatedDirective + ' ' + e.blockedURI))")
        page.goto(url)
        page.wait_for_selector("#messages[data-ready=true]", state="attached")
        if page.locator("#status").get_attribute("data-state") == "online" and page.locator(".bubble").count() == 0:
            try:
                page.wait_for_selector(".bubble", timeout=3000)
            except PlaywrightTimeout:
                pass  # not every bot says welcome
        return page

    def close(self):
        for context in self.contexts:
            context.close()


@pytest.fixture
def visit(browser):
    """Fails a test that leaves errors behind. Pictures on foreign hosts may be out of reach, which is not the page's fault."""
    visit = Visit(browser)
    yield visit
    visit.close()
    assert [text for text in visit.problems if "net::ERR_NAME_NOT_RESOLVED" not in text and "net::ERR_INTERNET" not in text] == []


@pytest.fixture
def shoot():
    def shoot(page, name):
        if SHOTS:
            Path(SHOTS).mkdir(parents=True, exist_ok=True)
            page.screenshot(path=str(Path(SHOTS) / f"{name}.png"))

    return shoot
