// Ticking rows: the box in the head ticks the page, shift ticks a range, the bar says how many.

const boxes = () => [...document.querySelectorAll("input[name=pick]")];
/** @type {HTMLInputElement | null} */
let last = null;

/** Whether anything is ticked, or all that match. */
export const isPicked = () => Boolean(document.querySelector("input[name=pick]:checked, input[data-all]:checked"));

export function countPicked() {
  const all = boxes();
  const picked = all.filter((box) => box.checked).length;
  const said = document.querySelector("[data-picked]");
  const everything = document.querySelector("input[data-all]:checked");
  if (said) said.textContent = everything ? "all that match" : picked ? `${picked} ticked` : "";
  for (const head of document.querySelectorAll("[data-pick-all]")) {
    (head.closest("label") ?? head).hidden = false;
    head.checked = picked > 0 && picked === all.length;
    head.indeterminate = picked > 0 && picked < all.length;
  }
}

/** @param {HTMLTableRowElement | null} row */
export function tick(row) {
  const box = row?.querySelector("input[name=pick]");
  if (!box) return;
  box.checked = !box.checked;
  box.dispatchEvent(new Event("change", { bubbles: true }));
}

/** From the box that was ticked last to this one. @param {HTMLInputElement} box */
function range(box) {
  const all = boxes();
  const [from, to] = [all.indexOf(last), all.indexOf(box)].sort((a, b) => a - b);
  for (const one of all.slice(Math.max(from, 0), to + 1)) one.checked = true;
  countPicked();
}

/** @param {HTMLTableRowElement | null} row */
export function pickRange(row) {
  const box = row?.querySelector("input[name=pick]");
  if (!box) return;
  if (last?.isConnected) range(box);
  else tick(row);
  last = box;
}

export function clearPicked() {
  for (const box of document.querySelectorAll("input[name=pick]:checked, input[data-all]:checked")) box.checked = false;
  countPicked();
}

export function installPicking() {
  document.addEventListener("click", (event) => {
    if (!event.target.matches?.("input[name=pick]")) return;
    if (event.shiftKey && last?.isConnected) range(event.target);
    last = event.target;
  });
  document.addEventListener("change", (event) => {
    if (event.target.matches?.("[data-pick-all]")) for (const box of boxes()) box.checked = event.target.checked;
    if (event.target.matches?.("input[name=pick]")) last = event.target;
    if (event.target.matches?.("[data-pick-all], [data-all], input[name=pick]")) countPicked();
  });
}
