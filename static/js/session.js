// A session that has ended is begun again on the page that is open: nothing typed there is lost, and what was about to
// be done goes on. Forms then carry the token of the new session.

const box = () => document.getElementById("again");
/** @type {() => unknown} */
let onward = () => {};

/** @param {Response} answer */
const read = async (answer) => new DOMParser().parseFromString(await answer.text(), "text/html");
/** @param {Document} page */
const tokenOf = (page) => page.querySelector("input[name=csrf_token]")?.value ?? "";

/** Whether the page read is one of the same person; one of somebody else has nothing to do with what is open here. */
function goOn(page) {
  const person = page.getElementById("again")?.dataset.person;
  if (person && person !== box().dataset.person) return location.reload(), true;
  if (!person) return false;
  for (const one of document.querySelectorAll("input[name=csrf_token]")) one.value = tokenOf(page);
  onward();
  return true;
}

/** Sign in where that is needed, then go on. @param {() => unknown} then */
export async function renew(then) {
  onward = then;
  const page = await read(await fetch(box().dataset.account));
  if (goOn(page)) return;
  const form = box().querySelector("form");
  form.reset();
  said("");
  if (!box().open) box().showModal();
  form.elements.password.focus();
}

/** @param {string} text */
function said(text) {
  const place = box().querySelector(".problem");
  place.textContent = text;
  place.hidden = !text;
}

/** @param {HTMLFormElement} form */
async function signIn(form) {
  const token = tokenOf(await read(await fetch(box().dataset.account)));
  const given = new URLSearchParams(new FormData(form));
  given.set("csrf_token", token);
  const page = await read(await fetch(form.action, { method: "POST", body: given }));
  if (page.getElementById("again")) box().close();
  if (goOn(page)) return;
  said(page.querySelector("main [role=alert]")?.textContent.trim() || "That did not work. Try again in a moment.");
  form.elements.password.select();
}

export function installSession() {
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!form.closest("#again")) return;
    event.preventDefault();
    signIn(form).catch(() => said("No answer from the server."));
  });
  document.addEventListener("click", (event) => { if (event.target.closest?.("[data-later]")) box().close(); });
}
