// Line icons, drawn on a 24 by 24 grid. They are built as SVG nodes so that no markup string is ever parsed.

const PATHS = {
  bot: "M12 4v3M7 7h10a3 3 0 0 1 3 3v6a3 3 0 0 1-3 3H7a3 3 0 0 1-3-3v-6a3 3 0 0 1 3-3ZM9 12v1.5M15 12v1.5M2 12v3M22 12v3M12 4h.01",
  group: "M9 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7ZM2.5 20v-1a5 5 0 0 1 5-5h3a5 5 0 0 1 5 5v1M16 4.3a3.5 3.5 0 0 1 0 6.4M18.5 14.6a5 5 0 0 1 3 4.4v1",
  send: "M5 12 3.5 4.2 21 12 3.5 19.8 5 12ZM5 12h8",
  plus: "M12 5v14M5 12h14",
  close: "M6 6l12 12M18 6 6 18",
  menu: "M4 7h16M4 12h16M4 17h16",
  wire: "M3 12h4l2.5-7 5 14L17 12h4",
  bolt: "M13 3 5 14h6l-1 7 8-11h-6l1-7Z",
  clock: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18ZM12 7v5l3.5 2",
  sun: "M12 16a4 4 0 1 0 0-8 4 4 0 0 0 0 8ZM12 2.5v2M12 19.5v2M2.5 12h2M19.5 12h2M5.3 5.3l1.4 1.4M17.3 17.3l1.4 1.4M5.3 18.7l1.4-1.4M17.3 6.7l1.4-1.4",
  moon: "M20 14.5A8.5 8.5 0 0 1 9.5 4a8.5 8.5 0 1 0 10.5 10.5Z",
  globe: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18ZM3.5 9.5h17M3.5 14.5h17M12 3c2.5 2.6 3.7 5.6 3.7 9s-1.2 6.4-3.7 9c-2.5-2.6-3.7-5.6-3.7-9S9.5 5.6 12 3Z",
  copy: "M9 9h10a1 1 0 0 1 1 1v10a1 1 0 0 1-1 1H9a1 1 0 0 1-1-1V10a1 1 0 0 1 1-1ZM16 9V5a1 1 0 0 0-1-1H5a1 1 0 0 0-1 1v10a1 1 0 0 0 1 1h3",
  check: "M5 12.5 10 17.5 19.5 7",
  reply: "M10 8V4l-7 7 7 7v-4.200c5 0 8.3 1.6 10.5 5.200C20 13 16.5 8.8 10 8Z",
  up: "M7 21V10M7 10l4-7a2.5 2.5 0 0 1 2.5 2.500V9h5.300a2 2 0 0 1 2 2.400l-1.4 7a2 2 0 0 1-2 1.600H7M7 10H4a1 1 0 0 0-1 1v9a1 1 0 0 0 1 1h3",
  down: "M17 3v11M17 14l-4 7a2.5 2.5 0 0 1-2.5-2.500V15H5.200a2 2 0 0 1-2-2.400l1.4-7a2 2 0 0 1 2-1.600H17M17 14h3a1 1 0 0 0 1-1V4a1 1 0 0 0-1-1h-3",
  file: "M6 3h8l5 5v12a1 1 0 0 1-1 1H6a1 1 0 0 1-1-1V4a1 1 0 0 1 1-1ZM14 3v5h5",
  image: "M5 4h14a1 1 0 0 1 1 1v14a1 1 0 0 1-1 1H5a1 1 0 0 1-1-1V5a1 1 0 0 1 1-1ZM8.5 10.500a1.5 1.5 0 1 0 0-3 1.5 1.5 0 0 0 0 3ZM4.5 18l5-5 3.5 3.5 2.5-2.5 4.5 4.5",
  video: "M4 6h11a1 1 0 0 1 1 1v10a1 1 0 0 1-1 1H4a1 1 0 0 1-1-1V7a1 1 0 0 1 1-1ZM16 10.500l5-3v9l-5-3",
  mic: "M12 15a3.5 3.5 0 0 0 3.5-3.500v-5a3.5 3.5 0 0 0-7 0v5A3.5 3.5 0 0 0 12 15ZM5.5 11.500a6.5 6.5 0 0 0 13 0M12 18v3",
  question: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18ZM9.5 9.500a2.5 2.5 0 1 1 3.6 2.200c-.8.4-1.1.9-1.1 1.800M12 16.500h.01",
  repeat: "M4 11V9a3 3 0 0 1 3-3h12M16 3l3 3-3 3M20 13v2a3 3 0 0 1-3 3H5M8 21l-3-3 3-3",
  download: "M12 4v11M7.5 10.5 12 15l4.5-4.500M5 20h14",
  chevron: "M6 9l6 6 6-6",
  right: "M9 6l6 6-6 6",
  warn: "M12 4 2.8 20h18.400L12 4ZM12 10v4.500M12 17.200h.01",
  pause: "M8 5v14M16 5v14",
  play: "M7 4.500v15l12-7.5-12-7.500Z",
  dots: "M5 12h.01M12 12h.01M19 12h.01",
  door: "M14 4h5a1 1 0 0 1 1 1v14a1 1 0 0 1-1 1h-5M4 12h11M11 8l4 4-4 4",
  trash: "M4 7h16M9 7V4h6v3M6.5 7l.8 13h9.400l.8-13M10 11v5.500M14 11v5.5",
  user: "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8ZM4.5 20.500a7.5 7.5 0 0 1 15 0",
  program: "M4 4h7v7H4zM13 13h7v7h-7zM13 4h7v7h-7zM4 13h7v7H4z",
  brain: "M9.5 4A2.5 2.5 0 0 1 12 6.500v11A2.5 2.5 0 0 1 7.2 18.6 3 3 0 0 1 4.5 14a3 3 0 0 1 .6-5A3 3 0 0 1 7 5.2 2.5 2.5 0 0 1 9.5 4ZM14.5 4A2.5 2.5 0 0 0 12 6.500M12 17.500a2.5 2.5 0 0 0 4.8 1.100A3 3 0 0 0 19.5 14a3 3 0 0 0-.6-5A3 3 0 0 0 17 5.2 2.5 2.5 0 0 0 14.5 4",
};

/** Builds the icon `name`; unknown names give an empty drawing. */
export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", `icon icon-${name}`);
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", PATHS[name] ?? "");
  svg.append(path);
  return svg;
}

/** Fills every element that carries `data-icon`. */
export function fillIcons(root) {
  for (const node of root.querySelectorAll("[data-icon]")) node.prepend(icon(node.dataset.icon));
}
