// A sheet opens below its button and stays within the window; a long list of choices is narrowed down by typing.

const MANY = 12; // choices from which on there is a box to type in
const EDGE = 8; // pixels that stay free at the edge of the window
/** @type {Map<string, string>} what was typed, by the id of the menu: the list comes anew with every choice */
const typed = new Map();

/** @param {HTMLElement} sheet */
function fit(sheet) {
  sheet.style.translate = "";
  if (getComputedStyle(sheet).position !== "absolute") return;
  const { left, right } = sheet.getBoundingClientRect();
  const beyond = Math.min(0, document.documentElement.clientWidth - EDGE - right) || Math.max(0, EDGE - left);
  if (beyond) sheet.style.translate = `${beyond}px`;
}

/** The box above the choices: typing hides those that do not say it. @param {HTMLElement} sheet */
function box(sheet) {
  const choices = [...sheet.querySelectorAll("label")];
  if (choices.length < MANY || sheet.querySelector(".narrow-down")) return;
  const find = document.createElement("input");
  Object.assign(find, { type: "search", className: "form-control", placeholder: "Find", autocomplete: "off" });
  find.setAttribute("aria-label", `Find in ${sheet.querySelector("legend")?.textContent ?? "these"}`);
  const place = document.createElement("div");
  place.className = "narrow-down";
  place.append(find);
  sheet.querySelector("legend")?.after(place);
  for (const kind of ["input", "change"]) find.addEventListener(kind, (event) => event.stopPropagation()); // no filter of the queue
  const narrow = () => {
    typed.set(sheet.parentElement.id, find.value);
    const said = find.value.trim().toLowerCase();
    for (const one of choices) one.hidden = !one.textContent.toLowerCase().includes(said);
  };
  find.addEventListener("input", narrow);
  find.addEventListener("keydown", (event) => {
    if (event.key === "Enter") event.preventDefault();
  });
  find.value = typed.get(sheet.parentElement.id) ?? "";
  narrow();
}

/** After a swap, or in a window of another width: what is open is as it was, and within the window. */
export function keepMenus() {
  for (const sheet of document.querySelectorAll("details[open]:is(.facet, .menu) > .sheet")) {
    if (sheet.matches("fieldset")) box(sheet);
    fit(sheet);
  }
}

export function installMenus() {
  addEventListener("resize", keepMenus);
  document.addEventListener("toggle", (event) => {
    if (!event.target.open) typed.delete(event.target.id);
    const sheet = event.target.open && event.target.matches?.("details.facet, details.menu") && event.target.querySelector(":scope > .sheet");
    if (!sheet) return;
    if (sheet.matches("fieldset")) box(sheet);
    fit(sheet);
    sheet.querySelector(".narrow-down input")?.focus({ preventScroll: true });
  }, { capture: true });
}
