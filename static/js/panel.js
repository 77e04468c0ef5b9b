// On a wide screen an exception opens beside the list. Everywhere else, and with a modifier key, it is a page.

const wide = matchMedia("(min-width: 90rem)");
const panel = () => document.getElementById("beside");
let following = 0;

export const isOpen = () => Boolean(panel() && !panel().hidden);

/** @param {HTMLAnchorElement} link */
function show(link) {
  const place = panel();
  place.hidden = false;
  document.getElementById("queue-body")?.classList.add("has-panel");
  place.setAttribute("aria-busy", "true");
  const address = new URL(link.href);
  address.searchParams.set("panel", "1");
  htmx.ajax("GET", address.pathname + address.search, { target: "#panel", swap: "innerHTML", push: "false" });
}

/** @param {HTMLTableRowElement | null} row */
export function openCase(row) {
  row?.querySelector("a.ref")?.click();
}

/** Walking the list, the panel shows where one stops. @param {HTMLTableRowElement} row */
export function followPanel(row) {
  clearTimeout(following);
  if (isOpen()) following = setTimeout(() => isOpen() && openCase(row), 200);
}

export function closePanel() {
  const place = panel();
  if (!place || place.hidden) return false;
  const inside = place.contains(document.activeElement);
  place.hidden = true;
  document.getElementById("panel").replaceChildren();
  document.getElementById("queue-body")?.classList.remove("has-panel");
  if (inside) document.querySelector("tr.is-current a.ref")?.focus({ preventScroll: true });
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
  document.addEventListener("htmx:after:swap", () => panel()?.removeAttribute("aria-busy"));
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !event.defaultPrevented && !document.querySelector("dialog[open]") && closePanel()) {
      event.preventDefault();
    }
  });
}
