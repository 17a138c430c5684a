// User interface texts. English is complete; a missing Chinese text falls back to it.

import { emit } from "./store.js";

const TEXTS = {
  en: {
    title: "WeCom bot simulator", tagline: "Bot simulator", people: "You are", conversations: "Conversations", direct: "Direct chat",
    groupsTitle: "Groups", members: "{n} members", addUser: "Add a person", addGroup: "Add a group", bot: "Bot", menu: "Open conversations",
    close: "Close", online: "Bot online", offline: "Bot offline", noBot: "No bot yet", connections: "{n} connections",
    linkLive: "Live", linkConnecting: "Connecting to the simulator", linkLost: "Connection to the simulator lost. Trying again.",
    enterChat: "Enter chat", enterHint: "Send the enter_chat event; the bot may answer with a welcome message", entered: "enter_chat sent",
    wire: "Wire traffic", tools: "Wire traffic and faults", theme: "Switch light and dark", language: "切换到中文", languageShort: "中",
    placeholder: "Message the bot", placeholderGroup: "Message the group", send: "Send", attach: "Attach or send another type",
    attachImage: "Image", attachFile: "File", attachVideo: "Video", asVoice: "Send text as voice", asUnknown: "Send an unknown type",
    threeTimes: "Send three times", mention: "Mention the bot", mentionOff: "Without a mention the platform does not deliver group messages",
    examples: "Examples", help: "Help", long: "Long answer", table: "Table", code: "Code", slow: "Slow answer", fail: "Failure",
    hint: "Enter sends, Shift+Enter starts a new line", emptyTitle: "Say something to {name}", emptyTitleGroup: "Say something in {name}",
    emptyText: "Every message goes over the real wire format. Watch the frames on the side.", emptyGroup: "Mention the bot to wake it up.",
    quote: "Quote", copy: "Copy", copied: "Copied", copyCode: "Copy code", codeBlock: "Code", tableBlock: "Table",
    quoting: "Quoting {name}", cancelQuote: "Remove the quote", thinking: "Thinking", thought: "Reasoning",
    waiting: "The bot is preparing an answer", streaming: "Streaming", expired: "Stream window passed, never finished",
    broken: "Sealed without visible text: the client spins forever", you: "you", latest: "Latest", newMessages: "{n} new",
    good: "Good answer", bad: "Bad answer", badTitle: "What was wrong?", reason1: "Unrelated", reason2: "Incomplete", reason3: "Wrong",
    reason4: "Data analysis error", feedbackText: "Anything to add?", submit: "Submit", cancel: "Cancel", thanks: "Feedback sent",
    voice: "Voice message", noTranscript: "(no transcript)", unknownType: "Message of an unknown type", download: "Download {name}",
    image: "Image", file: "File", video: "Video", cardDetails: "Details", miniProgram: "Mini programs open in the WeCom client only",
    cardMenu: "Card menu", choose: "Choose", choices: "Choose any", choice: "Choose one", sent: "Sent", card: "Card", locked: "Locked",
    filter: "Filter: cmd, req_id, errcode, text", pause: "Pause", resume: "Resume", clear: "Clear", heartbeats: "Heartbeats",
    fromBot: "from the bot", toBot: "to the bot", noFrames: "No frames yet. Start a bot or send a message.", noMatch: "No frame matches.",
    paused: "Paused, {n} waiting", frames: "Frames", controls: "Faults and clock", ack: "ack", raw: "Copy frame", connection: "Connection",
    drop: "Drop", dropHint: "Close the socket without a close frame", halfOpen: "Half-open", halfOpenHint: "Keep the socket, swallow everything",
    kick: "Kick", kickHint: "Another subscriber displaces the bot", faults: "Faults", dropAck: "Drop next ack", delayAck: "Delay acks 3 s",
    refuse: "Refuse next", errcode: "Error code", command: "Command", anyCommand: "any command", noFaults: "No faults are set.",
    clearFaults: "Clear all", removeFault: "Remove the fault", clock: "Clock", real: "real", manual: "manual", plus30: "+30 s", plus6m: "+6 min",
    seconds: "Seconds", advance: "Advance", done: "Done", userId: "Id, such as wang.fang", userNameLabel: "Name", groupName: "Group name",
    groupMembers: "Members", create: "Create", dropFiles: "Drop to attach", tooLarge: "Files up to 20 MB can be attached",
    removeAttachment: "Remove {name}", failed: "Failed: {reason}", noBotText: "No bot has been set up in the simulator.",
    via: "Way to the bot", longConnection: "Long connection", webhook: "Webhook", agent: "Application", callbacks: "Called back",
    sentBy: "By {name}", cut: "Too long: {n} bytes were cut off", recalled: "Message recalled", violation: "The bot broke a rule: {rule} ({detail})",
    loseAnswer: "Lose next answer", stopPolls: "Stop refreshes", endToken: "End the token",
    displaced: "Bot displaced by another connection", opened: "Bot connected", closed: "Bot disconnected", yesterday: "Yesterday", today: "Today", taskDone: "done:", taskOpen: "to do:",
  },
  zh: {
    title: "企业微信机器人模拟器", tagline: "机器人模拟器", people: "当前身份", conversations: "会话", direct: "单聊", groupsTitle: "群聊",
    members: "{n} 人", addUser: "添加成员", addGroup: "新建群聊", bot: "机器人", menu: "打开会话列表", close: "关闭", online: "机器人在线",
    offline: "机器人离线", noBot: "暂无机器人", connections: "{n} 个连接", linkLive: "已连接", linkConnecting: "正在连接模拟器",
    linkLost: "与模拟器的连接中断，正在重试", enterChat: "进入会话", enterHint: "发送 enter_chat 事件，机器人可以回复欢迎语",
    entered: "已发送 enter_chat", wire: "通信帧", tools: "通信帧与故障", theme: "切换深色与浅色", language: "Switch to English",
    languageShort: "En", placeholder: "给机器人发消息", placeholderGroup: "在群里发消息", send: "发送", attach: "添加附件或发送其他类型",
    attachImage: "图片", attachFile: "文件", attachVideo: "视频", asVoice: "作为语音发送", asUnknown: "发送未知类型", threeTimes: "重复发送三次",
    mention: "@机器人", mentionOff: "群里不 @ 机器人，平台不会投递消息", examples: "示例", help: "帮助", long: "长回答", table: "表格", code: "代码",
    slow: "慢回答", fail: "失败", hint: "Enter 发送，Shift+Enter 换行", emptyTitle: "和“{name}”聊点什么", emptyTitleGroup: "在“{name}”里说点什么",
    emptyText: "每条消息都走真实的协议格式，旁边可以看到收发的帧。", emptyGroup: "@ 机器人即可唤起它。", quote: "引用", copy: "复制", copied: "已复制",
    copyCode: "复制代码", codeBlock: "代码", tableBlock: "表格", quoting: "引用 {name}", cancelQuote: "取消引用", thinking: "思考中", thought: "思考过程",
    waiting: "机器人正在准备回答", streaming: "生成中", expired: "流式窗口已过，未正常结束", broken: "以不可见内容结束：客户端会一直转圈", you: "我",
    latest: "回到最新", newMessages: "{n} 条新消息", good: "回答准确", bad: "回答不准确", badTitle: "哪里不对？", reason1: "答非所问", reason2: "内容不完整",
    reason3: "内容错误", reason4: "数据分析错误", feedbackText: "补充说明", submit: "提交", cancel: "取消", thanks: "已反馈", voice: "语音消息",
    noTranscript: "（没有转写文字）", unknownType: "未知类型的消息", download: "下载 {name}", image: "图片", file: "文件", video: "视频", cardDetails: "查看详情",
    miniProgram: "小程序只能在企业微信客户端打开", cardMenu: "卡片菜单", choose: "请选择", choices: "可多选", choice: "单选", sent: "已提交", card: "卡片",
    locked: "已锁定", filter: "筛选：命令、req_id、错误码、内容", pause: "暂停", resume: "继续", clear: "清空", heartbeats: "心跳", fromBot: "来自机器人",
    toBot: "发给机器人", noFrames: "还没有帧。启动机器人或发一条消息。", noMatch: "没有匹配的帧。", paused: "已暂停，{n} 帧等待", frames: "帧", controls: "故障与时钟",
    ack: "应答", raw: "复制帧", connection: "连接", drop: "断开", dropHint: "不发关闭帧，直接断开", halfOpen: "半开", halfOpenHint: "保留连接但吞掉所有数据",
    kick: "顶掉", kickHint: "由另一个订阅者顶替机器人", faults: "故障", dropAck: "丢弃下一个应答", delayAck: "应答延迟 3 秒", refuse: "拒绝下一个", errcode: "错误码",
    command: "命令", anyCommand: "任意命令", noFaults: "没有设置故障。", clearFaults: "全部清除", removeFault: "移除该故障", clock: "时钟", real: "真实",
    manual: "手动", plus30: "+30 秒", plus6m: "+6 分钟", seconds: "秒数", advance: "推进", done: "完成", userId: "账号，例如 wang.fang", userNameLabel: "姓名",
    groupName: "群名称", groupMembers: "成员", create: "创建", dropFiles: "松开即可添加", tooLarge: "附件不能超过 20 MB", removeAttachment: "移除 {name}",
    failed: "失败：{reason}", noBotText: "模拟器里还没有机器人。", displaced: "机器人被另一个连接顶替", opened: "机器人已连接", closed: "机器人已断开",
    via: "通道", longConnection: "长连接", webhook: "Webhook", agent: "应用", callbacks: "回调方式", sentBy: "经由{name}",
    cut: "内容过长，已截断 {n} 字节", recalled: "消息已撤回", violation: "机器人违反协议：{rule}（{detail}）", loseAnswer: "丢弃下一个回包", stopPolls: "停止刷新", endToken: "令牌失效",
    yesterday: "昨天", today: "今天", taskDone: "已完成：", taskOpen: "待办：",
  },
};

const isChinese = () => document.documentElement.lang.startsWith("zh");

/** The text for `key`, with `{name}` placeholders filled. */
export function t(key, values = {}) {
  const text = (isChinese() ? TEXTS.zh[key] : undefined) ?? TEXTS.en[key] ?? key;
  return text.replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? ""));
}

/** Fills static markup: `data-i18n` sets text, `data-i18n-label` the accessible name and tooltip, `data-i18n-placeholder` the hint. */
export function translate(root = document) {
  document.title = t("title");
  for (const node of root.querySelectorAll("[data-i18n]")) node.textContent = t(node.dataset.i18n);
  for (const node of root.querySelectorAll("[data-i18n-label]")) {
    node.setAttribute("aria-label", t(node.dataset.i18nLabel));
    node.title = t(node.dataset.i18nLabel);
  }
  for (const node of root.querySelectorAll("[data-i18n-placeholder]")) node.placeholder = t(node.dataset.i18nPlaceholder);
}

/** Switches between Chinese and English and remembers the choice. */
export function toggleLanguage() {
  document.documentElement.lang = isChinese() ? "en" : "zh-CN";
  remember("language", document.documentElement.lang);
  translate();
  emit("language");
}

/** Stores a preference; private windows may refuse, which only costs the memory. */
export function remember(key, value) {
  try {
    localStorage.setItem(`simulator.${key}`, value);
  } catch {
    return;
  }
}

/** A stored preference or null. */
export function recall(key) {
  try {
    return localStorage.getItem(`simulator.${key}`);
  } catch {
    return null;
  }
}

/** Hours and minutes of a time in milliseconds. */
export const clockTime = (milliseconds) =>
  new Date(milliseconds).toLocaleTimeString(document.documentElement.lang, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });

/** The day of a time, relative to `now` where that is shorter. */
export function dayOf(milliseconds, now) {
  const day = new Date(milliseconds).toDateString();
  if (day === new Date(now).toDateString()) return t("today");
  if (day === new Date(now - 86_400_000).toDateString()) return t("yesterday");
  return new Date(milliseconds).toLocaleDateString(document.documentElement.lang, { month: "long", day: "numeric", weekday: "short" });
}
