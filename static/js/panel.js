// On a wide screen an exception opens beside the list. Everywhere else, and with a modifier key, it is a page.
// What is shown beside is the current row of the list, however one came to it; a key never acts on another one.
import { current, makeCurrent, rowOf } from "./rows.js";

const wide = matchMedia("(min-width: 90rem)");
const panel = () => document.getElementById("beside");
/** @type {Set<object>} requests whose answer is shown beside the list */
const asked = new Set();
let following = 0;
/** @type {(() => unknown)[]} keys that were pressed before what they are about was there */
let held = [];

export const isOpen = () => Boolean(panel() && !panel().hidden);
export const hasFocus = () => Boolean(panel()?.contains(document.activeElement));
const isBusy = () => panel()?.hasAttribute("aria-busy");

/** The exception that is shown beside the list, by its reference. */
export const shown = () => (isOpen() && panel().querySelector("article[data-case]")?.dataset.case) || "";

/** @param {HTMLAnchorElement} link */
function show(link) {
  const place = panel();
  clearTimeout(following);
  following = 0;
  place.hidden = false;
  document.getElementById("queue-body")?.classList.add("has-panel");
  place.setAttribute("aria-busy", "true");
  const address = new URL(link.href);
  address.searchParams.set("panel", "1");
  htmx.ajax("GET", address.pathname + address.search, { source: "#panel", target: "#panel", swap: "innerHTML", push: "false" });
}

/** @param {HTMLTableRowElement | null} row */
export function openCase(row) {
  row?.querySelector("a.ref")?.click();
}

/** Walking the list, the panel shows where one stops. @param {HTMLTableRowElement} row */
export function followPanel(row) {
  clearTimeout(following);
  following = 0;
  if (isOpen()) following = setTimeout(() => { following = 0; if (isOpen()) openCase(row); }, 200);
}

/** A key that is about what is shown waits until that is there. @param {() => unknown} act @returns whether it waits */
export function whenShown(act) {
  if (!isOpen() || !(following || isBusy())) return false;
  held.push(act);
  if (following) openCase(current());
  return true;
}

/** The current row is the one that is shown, and the focus is where it was: in the list, or beside it. */
function settle() {
  if (!shown() || following || asked.size > 1) return;
  const row = rowOf(shown());
  const inList = document.activeElement?.closest?.("[data-rows]");
  if (row !== current()) {
    makeCurrent(row);
    row?.scrollIntoView({ block: "nearest" });
    if (row && inList && !document.activeElement.matches("textarea")) row.querySelector("a.ref").focus({ preventScroll: true });
  }
  if (document.activeElement === document.body || (inList && !row)) {
    document.getElementById("panel-title")?.focus({ preventScroll: true });
  }
}

/** @param {CustomEvent} event */
function begun({ detail: { ctx } }) {
  if (ctx.target?.id !== "panel") return;
  asked.add(ctx);
  panel().setAttribute("aria-busy", "true");
}

/** @param {CustomEvent} event */
function ended({ detail: { ctx } }) {
  if (!asked.delete(ctx) || asked.size) return;
  panel()?.removeAttribute("aria-busy");
  const waiting = ctx.status === "swapped" && ctx.response.status < 400 ? held : [];
  held = [];
  if (waiting.length) setTimeout(() => waiting.forEach((act) => act()));
}

export function closePanel() {
  const place = panel();
  if (!place || place.hidden) return false;
  const inside = place.contains(document.activeElement);
  place.hidden = true;
  held = [];
  document.getElementById("panel").replaceChildren();
  document.getElementById("queue-body")?.classList.remove("has-panel");
  if (inside) (current() ?? document).querySelector("a.ref")?.focus({ preventScroll: true });
  return true;
}

export function installPanel() {
  document.addEventListener("click", (event) => {
    if (event.target.closest?.("[data-close-panel]")) return void closePanel();
    const link = event.target.closest?.("a[data-case], #panel a[rel=prev], #panel a[rel=next]");
    if (!link || !panel() || !wide.matches || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    show(link);
  }, { capture: true });
  document.addEventListener("htmx:before:request", begun);
  document.addEventListener("htmx:after:swap", ({ detail }) => { if (detail.ctx?.target?.id === "panel") settle(); });
  document.addEventListener("htmx:finally:request", ended);
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !event.defaultPrevented && !document.querySelector("dialog[open]") && closePanel()) {
      event.preventDefault();
    }
  });
}
