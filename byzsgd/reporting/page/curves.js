// Curves over seeds: the median and the range of those that are chosen. A run that diverged counts as the worst, as in the
// package's own figures (byzsgd/analysis/bands.py).

function curveOf(run, metric, axis) {
  const xs = run.curve[axis], ys = run.curve[metric];
  if (!ys) return null;
  const found = new Map();
  xs.forEach((x, place) => { if (x !== null && ys[place] !== null) found.set(x, ys[place]); });
  if (found.size === 0) return null;
  const diverged = run.status === "diverged";
  const points = smoothed([...found].sort((first, second) => first[0] - second[0]), diverged);
  const end = Math.max(...xs.filter((x) => x !== null));
  return { points, end, stays: STILL.includes(run.status), diverged };
}

// The mean of so many evaluations around each; where a run diverged is no part of it.
function smoothed(points, diverged) {
  const reach = (Number(byId("smooth").value) - 1) / 2, whole = diverged ? points.slice(0, -1) : points;
  if (!reach) return points;
  const made = whole.map(([x], place) => {
    const near = whole.slice(Math.max(0, place - reach), place + reach + 1);
    return [x, near.reduce((sum, [, y]) => sum + y, 0) / near.length];
  });
  return diverged ? [...made, points[points.length - 1]] : made;
}

function at(points, x) {
  if (x <= points[0][0]) return points[0][1];
  for (let place = 1; place < points.length; place += 1) {
    const [right, high] = points[place];
    if (x <= right) {
      const [left, low] = points[place - 1];
      return low + ((high - low) * (x - left)) / (right - left);
    }
  }
  return points[points.length - 1][1];
}

function median(values) {
  const sorted = [...values].sort((first, second) => first - second), half = Math.floor(sorted.length / 2);
  return sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

function bandOf(curves, worst = -Infinity) {
  const last = (curve) => curve.points[curve.points.length - 1][0];
  const going = curves.filter((curve) => !curve.stays).map(last);
  const horizon = going.length ? Math.min(...going) : Math.max(...curves.map((curve) => curve.end));
  const first = Math.max(...curves.map((curve) => curve.points[0][0]));
  const places = new Set(curves.flatMap((curve) => curve.points.map(([x]) => x)));
  const x = [], middle = [], low = [], high = [];
  for (const place of [...places].filter((place) => place >= first && place <= horizon).sort((a, b) => a - b)) {
    const values = curves.map((curve) => (curve.diverged && place >= curve.end ? worst : at(curve.points, place)));
    const known = values.filter(Number.isFinite), central = median(values);
    if (central === Infinity) break;
    x.push(place);
    middle.push(Number.isFinite(central) ? central : 0);
    low.push(Number.isFinite(central) ? Math.min(...known) : 0);
    high.push(Number.isFinite(central) ? Math.max(...known) : 0);
  }
  return { x, middle, low, high, range: low.map((y, place) => [y, high[place]]) };
}

const panelsOf = (curves) => [...new Set(curves.map((curve) => curve.panel))];

function drawCurves() {
  const metric = byId("metric").value, spread = byId("spread").value, axis = axisNow();
  const traces = [], drawn = [];
  for (const curve of selectedCurves()) {
    const found = curve.runs.map((run) => ({ run, curve: curveOf(run, metric, axis) })).filter((each) => each.curve);
    if (found.length) drawn.push({ ...curve, found });
  }
  for (const each of drawn) {
    const { found, colour, dash, line: name, panel } = each;
    const own = { name, panel, group: panel ? `${name}, ${panel}` : name };
    const line = { color: colour, dash, width: 2 };
    if (spread === "median") {
      const worst = metric.endsWith("accuracy") ? -Infinity : Infinity;
      const { x, middle, low, high, range } = bandOf(found.map((one) => one.curve), worst);
      if (low.some((y, place) => y < high[place])) {
        traces.push({
          ...own, x: [...x, ...[...x].reverse()], y: [...high, ...[...low].reverse()],
          fill: "toself", fillcolor: faded(colour, 0.14), line: { width: 0 }, mode: "lines", hoverinfo: "skip", showlegend: false,
        });
      }
      traces.push({
        ...own, x, y: middle, ...marks(drawn, each), line, customdata: range, meta: "median",
        hovertemplate: `%{y:.3f} (%{customdata[0]:.3f} … %{customdata[1]:.3f})<br>${AXES[axis]}: %{x}<extra>%{fullData.name}, ${found.length} runs</extra>`,
      });
    } else {
      found.forEach(({ run, curve }) => traces.push({
        ...own, x: curve.points.map(([x]) => x), y: curve.points.map(([, y]) => y), ...marks(drawn, each), line: { ...line, width: 1.3 }, meta: "seed",
        hovertemplate: `%{y:.3f}<br>${AXES[axis]}: %{x}<extra>%{fullData.name}, seed ${run.seed}</extra>`,
      }));
    }
    const ends = found.filter((one) => one.curve.diverged).map((one) => one.curve.points[one.curve.points.length - 1]);
    if (ends.length) {
      traces.push({
        ...own, x: ends.map(([x]) => x), y: ends.map(([, y]) => y), mode: "markers", showlegend: false, cliponaxis: false,
        marker: { symbol: "x", size: 10, color: colour }, meta: "diverged", hovertemplate: "diverged<extra>%{fullData.name}</extra>",
      });
    }
  }
  const accuracy = metric.endsWith("accuracy") || metric.endsWith("rate");
  const y = byId("log").checked ? { type: "log" } : accuracy ? { range: [-0.04, 1.02] } : { rangemode: "tozero" };
  drawPanels("curves-plot", traces, panelsOf(drawn), AXES[axis], words(metric), y);
  byId("curves-command").textContent = curvesCommand();
}

function drawAcceptance() {
  const kind = byId("kind").value, traces = [], drawn = [];
  const selected = selectedCurves(), refusing = selected.filter((curve) => curve.refuses);
  for (const curve of refusing) {
    const found = curve.runs.map((run) => run.windows)
      .map((windows) => windows.arrivals.map((x, place) => [x, windows[kind][place]]).filter(([, y]) => y !== null))
      .filter((points) => points.length).map((points) => ({ points, stays: false }));
    if (found.length) drawn.push({ ...curve, found });
  }
  for (const curve of drawn) {
    const { x, middle, range } = bandOf(curve.found);
    traces.push({
      x, y: middle, ...(x.length === 1 ? { mode: "markers" } : marks(drawn, curve)), name: curve.line, panel: curve.panel, customdata: range,
      line: { color: curve.colour, dash: curve.dash, width: 2 },
      hovertemplate: "%{y:.1%} (%{customdata[0]:.1%} … %{customdata[1]:.1%})<br>delivered vectors: %{x}<extra>%{fullData.name}</extra>",
    });
  }
  const without = [...new Set(selected.filter((curve) => !curve.refuses).map((curve) => curve.line))];
  const empty = panelsOf(refusing).filter((panel) => !panelsOf(drawn).includes(panel));
  const said = [without.length ? `Left out, since they refuse nothing: ${without.join(", ")}.` : "", empty.length ? `No such vectors: ${empty.join(", ")}.` : ""];
  byId("accepted-said").textContent = said.join(" ").trim();
  drawPanels("accepted-plot", traces, panelsOf(drawn), AXES.arrivals, "share accepted", { range: [-0.02, 1.02], tickformat: ".0%" });
  byId("accepted-command").textContent = plotCommand("--kind", "acceptance");
}

function startCurves() {
  options(byId("metric"), data.metrics.map((name) => [name, words(name)]));
  const keys = [...data.keys.map((key, place) => [String(place), key.name]), ...(data.seeds.length > 1 ? [["seed", "seed"]] : [])];
  options(byId("group"), [["", "all that differs"], ...keys]);
  options(byId("panels"), [["", "as in byzsgd plot"], ["none", "one panel"], ...keys]);
  for (const id of ["metric", "spread", "log"]) byId(id).addEventListener("change", drawCurves);
  for (const id of ["group", "panels", "smooth"]) byId(id).addEventListener("change", drawChosen);
  for (const radio of document.querySelectorAll('input[name="axis"]')) radio.addEventListener("change", drawCurves);
  byId("kind").addEventListener("change", drawAcceptance);
}
