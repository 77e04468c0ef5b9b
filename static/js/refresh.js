// The rows in sight stay true: asked for anew every 30 seconds and when the reader comes back, never while hidden.
// The server answers with the same rows in the same order, so nothing moves; what no longer fits says so.

import { installStill, keep, measure, pin } from "./still.js";

const PERIOD = 30_000;
let asked = Date.now();
let before = new Map();

/** After a swap: the rows that were refreshed are as high as they were. */
export function keepStill() {
  if (before.size) keep(before);
  before = new Map();
}

export function refreshRows() {
  const body = document.getElementById("rows");
  const address = body?.dataset.rowsAddress;
  if (!address || document.hidden) return;
  asked = Date.now();
  pin();
  before = measure();
  htmx.ajax("GET", address, { target: "#rows", swap: "outerMorph", push: "false" });
}

/** How many rows have left the filter, with the way to see it anew. */
export function countMoved() {
  const said = document.querySelector("[data-moved-on]");
  const moved = document.querySelectorAll("#rows [data-moved]").length;
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
