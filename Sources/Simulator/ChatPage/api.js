// The simulator's control interface: plain JSON requests and one server-sent event stream.

const TIMEOUT_MS = 20_000;

async function call(method, path, body) {
  const response = await fetch(path, {
    method,
    headers: body === undefined ? {} : { "Content-Type": "application/json" },
    body: body === undefined ? undefined : JSON.stringify(body),
    signal: AbortSignal.timeout(TIMEOUT_MS),
    cache: "no-store",
  });
  const text = await response.text();
  let value = null;
  try {
    value = text === "" ? null : JSON.parse(text);
  } catch {
    value = null;
  }
  if (!response.ok) {
    const reason = value?.error?.message ?? value?.error ?? value?.message;
    throw new Error(typeof reason === "string" ? reason : `${method} ${path}: ${response.status}`);
  }
  return value ?? {};
}

const get = (path) => call("GET", path);
const post = (path, body) => call("POST", path, body);

export const api = {
  state: () => get("/api/state"),
  frames: () => get("/api/frames"),
  view({ bot, user, group }) {
    const query = new URLSearchParams({ user, bot });
    if (group) query.set("group", group);
    return get(`/api/view?${query}`);
  },
  addUser: (user) => post("/api/users", user),
  addGroup: (group) => post("/api/groups", group),
  send: (message) => post("/api/messages", message),
  enter: (bot, user, via) => post("/api/enter", via ? { bot, user, via } : { bot, user }),
  click: (click) => post("/api/cards/click", click),
  feedback: (feedback) => post("/api/feedback", feedback),
  advance: (seconds) => post("/api/clock/advance", { seconds }),
  setFaults: (faults) => post("/api/faults", faults),
  clearFaults: () => call("DELETE", "/api/faults"),
  connection: (action, bot) => post(`/api/connections/${action}`, { bot }),
};

const EVENTS = ["entry", "frame", "connection", "violation", "clock"];
const RETRY_MS = [500, 1000, 2000, 4000, 8000];

/**
 * Keeps an event stream open. `onEvent(name, data)` gets every event, `onLink(state)` gets "connecting", "live" and "lost".
 * The retry is our own, because a browser gives up for good when the server answers with an error status once.
 */
export function openEvents(onEvent, onLink) {
  let failures = 0;
  let since = "";

  function connect() {
    onLink(failures === 0 ? "connecting" : "lost");
    const source = new EventSource(since === "" ? "/api/events" : `/api/events?since=${since}`);
    source.onopen = () => {
      failures = 0;
      onLink("live");
    };
    for (const name of EVENTS) {
      source.addEventListener(name, (event) => {
        if (/^\d+$/.test(event.lastEventId)) since = event.lastEventId;
        let data;
        try {
          data = JSON.parse(event.data);
        } catch {
          return;
        }
        onEvent(name, data);
      });
    }
    source.onerror = () => {
      source.close();
      const pause = RETRY_MS[Math.min(failures, RETRY_MS.length - 1)];
      failures += 1;
      onLink("lost");
      setTimeout(connect, pause);
    };
  }

  connect();
}
