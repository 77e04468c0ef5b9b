// The little that HTML and htmx cannot: keys, ticking rows, charts. Everything works without it, with more clicks.
import { drawCharts } from "./charts.js";
import { installKeys } from "./keys.js";
import { installMenus, keepMenus } from "./menus.js";
import { installOnce } from "./once.js";
import { installPanel } from "./panel.js";
import { countPicked, installPicking } from "./picking.js";
import { countMoved, emptyHeads, installRefresh, keepStill } from "./refresh.js";
import { keepCurrent } from "./rows.js";
import { installSession } from "./session.js";
import { installTrouble } from "./trouble.js";

installOnce();
installPanel();
installKeys();
installPicking();
installMenus();
installRefresh();
installSession();
installTrouble();

/** After every swap: what belongs to what is on the page now. */
function arrive() {
  keepCurrent();
  countPicked();
  countMoved();
  keepMenus();
  drawCharts();
  for (const button of document.querySelectorAll("[data-opens]")) button.hidden = false;
}

document.addEventListener("htmx:after:swap", (event) => {
  const target = event.detail?.ctx?.target;
  keepStill(target);
  emptyHeads(event.detail);
  arrive();
  const lost = !document.activeElement || document.activeElement === document.body;
  if (target === document.body && lost) document.getElementById("main")?.focus({ preventScroll: true });
});

document.addEventListener("click", (event) => {
  const opener = event.target.closest?.("[data-opens]");
  if (opener) document.getElementById(opener.dataset.opens)?.showModal();
  for (const open of document.querySelectorAll("details.menu[open], details.facet[open]")) {
    if (!open.contains(event.target)) open.open = false;
  }
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  const open = document.activeElement?.closest?.("details[open].menu, details[open].facet");
  if (open) {
    open.open = false;
    open.querySelector("summary").focus();
  }
});

arrive();
