// What a refresh brings may not move what is being read: columns keep their width, rows their height, until the list is
// asked for anew. What a row then has no room for is there on its page, and in the row once it has the focus.

const table = matchMedia("(min-width: 62rem)");

/** To the fraction of a pixel: a rounded height moves all that is below. @param {Element | null} one */
const height = (one) => one?.getBoundingClientRect().height ?? 0;

/** @returns {Map<string, {row: number, text: number}>} by the row's id, as they stand before the refresh */
export function measure() {
  const rows = document.querySelectorAll("#rows tr");
  const text = (row) => row.querySelector(".what > .text");
  return new Map([...rows].map((row) => [row.id, { row: height(row), text: height(text(row)) }]));
}

/** The widths of the columns as they are now. Each is read before any is set. */
export function pin() {
  const whole = document.querySelector("table.queue");
  if (!whole || !table.matches || whole.classList.contains("is-pinned")) return;
  const heads = [...whole.querySelectorAll("thead th")];
  const widths = heads.map((head) => head.getBoundingClientRect().width);
  heads.forEach((head, number) => { head.style.width = `${widths[number]}px`; });
  whole.classList.add("is-pinned");
}

/** @param {Map<string, {row: number, text: number}>} before */
export function keep(before) {
  for (const row of document.querySelectorAll("#rows tr")) {
    const was = before.get(row.id);
    if (!was || height(row) === was.row) continue;
    if (height(row) > was.row) row.classList.add("is-kept");
    row.style.setProperty("--height", `${was.row}px`);
    row.style.setProperty("--text-height", `${was.text}px`);
    if (height(row) < was.row) row.style.height = `${was.row}px`;
  }
}

function letGo() {
  const whole = document.querySelector("table.queue.is-pinned");
  for (const head of whole?.querySelectorAll("thead th") ?? []) head.style.width = "";
  whole?.classList.remove("is-pinned");
}

/** A window of another width is read anew. */
export function installStill() {
  let width = innerWidth;
  addEventListener("resize", () => {
    if (innerWidth !== width) letGo();
    width = innerWidth;
  });
}
