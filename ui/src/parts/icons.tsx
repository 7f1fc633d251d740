/** Line icons on a 24 grid, drawn for this app. Always decoration: the button that holds one carries the words. */
const paths = {
  wall: "M3 5h11v5H3zM17 5h4v5h-4zM3 13h5v6H3zM11 13h10v6H11z",
  list: "M4 6h16M4 12h16M4 18h10",
  people: "M9 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7zM2.5 20c.4-4 3-6 6.5-6s6.1 2 6.5 6M16 4.5a3.3 3.3 0 0 1 0 6.3M18 14.5c2 .8 3.2 2.7 3.5 5.5",
  node: "M12 3v4M12 17v4M3 12h4M17 12h4M12 15.5a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7zM5.6 5.6l2.8 2.8M15.6 15.6l2.8 2.8M18.4 5.6l-2.8 2.8M8.4 15.6l-2.8 2.8",
  settings: "M4 7h9M19 7h1M4 17h1M11 17h9M16 9.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5zM8 19.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5z",
  plus: "M12 5v14M5 12h14",
  brush: "M20.5 3.5c-5 1.5-9.5 5.5-11.5 9.5l2.5 2.5c4-2 7.5-7 9-12zM8 14.5c-2.5 0-3 2-3.2 3.5-.1 1-.8 1.8-1.8 2 3.5 1.2 7.5.3 7.5-3.2",
  layers: "M12 4l9 4.5-9 4.5-9-4.5zM3.5 13l8.5 4.3 8.5-4.3M3.5 17l8.5 4 8.5-4",
  reply: "M20 11.5a7.5 7 0 0 1-11 6.2L4 19l1.4-4A6.7 6.7 0 0 1 4.5 11.5 7.5 7 0 0 1 20 11.5z",
  more: "M5.5 12h.01M12 12h.01M18.5 12h.01",
  again: "M4 11V9.5A3.5 3.5 0 0 1 7.5 6H18M15 3l3 3-3 3M20 13v1.5a3.5 3.5 0 0 1-3.5 3.5H6M9 21l-3-3 3-3",
  link: "M10 14a4 4 0 0 0 6 .4l3-3a4 4 0 0 0-5.7-5.7l-1.3 1.3M14 10a4 4 0 0 0-6-.4l-3 3A4 4 0 0 0 10.7 18.3L12 17",
  trash: "M4 7h16M9 7V4.5h6V7M6.5 7l1 13h9l1-13M10.5 11v5.5M13.5 11v5.5",
  road: "M6 20a2 2 0 1 0 0-4 2 2 0 0 0 0 4zM18 8a2 2 0 1 0 0-4 2 2 0 0 0 0 4zM8 18h6.5a3 3 0 0 0 0-6h-5a3 3 0 0 1 0-6H16",
  image: "M4 5h16v14H4zM4 16l4.5-4.5 4 4 2.5-2.5 5 5M15.5 9.5h.01",
  camera: "M4 8h3.5L9 5.5h6L16.5 8H20v11H4zM12 16.5a3.3 3.3 0 1 0 0-6.6 3.3 3.3 0 0 0 0 6.6z",
  mic: "M12 14.5a3 3 0 0 0 3-3v-5a3 3 0 1 0-6 0v5a3 3 0 0 0 3 3zM6 11.5a6 6 0 0 0 12 0M12 17.5V21",
  warn: "M12 4l9 16H3zM12 10v4.5M12 17.3h.01",
  play: "M7.5 4.5v15l12-7.5z",
  pause: "M7.5 5h3v14h-3zM13.5 5h3v14h-3z",
  stop: "M6.5 6.5h11v11h-11z",
  close: "M6 6l12 12M18 6L6 18",
  check: "M5 12.5l4.5 4.5L19 7",
  copy: "M9 9h11v11H9zM5 15H4V4h11v1",
  key: "M14.5 13a4.5 4.5 0 1 0-4.3-3.2L4 16v4h4v-2.5h2.5V15l1.7-1.7c.7.3 1.5.5 2.3-.3zM15.5 8h.01",
  back: "M14.5 5l-7 7 7 7",
  up: "M12 19V5M6 11l6-6 6 6",
  wifi: "M2.5 9.5a14 14 0 0 1 19 0M5.8 13a9 9 0 0 1 12.4 0M9 16.3a4.4 4.4 0 0 1 6 0M12 19.8h.01",
  moon: "M20 14.5A8.5 8.5 0 0 1 9.5 4 8.5 8.5 0 1 0 20 14.5z",
  flip: "M4 12a8 8 0 0 1 13.5-5.7L20 8.5M20 4v4.5h-4.5M20 12a8 8 0 0 1-13.5 5.7L4 15.5M4 20v-4.5h4.5",
  help: "M9 9.2A3 3 0 0 1 12 6.5c1.7 0 3 1.1 3 2.7 0 2.3-3 2.4-3 4.8M12 17.5h.01",
  file: "M6 3.5h8l4.5 4.5v12.5H6zM14 3.5V8h4.5",
};

export type IconName = keyof typeof paths;

export function Icon({ name, size = 20 }: { name: IconName; size?: number }) {
  const filled = name === "play" || name === "pause" || name === "stop";
  return <svg class={filled ? "icon icon-filled" : "icon"} width={size} height={size} viewBox="0 0 24 24" aria-hidden="true"><path d={paths[name]} /></svg>;
}

/** The mark: a few courses of a wall, each painted by somebody else. */
export function Mark({ size = 28 }: { size?: number }) {
  return (
    <svg class="mark" width={size} height={size} viewBox="8 10 48 45" aria-hidden="true">
      <rect class="pg-0" x="11" y="13" width="24" height="11" rx="4.5" /><rect class="pg-1" x="38" y="13" width="15" height="11" rx="4.5" />
      <rect class="pg-8" x="11" y="27" width="13" height="11" rx="4.5" /><rect class="pg-2" x="27" y="27" width="26" height="11" rx="4.5" />
      <rect class="pg-3" x="11" y="41" width="20" height="11" rx="4.5" /><rect class="pg-4" x="34" y="41" width="19" height="11" rx="4.5" />
    </svg>
  );
}
