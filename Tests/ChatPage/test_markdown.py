"""The Markdown renderer, driven in the browser."""

import pytest
from playwright.sync_api import expect

RENDER = """async (text) => {
  const { renderMarkdown } = await import('/page/markdown.js');
  const box = document.createElement('div');
  window.hit = false;
  document.body.append(box);
  const start = performance.now();
  renderMarkdown(text, box);
  const time = performance.now() - start;
  const html = box.innerHTML;
  await new Promise((resolve) => setTimeout(resolve, 0));
  box.remove();
  return { html, text: box.textContent, time, hit: window.hit };
}"""

ALLOWED = set(
    "p br strong em del code pre a img ul ol li blockquote hr table thead tbody tr th td h1 h2 h3 h4 h5 h6 div span button svg path".split()
)

HOSTILE = [
    "<script>window.hit = true</script>",
    "<img src=x onerror='window.hit = true'>",
    "<svg onload=window.hit=true>",
    "[go](javascript:window.hit=true)",
    "[go](JaVaScRiPt:window.hit=true)",
    "[go](java\tscript:window.hit=true)",
    "[go](\x01javascript:window.hit=true)",
    "[go](data:text/html,<script>1</script>)",
    "[go](vbscript:x) <javascript:alert(1)>",
    "![pic](javascript:window.hit=true)",
    "![pic](data:text/html;base64,PHNjcmlwdD4=)",
    "![pic](data:image/svg+xml;base64,PHN2Zz4=)",
    '[go](https://a.example/"onmouseover="window.hit=true)',
    "![\" onerror=\"window.hit=true](/x.png)",
    "`</code><script>window.hit = true</script>`",
    "```html\n</pre><script>window.hit = true</script>",
    "| <script>window.hit = true</script> | b |\n|---|---|\n| <img src=x onerror=window.hit=true> | [x](javascript:1) |",
    '<font color="info" onclick="window.hit=true">x</font>',
    "<iframe srcdoc='<script>parent.hit = true</script>'></iframe>",
]




@pytest.fixture
def render(visit, page_url):
    page = visit.open(page_url)
    return lambda text: page.evaluate(RENDER, text)


def inspect(page, text):
    return page.evaluate(
        """async (text) => {
          const { renderMarkdown } = await import('/page/markdown.js');
          const box = document.createElement('div');
          renderMarkdown(text, box);
          return [...box.querySelectorAll('*')].map((node) => [node.tagName.toLowerCase(), Object.fromEntries([...node.attributes].map((a) => [a.name, a.value]))]);
        }""",
        text,
    )


def test_hostile_input_becomes_text(visit, page_url):
    page = visit.open(page_url)
    for text in HOSTILE:
        result = page.evaluate(RENDER, text)
        assert not result["hit"], text
        for tag, attributes in inspect(page, text):
            assert tag in ALLOWED, (text, tag)
            assert not any(name.startswith("on") or name in ("style", "srcdoc") for name in attributes), (text, attributes)
            if "href" in attributes:
                assert attributes["href"].split(":")[0] in ("http", "https", "mailto"), text
                assert "noopener" in attributes["rel"]
            if "src" in attributes:
                assert attributes["src"].startswith(("https://", "http://", "data:image/png")), text


@pytest.mark.parametrize(
    "source,expected",
    [
        ("# A ##", '<h1 class="md-heading">A</h1>'),
        ("a **b** *c* ~~d~~ `e`", "<p>a <strong>b</strong> <em>c</em> <del>d</del> <code>e</code></p>"),
        ("***x***", "<p><strong><em>x</em></strong></p>"),
        ("*a **b** c*", "<p><em>a <strong>b</strong> c</em></p>"),
        ("结论：**通过：**可以发布", "<p>结论：<strong>通过：</strong>可以发布</p>"),
        ("snake_case_name 2 * 3 * 4", "<p>snake_case_name 2 * 3 * 4</p>"),
        ("a\nb", "<p>a<br>b</p>"),
        (r"\*x\*", "<p>*x*</p>"),
        ("---", "<hr>"),
        ("> a\n> > b", "<blockquote><p>a</p><blockquote><p>b</p></blockquote></blockquote>"),
        ("3. x\n4. y", '<ol start="3"><li><span class="item-text">x</span></li><li><span class="item-text">y</span></li></ol>'),
        (
            "1. a\n   - b\n     - c\n2. d",
            '<ol><li><span class="item-text">a</span><ul><li><span class="item-text">b</span><ul><li><span class="item-text">c</span></li></ul></li></ul></li>'
            '<li><span class="item-text">d</span></li></ol>',
        ),
        ("- a\n\n- b", '<ul><li><span class="item-text">a</span></li><li><span class="item-text">b</span></li></ul>'),
        ("**open", "<p>**open</p>"),
        ("`open", "<p>`open</p>"),
        ("[open](https://a", None),
    ],
)
def test_markdown(render, source, expected):
    html = render(source)["html"]
    if expected is not None:
        assert html == expected
    else:
        assert html.startswith("<p>[open](")


def test_links(visit, page_url):
    page = visit.open(page_url)
    nodes = inspect(page, "[a](https://x.example/p_(q)) https://y.example/z. mail <mailto:a@b.example>，看https://k.example/路径，好")
    assert [attributes["href"] for tag, attributes in nodes if tag == "a"] == [
        "https://x.example/p_(q)", "https://y.example/z", "mailto:a@b.example", "https://k.example/%E8%B7%AF%E5%BE%84",
    ]


def test_unclosed_fence_is_code(render):
    html = render("before\n```swift\nlet a = 1\n**not bold**")["html"]
    assert "<strong>" not in html and "token-keyword" in html


def test_table_alignment_and_missing_cells(render):
    html = render("| a | b |\n|:-:|--:|\n| 1 |\n| `x|y` | 2 | 3 |")["html"]
    assert html.count("<td") == 4
    assert '<td class="align-center">1</td><td class="align-right"></td>' in html
    assert "<code>x|y</code>" in html


HUGE = {
    "plain": "word " * 60_000,
    "stars": "*a " * 60_000,
    "star run": "*" * 200_000,
    "mixed emphasis": "**a *b ***c _d __e ~~f " * 8_000,
    "brackets": "[" * 100_000 + "]",
    "links": "[a](" * 50_000,
    "images": "![a](b " * 40_000,
    "backticks": "".join("`" * n + " " for n in range(1, 500)),
    "nested quotes": ">" * 100_000 + " x",
    "nested lists": "\n".join(" " * (2 * n) + "- x" for n in range(400)),
    "list": "- x\n" * 20_000,
    "blank list": "- x\n\n\n\n" * 10_000,
    "pipes": "|" * 200_000,
    "table": "| a | b |\n|---|---|\n" + "| 1 | 2 |\n" * 8_000,
    "hashes": "# x " + "#" * 200_000,
    "spaces": " " * 200_000 + "x",
    "heading spaces": "# a" + " " * 100_000 + "b",
    "angle": "<" * 100_000,
    "font": '<font color="info">' * 8_000,
    "escapes": "\\" * 200_000,
    "fence": "```js\n" + "/* " * 60_000,
    "quotes in code": "```js\n" + "\"\\" * 19_000,
    "addresses": "https://a.example/(" * 10_000,
}


@pytest.mark.parametrize("name", HUGE)
def test_huge_input_is_rendered_in_time(render, name):
    result = render(HUGE[name])
    assert result["time"] < 2500
    assert len(result["text"]) > 0


def test_thinking_is_split(visit, page_url):
    page = visit.open(page_url)
    split = lambda text: page.evaluate("async (text) => (await import('/page/markdown.js')).splitThinking(text)", text)
    assert split("<think></think>") == []
    assert split("<think>a") == [{"type": "think", "text": "a", "open": True}]
    assert split("<think>a</think>b") == [{"type": "think", "text": "a", "open": False}, {"type": "text", "text": "b"}]
    assert split("<\u200bthink>a") == [{"type": "text", "text": "<\u200bthink>a"}]
    assert split(" \u200b\ufeff\n") == []


def test_code_can_be_copied(visit, mock):
    page = visit.open(mock.address, permissions=["clipboard-read", "clipboard-write"])
    page.fill("#composer", "code")
    page.press("#composer", "Enter")
    expect(page.locator(".code-block")).to_have_count(2)
    expect(page.locator(".bubble[data-kind=stream]").last).to_have_attribute("data-finished", "true")
    page.locator(".code-copy").last.click()
    assert page.evaluate("navigator.clipboard.readText()").startswith("swift test --filter LaneTests")
