"""Texts and cards of the scripted bot in mock_server.py."""

import struct
import zlib

WELCOME = "你好，我是构建助手，直接说要做什么就行。输入 help 看看我会什么。"

HELP = """<think>用户想知道能做什么。按用途分组，给出例子。</think>
### 我能做什么

1. **查看构建**：状态、耗时、失败原因
   - 例：`build status main`
   - 支持 *分支* 与 **标签**
2. **发布**：先给出确认卡片，再执行
3. **排查**：读取日志并给出建议

> 长任务会先显示进度，完成后给出结果。

更多说明见 [使用手册](https://help.sim.example/guide)，或发送 `table`、`code` 试试。
"""

LONG = HELP + "\n---\n\n" + "\n\n".join(
    f"## 第 {n} 节\n\n这一节说明第 {n} 个步骤的背景、做法和结果。先确认环境，再逐项执行；如果某一步失败，就回到上一步检查输入。"
    f"\n\n- 输入：`step-{n}.json`\n- 输出：**report-{n}.md**\n- 耗时：约 {n * 3} 秒"
    for n in range(1, 9)
)

TABLE = """最近五次构建：

| 构建 | 分支 | 结果 | 耗时 | 覆盖率 | 提交 | 说明 |
|:-----|:----:|:----:|-----:|-------:|:-----|:-----|
| #1288 | main | ✅ 通过 | 6:12 | 84.1% | `9f3c1a7` | 合并上传重试 |
| #1287 | main | ❌ 失败 | 2:03 | - | `b21e90c` | **签名** 步骤超时 |
| #1286 | dev | ✅ 通过 | 6:40 | 83.9% | `77aa012` | 更新依赖 |
| #1285 | main | ✅ 通过 | 6:08 | 83.7% | `4cd19fe` | 文档 |

失败的一次在 10:42 自动重试，~~未恢复~~ 已恢复。
"""

CODE = """可以这样合并快照，只保留最新的一份：

```swift
/// Keeps the newest snapshot while a frame is in flight.
struct Lane {
    private var pending: String?

    mutating func offer(_ snapshot: String) -> Action {
        pending = snapshot  // replaces the older one
        return inFlight ? .wait : .send(snapshot, spacing: 0.8)
    }
}
```

然后在命令行检查：

```bash
swift test --filter LaneTests   # about 2 s
```

- [x] 单元测试
- [ ] 压力测试
"""

SLOW = "<think>先读取最近的日志，再对比两次构建的差异。\n\n1. 下载产物\n2. 比较清单\n3. 汇总</think>对比完成：两次构建只差 **一个** 依赖版本。"
FAIL = "**出错了**：后端没有回应。\n\n> 请求已记录，请稍后重试。"

TEXTS = {"help": HELP, "long": LONG, "table": TABLE, "code": CODE, "slow": SLOW, "fail": FAIL}

OPTIONS = [{"id": "opt_a", "text": "登录", "is_checked": True}, {"id": "opt_b", "text": "支付"}, {"id": "opt_c", "text": "搜索"}]

CARDS = {
    "text_notice": {
        "card_type": "text_notice",
        "main_title": {"title": "夜间构建完成", "desc": "main 分支"},
        "action_menu": {"desc": "更多", "action_list": [{"text": "今天静音", "key": "mute_today"}, {"text": "重新构建", "key": "rebuild"}]},
        "emphasis_content": {"title": "128", "desc": "通过的测试"},
        "sub_title_text": "没有失败项",
        "horizontal_content_list": [
            {"keyname": "耗时", "value": "12 分钟"},
            {"keyname": "报告", "value": "打开", "type": 1, "url": "https://ci.sim.example/report/1"},
            {"keyname": "负责人", "value": "lin.wei", "type": 3, "userid": "lin.wei"},
        ],
        "jump_list": [
            {"type": 1, "title": "查看流水线", "url": "https://ci.sim.example/pipeline/1"},
            {"type": 3, "title": "问问失败原因", "question": "help"},
        ],
        "card_action": {"type": 1, "url": "https://ci.sim.example/pipeline/1"},
    },
    "news_notice": {
        "card_type": "news_notice",
        "main_title": {"title": "界面改版预览", "desc": "第二稿"},
        "card_image": {"url": "/media/preview.png", "aspect_ratio": 1.8},
        "vertical_content_list": [{"title": "改动", "desc": "导航移到左侧"}],
        "card_action": {"type": 1, "url": "https://design.sim.example/v2"},
    },
    "button": {
        "card_type": "button_interaction",
        "main_title": {"title": "发布确认", "desc": "版本 1.4.0"},
        "quote_area": {"type": 0, "title": "变更", "quote_text": "合并上传重试，修复签名超时"},
        "sub_title_text": "选择环境后点按钮",
        "button_selection": {
            "question_key": "env", "title": "环境", "selected_id": "staging",
            "option_list": [{"id": "staging", "text": "预发"}, {"id": "prod", "text": "生产"}],
        },
        "button_list": [{"text": "批准", "style": 1, "key": "deploy_approve"}, {"text": "拒绝", "style": 2, "key": "deploy_reject"}],
    },
    "vote": {
        "card_type": "vote_interaction",
        "main_title": {"title": "选择回归范围", "desc": "可多选"},
        "checkbox": {"question_key": "choice", "mode": 1, "option_list": OPTIONS},
        "submit_button": {"text": "提交", "key": "vote_submit"},
    },
    "multiple": {
        "card_type": "multiple_interaction",
        "main_title": {"title": "新建构建", "desc": "选择参数"},
        "select_list": [
            {"question_key": "branch", "title": "分支", "selected_id": "main", "option_list": [{"id": "main", "text": "main"}, {"id": "dev", "text": "dev"}]},
            {"question_key": "target", "title": "目标", "option_list": [{"id": "ios", "text": "iOS"}, {"id": "mac", "text": "macOS"}]},
        ],
        "submit_button": {"text": "开始", "key": "form_submit"},
    },
}


def redrawn(card, click):
    """The card after a click, as a bot would send it."""
    new = {**card, "main_title": {"title": f"{card['main_title']['title']} · 已处理", "desc": f"操作人 {click['user']}，{click['key']}"}}
    if "button_list" in card:
        new["button_list"] = [{"text": "已处理", "style": 4, "key": "done"}]
        new.pop("button_selection", None)
    if "checkbox" in card:
        chosen = (click.get("selected") or {}).get("choice", [])
        options = [{**option, "is_checked": option["id"] in chosen} for option in card["checkbox"]["option_list"]]
        new["checkbox"] = {**card["checkbox"], "option_list": options, "disable": True}
        new["submit_button"] = {**card["submit_button"], "text": "已提交"}
    return new


def sample_png(width=480, height=320):
    """A gradient picture, made here so that no binary file is needed."""
    rows = bytearray()
    for y in range(height):
        rows.append(0)
        for x in range(width):
            rows += bytes((60 + 120 * x // width, 120 + 80 * y // height, 230 - 60 * x // width))

    def chunk(kind, data):
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(rows))) + chunk(b"IEND", b"")
