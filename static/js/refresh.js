// The rows in sight stay true: asked for anew every 30 seconds and when the reader comes back, never while hidden.
// The server answers with the same rows in the same order, so nothing moves; what no longer fits says so.

import { installStill, keep, measure, pin } from "./still.js";

const PERIOD = 30_000;
const bodies = "[data-rows-address]";
const heads = "[data-heads-address]";
let asked = Date.now();
/** @type {WeakMap<Element, Map<string, {row: number, text: number}>>} how high the rows were that are asked for */
const before = new WeakMap();

/** Whether an answer is rows that nobody asked for by hand. @param {Element | null | undefined} target */
export const isRefresh = (target) => Boolean(target?.matches?.(`${bodies}, ${heads}`));

/** After a swap: the rows that were refreshed are as high as they were. @param {Element | null | undefined} target */
export function keepStill(target) {
  const was = target && before.get(target);
  if (was) keep(target, was);
}

/** The figures of the groups' heads: those that are told find their places; a group that is not told of has nothing. */
function refreshHeads(/** @type {HTMLTableElement} */ table) {
  pin(table);
  htmx.ajax("GET", table.dataset.headsAddress, { source: table, target: table, swap: "none", push: "false" });
}

/** After a swap: groups that the answer, which names all there are, does not name. @param {{ctx?: {target?: Element, text?: string}}} detail */
export function emptyHeads({ ctx } = {}) {
  if (!ctx?.target?.matches?.(heads) || !ctx.text?.includes("data-whole")) return;
  for (const figure of ctx.target.querySelectorAll("[data-of-group=count]")) {
    if (!ctx.text.includes(`id="${figure.id}"`)) figure.textContent = "0";
  }
}

/** The rows of the list, or those of every group that is open, and the heads of groups. */
export function refreshRows() {
  if (document.hidden) return;
  asked = Date.now();
  for (const body of document.querySelectorAll(bodies)) {
    pin(body.closest("table"));
    before.set(body, measure(body));
    htmx.ajax("GET", body.dataset.rowsAddress, { source: body, target: body, swap: "outerMorph", push: "false" });
  }
  document.querySelectorAll(heads).forEach(refreshHeads);
}

/** How many rows have left the filter, with the way to see it anew. */
export function countMoved() {
  const said = document.querySelector("[data-moved-on]");
  const moved = document.querySelectorAll(`${bodies} [data-moved]`).length;
  if (!said) return;
  said.hidden = !moved;
  said.textContent = moved ? `${moved} moved on, shown until you reload` : "";
}

export function installRefresh() {
  installStill();
  setInterval(refreshRows, PERIOD);
  const back = () => { if (!document.hidden && Date.now() - asked > 2_000) refreshRows(); };
  document.addEventListener("visibilitychange", back);
  addEventListener("focus", back);
  document.addEventListener("case-changed", refreshRows);
  document.addEventListener("tieout:refresh", refreshRows);
}
