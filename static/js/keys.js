// One key, one thing: an element says its key in data-key; rows of a table in [data-rows] are walked with j and k.

const typing = "input:not([type=checkbox]):not([type=radio]), textarea, select, [contenteditable]";

/** @returns {HTMLTableRowElement[]} */
const rows = () => [...document.querySelectorAll("[data-rows] tbody tr")];
const current = () => document.querySelector("tr.is-current");

/** @param {number} step */
function walk(step) {
  const all = rows();
  if (!all.length) return;
  const at = all.indexOf(current());
  const next = all[Math.max(0, Math.min(all.length - 1, at < 0 ? 0 : at + step))];
  current()?.classList.remove("is-current");
  next.classList.add("is-current");
  next.querySelector("a.ref")?.focus({ preventScroll: true });
  next.scrollIntoView({ block: "nearest" });
}

function tick() {
  const box = current()?.querySelector("input[name=pick]");
  if (!box) return;
  box.checked = !box.checked;
  box.dispatchEvent(new Event("change", { bubbles: true }));
}

/** Press, open or focus what carries the key. @param {string} key */
function use(key) {
  const target = [...document.querySelectorAll("[data-key]")].find((one) => one.dataset.key === key && one.getClientRects().length);
  if (!target) return false;
  if (target.matches("input, textarea, select")) {
    target.focus();
    target.select?.();
  } else if (target.matches("summary")) {
    target.parentElement.open = true;
    target.parentElement.querySelector("select, textarea, input:not([type=hidden])")?.focus();
  } else {
    if (target.matches("[data-bulk]") && !document.querySelector("input[name=pick]:checked")) tick();
    target.click();
  }
  return true;
}

export function installKeys() {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if (event.target.matches?.(typing) || document.querySelector("dialog[open]")) return;
    const done = { j: () => walk(1), k: () => walk(-1), x: tick, "?": () => document.getElementById("keys")?.showModal() };
    if (done[event.key]) done[event.key]();
    else if (event.key.length !== 1 || !use(event.key)) return;
    event.preventDefault();
  });
  document.addEventListener("focusin", (event) => {
    const row = event.target.closest?.("[data-rows] tbody tr");
    if (!row || row === current()) return;
    current()?.classList.remove("is-current");
    row.classList.add("is-current");
  });
}
