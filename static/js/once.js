// A form that is on its way is not sent a second time: a double click is one comment, one claim, one retry.

const PATIENCE = 8000; // milliseconds after which a form that nobody answered may be sent again
let sending = new WeakSet();

/** It may be sent again now: nobody answered, or it was refused. @param {HTMLFormElement} form */
export const mayGoAgain = (form) => sending.delete(form);

export function installOnce() {
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.getAttribute("method")?.toLowerCase() !== "post" || form.closest("dialog")) return;
    if (sending.has(form)) {
      event.preventDefault();
      event.stopImmediatePropagation();
      return;
    }
    sending.add(form);
    setTimeout(() => sending.delete(form), PATIENCE);
  }, { capture: true });
  document.addEventListener("htmx:finally:request", (event) => {
    const form = event.detail?.ctx?.sourceElement?.closest?.("form");
    if (form) setTimeout(() => sending.delete(form), 250);
  });
  addEventListener("pageshow", () => { sending = new WeakSet(); });
}
