// Charts: a figure comes as JSON, colours come from the style sheet, a mark leads to the rows that it counts.

const tones = { breached: "--chart-breached", due_soon: "--chart-due-soon", on_track: "--chart-on-track", paused: "--chart-paused" };

/** @param {string} name */
const colour = (name) => {
  const probe = document.createElement("span");
  probe.hidden = true;
  document.body.append(probe);
  probe.style.setProperty("color", `var(${name})`);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
};

/** Plotly is large: it is loaded by the first page that has a chart. @param {string} source */
function plotly(source) {
  if (window.Plotly) return Promise.resolve(window.Plotly);
  return new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = source;
    script.onload = () => resolve(window.Plotly);
    script.onerror = reject;
    document.head.append(script);
  });
}

/** @param {HTMLElement} place */
async function draw(place) {
  place.dataset.drawn = "";
  const [lib, answer] = await Promise.all([plotly(place.dataset.plotly), fetch(place.dataset.figure)]);
  if (!place.isConnected) return;
  if (!answer.ok) throw new Error(`${place.dataset.figure}: ${answer.status}`);
  const figure = await answer.json();
  const ink = colour("--ink-soft");
  for (const trace of figure.data) trace.marker = { color: colour(tones[trace.meta] ?? "--accent") };
  Object.assign(figure.layout, { font: { family: "inherit", size: 12.5, color: ink }, autosize: true });
  for (const axis of ["xaxis", "yaxis"]) figure.layout[axis] = { ...figure.layout[axis], gridcolor: colour("--line"), zerolinecolor: colour("--line-strong") };
  lib.purge(place);
  place.replaceChildren();
  await lib.newPlot(place, figure.data, figure.layout, { displayModeBar: false, responsive: true });
  place.on("plotly_click", (event) => {
    const target = event.points[0]?.customdata;
    if (target) location.assign(target);
  });
}

/** It says so in its place, and is tried again when charts are next drawn. @param {HTMLElement} place @param {unknown} error */
function failed(place, error) {
  console.error(error);
  delete place.dataset.drawn;
  const said = document.createElement("p");
  said.className = "soft";
  said.textContent = "The chart could not be drawn. The table below has the same figures; load the page again to try once more.";
  place.replaceChildren(said);
}

/** @param {HTMLElement} place */
const tried = (place) => draw(place).catch((error) => failed(place, error));

export function drawCharts() {
  for (const place of document.querySelectorAll("[data-figure]:not([data-drawn])")) tried(place);
}

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  for (const place of document.querySelectorAll("[data-drawn]")) tried(place);
});
