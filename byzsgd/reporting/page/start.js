// The page: what is chosen, and the small things that every part uses. Data are only ever set as text.
const data = JSON.parse(document.getElementById("data").textContent);
const byId = (id) => document.getElementById(id);
const HONEST = "#0B5394", BYZANTINE = "#D1490C", INK = "#222222";
const AXES = { step: "server updates", time: "virtual time (s)", arrivals: "delivered vectors" };
const STILL = ["diverged", "stalled"]; // nothing changes after the end of such a run
const PLOT = { responsive: true, displaylogo: false, modeBarButtonsToRemove: ["lasso2d", "select2d"] };

function element(name, text, attributes = {}) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

function options(select, entries, chosen) {
  select.replaceChildren(...entries.map(([value, text]) => element("option", text, { value })));
  if (chosen !== undefined) select.value = chosen;
}

function words(name) {
  return name.replaceAll("_", " ");
}

function layout(x, y, more = {}) {
  return {
    font: { family: "system-ui, sans-serif", size: 13, color: INK },
    margin: { l: 60, r: 15, t: 32, b: 50 },
    hovermode: "closest",
    paper_bgcolor: "#fff",
    plot_bgcolor: "#fff",
    legend: { orientation: "h", yref: "container", y: 0, yanchor: "bottom" },
    ...more,
    xaxis: { title: { text: x }, gridcolor: "#e6e6e6", zeroline: false, automargin: true, ...more.xaxis },
    yaxis: { title: { text: y }, gridcolor: "#e6e6e6", zeroline: false, automargin: true, ...more.yaxis },
  };
}

function faded(colour, share) {
  const part = (start) => parseInt(colour.slice(start, start + 2), 16);
  return `rgba(${part(1)},${part(3)},${part(5)},${share})`;
}

// What is chosen: for each key and for the seeds, the values that are shown.
const chosen = { values: data.keys.map((key) => new Set(key.values)), seeds: new Set(data.seeds) };

function shownGroups() {
  return data.groups.filter((group) => group.values.every((value, place) => chosen.values[place].has(value)));
}

function shownRuns(group) {
  return group.runs.map((number) => data.runs[number]).filter((run) => chosen.seeds.has(run.seed));
}

function startChoices() {
  const limited = data.groups.length > 16;
  data.keys.forEach((key, place) => {
    // Many curves at once tell nothing: begin with one value of whatever is not the server.
    if (limited && place > 0) chosen.values[place] = new Set([key.values.find((value) => !value.startsWith("no ")) ?? key.values[0]]);
    byId("choices").append(choiceOf(key.name, key.values, chosen.values[place]));
  });
  if (data.seeds.length > 1) byId("choices").append(choiceOf("seed", data.seeds, chosen.seeds));
  byId("choose-all").addEventListener("click", () => {
    for (const box of byId("choices").querySelectorAll("input")) {
      if (!box.checked) box.click();
    }
  });
}

function choiceOf(name, values, kept) {
  const field = element("fieldset");
  field.append(element("legend", name));
  for (const value of values) {
    const label = element("label");
    const box = element("input", undefined, { type: "checkbox", value, "data-key": name });
    box.checked = kept.has(value);
    box.addEventListener("change", () => {
      if (box.checked) kept.add(value);
      else kept.delete(value);
      drawChosen();
    });
    label.append(box, ` ${value}`);
    field.append(label);
  }
  return field;
}

// Shows one group only, as when a cell of the heatmap is opened.
function chooseOnly(group) {
  for (const box of byId("choices").querySelectorAll("input")) {
    const place = data.keys.findIndex((key) => key.name === box.dataset.key);
    const wanted = place < 0 ? true : group.values[place] === box.value;
    const kept = place < 0 ? chosen.seeds : chosen.values[place];
    box.checked = wanted;
    if (wanted) kept.add(box.value);
    else kept.delete(box.value);
  }
  drawChosen();
}

// Marks are drawn only where two of the shown curves would else look alike.
function marks(groups, group) {
  const alike = groups.filter((other) => other.colour === group.colour && other.dash === group.dash);
  return alike.length > 1 ? { mode: "lines+markers", marker: { symbol: group.symbol, size: 7, color: group.colour } } : { mode: "lines" };
}

function drawChosen() {
  const groups = shownGroups();
  const runs = groups.flatMap(shownRuns);
  byId("chosen").value = `${runs.length} of ${data.runs.length} runs in ${groups.length} curves`;
  drawCurves();
  drawAcceptance();
}
