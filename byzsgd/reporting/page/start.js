// The page: what is chosen, and the small things that every part uses. Data are only ever set as text.
const data = JSON.parse(document.getElementById("data").textContent);
const byId = (id) => document.getElementById(id);
const AXES = { step: "server updates", time: "virtual time (s)", arrivals: "delivered vectors" };
const STILL = ["diverged", "stalled"]; // nothing changes after the end of such a run
const PLOT = { responsive: true, displaylogo: false, modeBarButtonsToRemove: ["lasso2d", "select2d"] };
const dark = matchMedia("(prefers-color-scheme: dark)");

// Colours of the figures are those of the page; the palette is made for white paper, so the dark page has it lighter.
function paper() {
  return dark.matches ? { ink: "#e8e8e8", back: "#16181c", grid: "#33363c" } : { ink: "#222222", back: "#ffffff", grid: "#e6e6e6" };
}

function shown(colour) {
  if (!dark.matches) return colour;
  const part = (start) => Math.round(parseInt(colour.slice(start, start + 2), 16) * 0.6 + 255 * 0.4);
  return `#${[1, 3, 5].map((start) => part(start).toString(16).padStart(2, "0")).join("")}`;
}

const kindColour = (byzantine) => shown(byzantine ? "#D1490C" : "#0B5394");

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

// Words in a title of the plotting library, which would read them as markup.
function plain(text) {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

// As in figures and tables (byzsgd/analysis/estimates.py).
function number(value, digits = 3) {
  if (!Number.isFinite(value)) return value > 0 ? "inf" : "−inf";
  return value.toFixed(digits).replace("-", "−");
}

function layout(x, y, more = {}) {
  const { ink, back, grid } = paper();
  return {
    font: { family: "system-ui, sans-serif", size: 13, color: ink },
    margin: { l: 60, r: 15, t: 32, b: 50 },
    hovermode: "closest",
    paper_bgcolor: back,
    plot_bgcolor: back,
    legend: { orientation: "h", yref: "container", y: 0, yanchor: "bottom" },
    ...more,
    xaxis: { title: { text: x }, gridcolor: grid, zeroline: false, automargin: true, ...more.xaxis },
    yaxis: { title: { text: y }, gridcolor: grid, zeroline: false, automargin: true, ...more.yaxis },
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
  return group.runs.map((place) => data.runs[place]).filter((run) => chosen.seeds.has(run.seed));
}

function startChoices() {
  const limited = data.groups.length > 16;
  data.keys.forEach((key, place) => {
    // Many curves at once tell nothing: begin with one value of whatever is neither the server nor makes panels.
    if (limited && place > 1) chosen.values[place] = new Set([key.values.find((value) => !value.startsWith("no ")) ?? key.values[0]]);
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

// The sets of what is chosen by the names of their boxes.
function choiceSets() {
  return [...data.keys.map((key, place) => [key.name, key.values, chosen.values[place]]), ["seed", data.seeds, chosen.seeds]];
}

function choose(wanted) {
  for (const [name, values, kept] of choiceSets()) {
    kept.clear();
    for (const value of values) if (wanted(name, value)) kept.add(value);
  }
  for (const box of byId("choices").querySelectorAll("input")) box.checked = wanted(box.dataset.key, box.value);
}

// Shows one group only, as when a cell of the heatmap is opened.
function chooseOnly(group) {
  choose((name, value) => {
    const place = data.keys.findIndex((key) => key.name === name);
    return place < 0 || group.values[place] === value;
  });
  drawChosen();
  remember();
}

function drawChosen() {
  const groups = shownGroups();
  const runs = groups.flatMap(shownRuns);
  byId("chosen").value = `${runs.length} of ${data.runs.length} runs in ${groups.length} curves`;
  drawCurves();
  drawAcceptance();
}
