// The rows of a list and the current one, which is remembered by its id: a refresh may not lose it.

let currentId = "";

/** @returns {HTMLTableRowElement[]} */
export const rows = () => [...document.querySelectorAll("[data-rows] tbody tr")];

/** @returns {HTMLTableRowElement | null} */
export const current = () => document.querySelector("[data-rows] tr.is-current");

/** The row of an exception, where the list shows it. @param {string} reference @returns {HTMLTableRowElement | null} */
export const rowOf = (reference) => rows().find((row) => row.querySelector("a.ref")?.dataset.case === reference) ?? null;

/** @param {HTMLTableRowElement | null} row null: none of them */
export function makeCurrent(row) {
  if (row && row === current()) return;
  for (const one of document.querySelectorAll("tr.is-current")) one.classList.remove("is-current");
  row?.classList.add("is-current");
  currentId = row?.id ?? "";
}

/** After a swap: the same row is the current one, where it is still there. */
export function keepCurrent() {
  const row = currentId && document.getElementById(currentId);
  if (row && !current()) row.classList.add("is-current");
}
