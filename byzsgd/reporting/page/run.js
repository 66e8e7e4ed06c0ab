// One run: its workers' timeline, and each decision explained.
const now = { run: null, place: 0 };

function column(name) {
  const found = now.run.deliveries.columns[name];
  return found && found.words ? found.index.map((place) => found.words[place]) : found;
}

function drawRun() {
  now.run = data.runs[Number(byId("run").value)];
  const run = now.run, part = run.deliveries;
  const count = part.columns.arrival.length;
  const facts = [["status", run.why ? `${run.status}: ${run.why}` : run.status], ...run.facts];
  if (run.folder) facts.push(["folder", run.folder]);
  if (count < part.total) facts.push(["shown below", `deliveries ${part.first} to ${part.first + count - 1} of ${part.total}`]);
  byId("facts").replaceChildren(...facts.flatMap(([name, said]) => [element("dt", name), element("dd", said)]));
  byId("run-command").textContent = run.command;
  const kept = byId("score").value, scores = [...part.scores.filter((name) => !name.endsWith("_threshold")), "norm", "staleness"];
  options(byId("score"), scores.map((name) => [name, words(name)]), scores.includes(kept) ? kept : scores[0]);
  const field = byId("delivery");
  field.min = part.first;
  field.max = part.first + Math.max(0, count - 1);
  byId("written").hidden = !run.notes;
  byId("written").textContent = run.notes ? `notes.md of this run, not vouched for:\n\n${run.notes}` : "";
  drawDifferences();
  drawTimeline();
  const refused = column("accepted").indexOf(0);
  goTo(refused < 0 ? 0 : refused);
}

// Which settings differ between this run and another.
function drawDifferences() {
  const other = byId("other").value, box = byId("differences");
  if (other === "") {
    box.replaceChildren();
    return;
  }
  const mine = Number(byId("run").value), table = element("table");
  const differing = Object.entries(data.settings).filter(([, column]) => column[mine] !== column[Number(other)]);
  const head = element("tr");
  head.append(...["setting", "this run", "the other"].map((name) => element("th", name, { scope: "col", class: "name" })));
  table.append(element("caption", differing.length ? "What differs" : "Nothing differs"), ...(differing.length ? [head] : []));
  for (const [key, column] of differing) {
    const line = element("tr");
    line.append(element("th", key, { scope: "row", class: "name" }), ...[mine, Number(other)].map((place) => element("td", column[place] ?? "–", { class: "name" })));
    table.append(line);
  }
  const scroll = element("div", undefined, { class: "scroll" });
  scroll.append(table);
  box.replaceChildren(scroll);
}

function drawTimeline() {
  const arrivals = column("arrival");
  const time = column("time"), began = column("began"), worker = column("worker");
  const liars = column("byzantine"), accepted = column("accepted"), reason = column("reason");
  const traces = [];
  for (const kind of [0, 1]) {
    const x = [], y = [];
    arrivals.forEach((_, place) => {
      if (liars[place] !== kind) return;
      // A wedge, so that it is seen where a job starts, also right behind the one before.
      x.push(began[place], time[place], time[place], began[place], null);
      y.push(worker[place] - 0.08, worker[place] - 0.4, worker[place] + 0.4, worker[place] + 0.08, null);
    });
    if (!x.length) continue;
    const colour = kindColour(kind);
    traces.push({
      x, y, mode: "lines", fill: "toself", fillcolor: faded(colour, 0.35), line: { color: faded(colour, 0.35), width: 0 }, hoverinfo: "skip",
      name: `${kind ? "Byzantine" : "honest"} job, from thin to thick`,
    });
    for (const passed of [1, 0]) {
      const places = arrivals.map((_, place) => place).filter((place) => liars[place] === kind && accepted[place] === passed);
      traces.push({
        x: places.map((place) => time[place]), y: places.map((place) => worker[place]), customdata: places, mode: "markers",
        marker: { symbol: passed ? "circle" : "x", size: 7, color: colour }, name: `${kind ? "Byzantine" : "honest"} ${passed ? "accepted" : "refused"}`,
        text: places.map((place) => `delivery ${arrivals[place]}: ${reason[place]}`), hovertemplate: "worker %{y}, %{x:.3f} s<br>%{text}<extra></extra>",
      });
    }
  }
  const workers = worker.reduce((most, each) => Math.max(most, each), 0) + 1;
  const start = time.length ? time[Math.floor(time.length / 2)] : 0;
  const end = time.length ? time[Math.min(time.length - 1, Math.floor(time.length / 2) + 6 * workers)] : 1;
  Plotly.react("timeline-plot", traces, layout("virtual time (s)", "worker", {
    xaxis: { range: [start, end > start ? end : start + 1], rangeslider: { visible: true, thickness: 0.08 } },
    yaxis: { range: [workers - 0.4, -0.6], dtick: workers > 20 ? 5 : 1 }, dragmode: "pan",
  }), PLOT);
  listen("timeline-plot");
}

function listen(id) {
  const plot = byId(id);
  plot.removeAllListeners?.("plotly_click");
  plot.on("plotly_click", (event) => {
    const place = event.points[0].customdata;
    if (Number.isInteger(place)) goTo(place);
  });
}

function drawDecisions() {
  const score = byId("score").value;
  const arrivals = column("arrival"), values = column(score), threshold = column(`${score}_threshold`);
  const liars = column("byzantine"), accepted = column("accepted");
  const traces = [];
  for (const kind of [0, 1]) {
    for (const passed of [1, 0]) {
      const places = arrivals.map((_, place) => place)
        .filter((place) => liars[place] === kind && accepted[place] === passed && typeof values[place] === "number");
      if (!places.length) continue;
      traces.push({
        x: places.map((place) => arrivals[place]), y: places.map((place) => values[place]), customdata: places, mode: "markers",
        marker: { symbol: (kind ? "triangle-up" : "circle") + (passed ? "" : "-open"), size: 6, color: kindColour(kind) },
        name: `${kind ? "Byzantine" : "honest"} ${passed ? "accepted" : "refused"}`,
        hovertemplate: "delivery %{x}: %{y:.4g}<extra>%{fullData.name}</extra>",
      });
    }
  }
  if (threshold) {
    traces.push({ x: arrivals, y: threshold.map((value) => (typeof value === "number" ? value : null)), mode: "lines", name: "threshold", line: { color: paper().ink, width: 1.3, shape: "hv" }, hoverinfo: "skip" });
  }
  if (arrivals.length && typeof values[now.place] === "number") {
    traces.push({ x: [arrivals[now.place]], y: [values[now.place]], mode: "markers", showlegend: false, hoverinfo: "skip",
      marker: { symbol: "circle-open", size: 16, color: paper().ink, line: { width: 2.5 } } });
  }
  const positive = values.some((value) => typeof value === "number" && value > 0);
  Plotly.react("decisions-plot", traces, layout("delivery", words(score), {
    yaxis: { type: score !== "staleness" && positive ? "log" : "linear" }, uirevision: score + byId("run").value, showlegend: true,
  }), PLOT);
  listen("decisions-plot");
}

function goTo(place) {
  now.place = place;
  byId("delivery").value = column("arrival").length ? column("arrival")[place] : "";
  drawDecisions();
  explain();
}

function explain() {
  const part = now.run.deliveries, box = byId("decision");
  if (!part.columns.arrival.length) {
    box.replaceChildren(element("p", "Nothing was delivered."));
    return;
  }
  const of = (name) => column(name)[now.place];
  const said = (value) => (typeof value === "number" ? String(Number(value.toPrecision(4))) : value);
  const reason = of("reason");
  const measured = part.scores.filter((name) => of(name) !== null);
  let verdict = `Accepted with weight ${said(of("weight"))}${of("updated") ? "; the server then made a step" : ""}.`;
  if (!of("accepted")) {
    verdict = `Refused by ${words(reason)}.`;
    if (measured.includes(reason) && measured.includes(`${reason}_threshold`)) {
      verdict = `Refused by ${words(reason)}: ${said(of(reason))} is not within the threshold ${said(of(`${reason}_threshold`))}.`;
    }
  }
  const facts = [
    ["delivery", `${of("arrival")} at ${said(of("time"))} s`],
    ["worker", `${of("worker")} (${of("byzantine") ? "Byzantine" : "honest"})`],
    ["computed on", `version ${of("read_at")}; the server was at ${of("step")}: staleness ${of("staleness")}`],
    ["norm of the vector", said(of("norm"))],
    ...measured.map((name) => [words(name), said(of(name))]),
  ];
  const list = element("dl");
  list.append(...facts.flatMap(([name, value]) => [element("dt", name), element("dd", value)]));
  box.replaceChildren(element("p", verdict, { class: "verdict" }), list);
}

function startRun() {
  const entries = [];
  data.groups.forEach((group) => group.runs.forEach((place) => {
    entries.push([String(place), `${group.label}, seed ${data.runs[place].seed}`]);
  }));
  const rich = data.groups.find((group) => data.runs[group.runs[0]].deliveries.scores.length) ?? data.groups[0];
  options(byId("run"), entries, String(rich.runs[0]));
  options(byId("other"), [["", "no other"], ...entries]);
  const scores = new Set(data.runs.flatMap((run) => run.deliveries.scores).filter((name) => !name.endsWith("_threshold")));
  options(byId("score"), [...scores, "norm", "staleness"].map((name) => [name, words(name)]));
  byId("run").addEventListener("change", drawRun);
  byId("other").addEventListener("change", drawDifferences);
  byId("score").addEventListener("change", drawDecisions);
  byId("delivery").addEventListener("change", () => {
    const place = column("arrival").indexOf(Number(byId("delivery").value));
    if (place >= 0) goTo(place);
  });
  const last = () => column("arrival").length - 1;
  byId("previous").addEventListener("click", () => goTo(Math.max(0, now.place - 1)));
  byId("next").addEventListener("click", () => goTo(Math.min(last(), now.place + 1)));
  byId("next-refused").addEventListener("click", () => {
    const place = column("accepted").indexOf(0, now.place + 1);
    if (place >= 0) goTo(place);
  });
}
