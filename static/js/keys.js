// One key, one thing: an element says its key in data-key; rows of a table in [data-rows] are walked with j and k.
import { clearPicked, pickRange, tick } from "./picking.js";
import { followPanel, isOpen, openCase } from "./panel.js";
import { current, makeCurrent, rows } from "./rows.js";

const typing = "input:not([type=checkbox]):not([type=radio]), textarea, select, [contenteditable]";
const places = { q: "/queue", m: "/", c: "/causes", r: "/retries", s: "/sla" };
let going = false;

/** @param {number} step */
function walk(step) {
  const all = rows();
  if (!all.length) return;
  const at = all.indexOf(current());
  const next = all[Math.max(0, Math.min(all.length - 1, at < 0 ? 0 : at + step))];
  makeCurrent(next);
  next.querySelector("a.ref")?.focus({ preventScroll: true });
  next.scrollIntoView({ block: "nearest" });
  followPanel(next);
}

/** Whether an element can be pressed where it stands: also one that is folded away in a menu. @param {HTMLElement} one */
const reachable = (one) => one.getClientRects().length > 0 || one.closest("details:not([open])")?.getClientRects().length > 0;

/** Press, open or focus what carries the key. @param {string} key */
function use(key) {
  const all = [...document.querySelectorAll("[data-key]")].filter((one) => one.dataset.key === key && reachable(one));
  const besides = document.activeElement?.closest("#beside") || (isOpen() && "np".includes(key));
  const target = (besides && all.find((one) => one.closest("#beside"))) || all[0];
  if (!target) return false;
  if (target.matches("input, textarea, select")) {
    target.focus();
    target.select?.();
  } else if (target.matches("summary")) {
    target.parentElement.open = true;
    target.parentElement.querySelector("select, textarea, input:not([type=hidden])")?.focus();
  } else {
    if (target.matches("[data-bulk]") && !document.querySelector("input[name=pick]:checked, input[data-all]:checked")) tick(current());
    target.click();
  }
  return true;
}

/** The second key of `g` and a letter: a page, where the navigation has it. @param {string} key */
function go(key) {
  going = false;
  const link = [...document.querySelectorAll("nav[aria-label=Pages] a")].find((one) => new URL(one.href).pathname === places[key]);
  link?.click();
  return Boolean(link);
}

/** @type {Record<string, () => unknown>} */
const own = {
  j: () => walk(1),
  k: () => walk(-1),
  x: () => tick(current()),
  X: () => pickRange(current()),
  o: () => openCase(current()),
  g: () => { going = true; setTimeout(() => { going = false; }, 1500); },
  "?": () => document.getElementById("keys")?.showModal(),
};

function pressed(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  if (event.target.matches?.(typing) || document.querySelector("dialog[open]")) return;
  if (going) return void (go(event.key) && event.preventDefault());
  if (event.key === "Escape") return clearPicked();
  if (["x", "X", "o"].includes(event.key) && !current()) return void (use(event.key) && event.preventDefault());
  if (own[event.key]) own[event.key]();
  else if (event.key.length !== 1 || !use(event.key)) return;
  event.preventDefault();
}

export function installKeys() {
  document.addEventListener("keydown", pressed);
  document.addEventListener("focusin", (event) => {
    const row = event.target.closest?.("[data-rows] tbody tr");
    if (row) makeCurrent(row);
  });
}
