// While another page or list is on its way, a key is about that one: it waits until it is here, and is forgotten when it does
// not come. Pressed on the page that is about to go, `n` and then `c` would claim the exception before.

/** @type {Set<object>} requests whose answer is the next page, or the list anew */
const coming = new Set();
/** @type {(() => unknown)[]} keys that were pressed meanwhile */
let held = [];

/** @param {() => unknown} act @returns whether it waits */
export function whenHere(act) {
  if (coming.size) held.push(act);
  return coming.size > 0;
}

/** @param {CustomEvent} event */
function begun({ detail: { ctx } }) {
  if (ctx.target === document.body || ctx.target?.id === "queue") coming.add(ctx);
}

/** Each of what was held is struck anew: one of them may ask for yet another page. @param {CustomEvent} event */
function ended({ detail: { ctx } }) {
  if (!coming.delete(ctx) || coming.size) return;
  const waiting = ctx.status === "swapped" ? held : [];
  held = [];
  if (waiting.length) setTimeout(() => waiting.forEach((act) => whenHere(act) || act()));
}

export function installArriving() {
  document.addEventListener("htmx:before:request", begun);
  document.addEventListener("htmx:finally:request", ended);
}
