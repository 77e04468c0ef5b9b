// One key, one thing: an element says its key in data-key; rows of a table in [data-rows] are walked with j and k.
import { installArriving, whenHere } from "./arriving.js";
import { clearPicked, isPicked, pickRange, tick } from "./picking.js";
import { followPanel, hasFocus, isOpen, openCase, shown, whenShown } from "./panel.js";
import { current, makeCurrent, rows } from "./rows.js";

const typing = "input:not([type=checkbox]):not([type=radio]), textarea, select, [contenteditable]";
/** Keys that are not about what is shown beside the list, so that they never wait for it. */
const elsewhere = "jkog?/";
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

/**
 * What a key is about: where an exception is open beside the list, that one, unless rows are ticked and the focus is
 * in the list. A key that it does not offer does nothing then: it never falls on another exception.
 * @param {string} key
 */
function target(key) {
  const all = [...document.querySelectorAll("[data-key]")].filter((one) => one.dataset.key === key && reachable(one));
  const beside = all.find((one) => one.closest("#beside"));
  const listed = all.find((one) => !one.closest("#beside"));
  if (!isOpen()) return listed;
  if ("np".includes(key)) return beside;
  if (hasFocus() || !isPicked()) return beside ?? (listed?.matches("[data-bulk]") ? undefined : listed);
  return listed ?? beside;
}

/** Press, open or focus what carries the key. @param {string} key */
function use(key) {
  const one = target(key);
  if (!one) return false;
  if (one.matches("input, textarea, select")) {
    one.focus();
    one.select?.();
  } else if (one.matches("summary")) {
    one.parentElement.open = true;
    one.parentElement.querySelector("select, textarea, input:not([type=hidden])")?.focus();
  } else {
    if (one.matches("[data-bulk]") && !isPicked()) tick(current());
    one.click();
  }
  return true;
}

/** Open the current row; from the list into what is open beside it already, and from there as a page. */
function open() {
  const row = current();
  if (!row || hasFocus()) return use("o");
  if (row.querySelector("a.ref")?.dataset.case === shown()) document.getElementById("panel-title")?.focus();
  else openCase(row);
  return true;
}

/** The second key of `g` and a letter: a page, where the person has it. @param {string} key */
function go(key) {
  going = false;
  const link = document.querySelector(`[data-go="${CSS.escape(key)}"]`);
  link?.click();
  return Boolean(link);
}

/** @type {Record<string, () => unknown>} */
const own = {
  j: () => walk(1),
  k: () => walk(-1),
  x: () => tick(current()),
  X: () => pickRange(current()),
  o: open,
  g: () => { going = true; setTimeout(() => { going = false; }, 1500); },
  "?": () => document.getElementById("keys")?.showModal(),
};

/** @param {string} key @returns whether it was one of ours */
function press(key) {
  if (!own[key] || ("xX".includes(key) && !current())) return use(key);
  return own[key](), true;
}

/** One key of a person who is not typing, on the page that is here now. @param {string} key @returns whether it was ours */
function strike(key) {
  if (going) return go(key);
  if (key === "Escape") return clearPicked(), false;
  return (!elsewhere.includes(key) && whenShown(() => press(key))) || press(key);
}

/** @param {KeyboardEvent} event */
function pressed(event) {
  const { key } = event;
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  if (event.target.matches?.(typing) || document.querySelector("dialog[open]")) return;
  if (key !== "Escape" && key.length !== 1) return;
  if (whenHere(() => strike(key)) || strike(key)) event.preventDefault();
}

export function installKeys() {
  installArriving();
  document.addEventListener("keydown", pressed);
  document.addEventListener("focusin", (event) => {
    const row = event.target.closest?.("[data-rows] tbody tr");
    if (row) makeCurrent(row);
  });
}
