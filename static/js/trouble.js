// What goes wrong between this page and the server is said in one line at its foot, with a way on; what stands on the
// page stays. A part of the page is never replaced by an error page, nor is the page by one that asks to sign in.
import { mayGoAgain } from "./once.js";
import { isRefresh, refreshRows } from "./refresh.js";
import { renew } from "./session.js";

const place = () => document.getElementById("trouble");
/** @type {() => unknown} */
let then = () => {};
/** Whether what is said is only about what is asked for by the clock: that it answers again is the end of it. */
let quiet = false;

/** @param {string} text @param {string} [label] of the button, where there is something to do @param {() => unknown} [act] */
export function say(text, label = "", act = hush) {
  const line = place();
  if (!line) return;
  then = act;
  quiet = false;
  const words = line.querySelector("[data-said]");
  if (!line.hidden && words.textContent === text) return;
  words.textContent = text;
  const button = line.querySelector("[data-then]");
  button.textContent = label;
  button.hidden = !label;
  line.hidden = false;
}

export function hush() {
  if (place()) place().hidden = true;
}

/** Whether nobody waits for it: rows and figures that are asked for by the clock. */
const isQuiet = (ctx) => isRefresh(ctx.target) || Boolean(ctx.sourceElement?.getAttribute?.("hx-trigger")?.includes("every"));
const isRead = (ctx) => ctx.request.method === "GET";

/** Once more what was asked for, from the same place. */
function again(ctx) {
  const from = ctx.sourceElement;
  hush();
  if (!from?.isConnected || isQuiet(ctx)) return refreshRows();
  if (from.matches("form")) {
    mayGoAgain(from);
    return from.requestSubmit(ctx.request.submitter ?? null);
  }
  if (from.matches("a, button")) return from.click();
  return htmx.ajax("GET", ctx.request.action, { source: from, target: ctx.target, swap: ctx.swap, push: "false" });
}

/** Nothing came back. */
function unanswered({ detail: { ctx } }) {
  if (!ctx || ctx.response) return;
  if (isQuiet(ctx)) {
    if (place()?.hidden === false) return;
    say("No connection: what you see may be out of date. It is tried again by itself.");
    quiet = true;
    return;
  }
  if (isRead(ctx)) return say("No answer from the server. What you see is what was there before.", "Try again", () => again(ctx));
  say("No answer from the server. It may not have been done; what you typed is still here.", "Send again", () => again(ctx));
}

/** The session has ended, or is another one than that of the form. */
function unknown(event) {
  const { ctx } = event.detail;
  if (![401, 419].includes(ctx.response.status)) return void (ctx.response.status < 500 && (quiet || !isQuiet(ctx)) && hush());
  event.preventDefault();
  const lost = () => say("No answer from the server.", "Try again", ask);
  const ask = () => renew(() => { hush(); again(ctx); }).catch(lost);
  say("You have been signed out. What you typed is still here.", "Sign in", ask);
  if (!isQuiet(ctx)) ask();
}

/** An error page in answer to a part of the page, or to something that was sent, is told and not shown. */
function refused(event) {
  const { ctx } = event.detail;
  if (!(ctx.response?.status >= 400) || (ctx.target === document.body && isRead(ctx))) return;
  const page = new DOMParser().parseFromString(ctx.text, "text/html").querySelector("[data-error]");
  if (!page) return;
  event.preventDefault();
  const [title, advice, code] = ["h1", "p", "code"].map((name) => page.querySelector(name)?.textContent ?? "");
  const kept = isRead(ctx) ? "What you see is what was there before." : "Nothing was changed, and what you typed is still here.";
  if (ctx.response.status < 500) return say(`${title}. ${advice}`);
  say(`${title}. ${kept}${code && ` Reference: ${code}`}`, isQuiet(ctx) ? "" : "Try again", () => again(ctx));
}

export function installTrouble() {
  document.addEventListener("htmx:error", unanswered);
  document.addEventListener("htmx:after:request", unknown);
  document.addEventListener("htmx:before:swap", refused);
  addEventListener("offline", () => say("You are offline: what you see may be out of date."));
  addEventListener("online", () => { hush(); refreshRows(); });
  document.addEventListener("click", (event) => { if (event.target.closest?.("[data-then]")) then(); });
}
