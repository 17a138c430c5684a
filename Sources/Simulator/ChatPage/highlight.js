// Coloring of code: comments, strings, numbers and common keywords of many languages. One pass, no per-language grammar.

import { el } from "./dom.js";

const MAX_LENGTH = 40_000;

const KEYWORDS = new Set(
  (
    "actor and any as async await bool boolean break case catch char class const continue def default defer del delete do double elif " +
    "else enum except export extends extension false final finally float fn for from func function go guard if impl implements import " +
    "in init inout int interface internal is lambda let long match mod module mut namespace new nil none not null of open or override " +
    "package pass private protected protocol pub public raise return self select set some static string struct super switch this " +
    "throw throws trait true try type typealias typedef undefined unsafe use using var void when where while with yield " +
    "insert into values update order group by limit create table join left inner echo export fi then done esac local"
  ).split(" "),
);

const TOKEN =
  /(\/\/[^\n]*|\/\*(?:(?!\*\/)[\s\S])*(?:\*\/)?)|("(?:[^"\\\n]|\\.)*"?|'(?:[^'\\\n]|\\.)*'?|`(?:[^`\\]|\\.)*`?)|(\b\d[\w.]*)|([A-Za-z_$][\w$]*)/g;
const HASH_TOKEN =
  /(#[^\n]*)|("(?:[^"\\\n]|\\.)*"?|'(?:[^'\\\n]|\\.)*'?)|(\b\d[\w.]*)|([A-Za-z_$][\w$]*)/g;

const HASH_LANGUAGES = new Set(["python", "py", "sh", "bash", "shell", "zsh", "ruby", "rb", "yaml", "yml", "toml", "make", "dockerfile", "r"]);
const PLAIN_LANGUAGES = new Set(["text", "txt", "log", "markdown", "md", "diff"]);

/** Fills `code` with colored tokens of `text`; long or plain text stays one text node. */
export function highlight(text, language, code) {
  const name = language.toLowerCase();
  if (name === "diff") {
    highlightDiff(text, code);
    return;
  }
  if (text.length > MAX_LENGTH || name === "" || PLAIN_LANGUAGES.has(name)) {
    code.append(text);
    return;
  }
  const pattern = HASH_LANGUAGES.has(name) ? HASH_TOKEN : TOKEN;
  let position = 0;
  for (const match of text.matchAll(pattern)) {
    const kind = kindOf(match, text);
    if (!kind) continue;
    if (match.index > position) code.append(text.slice(position, match.index));
    code.append(el("span", { class: `token-${kind}`, text: match[0] }));
    position = match.index + match[0].length;
  }
  code.append(text.slice(position));
}

function kindOf(match, text) {
  if (match[1]) return "comment";
  if (match[2]) return "string";
  if (match[3]) return "number";
  if (KEYWORDS.has(match[4]) || KEYWORDS.has(match[4].toLowerCase())) return "keyword";
  return text[match.index + match[0].length] === "(" ? "call" : null;
}

function highlightDiff(text, code) {
  const lines = text.slice(0, MAX_LENGTH).split("\n");
  lines.forEach((line, index) => {
    const tail = index < lines.length - 1 ? "\n" : "";
    const kind = line.startsWith("+") ? "added" : line.startsWith("-") ? "removed" : null;
    code.append(kind ? el("span", { class: `token-${kind}`, text: line + tail }) : line + tail);
  });
  code.append(text.slice(MAX_LENGTH));
}
