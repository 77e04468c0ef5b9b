// Ticking rows: the box in the head ticks the page, the bar says how many.

const boxes = () => [...document.querySelectorAll("input[name=pick]")];

export function countPicked() {
  const all = boxes();
  const picked = all.filter((box) => box.checked).length;
  const said = document.querySelector("[data-picked]");
  if (said) said.textContent = picked ? `${picked} ticked` : "";
  const head = document.querySelector("[data-pick-all]");
  if (head) {
    head.hidden = false;
    head.checked = picked > 0 && picked === all.length;
    head.indeterminate = picked > 0 && picked < all.length;
  }
}

export function installPicking() {
  document.addEventListener("change", (event) => {
    if (event.target.matches?.("[data-pick-all]")) for (const box of boxes()) box.checked = event.target.checked;
    if (event.target.matches?.("[data-pick-all], input[name=pick]")) countPicked();
  });
}
