// What a refresh brings may not move what is being read: columns keep their width, rows their height, until the list is
// asked for anew. What a row then has no room for is there on its page, and in the row once it is asked for: by the
// keyboard when it gets there, by a click on what is wrong. What has been unfolded stays so, and nothing moves between
// the press of a button and its release.

const wide = matchMedia("(min-width: 62rem)");

/** To the fraction of a pixel: a rounded height moves all that is below. @param {Element | null} one */
const height = (one) => one?.getBoundingClientRect().height ?? 0;

/** @param {Element} body @returns {Map<string, {row: number, text: number}>} by the row's id, before the refresh */
export function measure(body) {
  const text = (row) => row.querySelector(".what > .text");
  return new Map([...body.rows].map((row) => [row.id, { row: height(row), text: height(text(row)) }]));
}

/** The widths of the columns as they are now. Each is read before any is set. @param {HTMLTableElement} whole */
export function pin(whole) {
  if (!wide.matches || whole.classList.contains("is-pinned")) return;
  const heads = [...whole.querySelectorAll(":scope > thead th")];
  const widths = heads.map((head) => head.getBoundingClientRect().width);
  heads.forEach((head, number) => { head.style.width = `${widths[number]}px`; });
  whole.classList.add("is-pinned");
}

/** @param {Element} body @param {Map<string, {row: number, text: number}>} before */
export function keep(body, before) {
  for (const row of body.rows) {
    const was = before.get(row.id);
    if (!was || height(row) === was.row) continue;
    if (height(row) > was.row) row.classList.add("is-kept");
    row.style.setProperty("--height", `${was.row}px`);
    row.style.setProperty("--text-height", `${was.text}px`);
    if (height(row) < was.row) row.style.height = `${was.row}px`;
  }
}

/** @param {Element | null | undefined} row */
function unfold(row) {
  row?.classList.remove("is-kept");
}

function letGo() {
  for (const whole of document.querySelectorAll("table.is-pinned")) {
    for (const head of whole.querySelectorAll(":scope > thead th")) head.style.width = "";
    whole.classList.remove("is-pinned");
  }
}

/** A window of another width is read anew. */
export function installStill() {
  let width = innerWidth;
  addEventListener("resize", () => {
    if (innerWidth !== width) letGo();
    width = innerWidth;
  });
  let pressing = false;
  document.addEventListener("pointerdown", () => { pressing = true; }, { capture: true });
  for (const end of ["click", "pointercancel", "keydown"]) document.addEventListener(end, () => { pressing = false; }, { capture: true });
  document.addEventListener("focusin", (event) => { if (!pressing) unfold(event.target.closest?.("tr.is-kept")); });
  document.addEventListener("click", (event) => unfold(event.target.closest?.("tr.is-kept .what")?.closest("tr")));
}
