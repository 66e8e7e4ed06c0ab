// Curves over seeds: the median and the range of those that are chosen. A run that diverged counts as the worst, as in the
// package's own figures (byzsgd/analysis/bands.py).

function curveOf(run, metric, axis) {
  const xs = run.curve[axis], ys = run.curve[metric];
  if (!ys) return null;
  const found = new Map();
  xs.forEach((x, place) => { if (x !== null && ys[place] !== null) found.set(x, ys[place]); });
  if (found.size === 0) return null;
  const points = [...found].sort((first, second) => first[0] - second[0]);
  const end = Math.max(...xs.filter((x) => x !== null));
  return { points, end, stays: STILL.includes(run.status), diverged: run.status === "diverged" };
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

function drawCurves() {
  const metric = byId("metric").value, spread = byId("spread").value;
  const axis = document.querySelector('input[name="axis"]:checked').value;
  const traces = [], groups = shownGroups();
  for (const group of groups) {
    const curves = shownRuns(group).map((run) => ({ run, curve: curveOf(run, metric, axis) })).filter((each) => each.curve);
    if (!curves.length) continue;
    const line = { color: group.colour, dash: group.dash, width: 2 };
    if (spread === "median") {
      const worst = metric.endsWith("accuracy") ? -Infinity : Infinity;
      const { x, middle, low, high, range } = bandOf(curves.map((each) => each.curve), worst);
      if (low.some((y, place) => y < high[place])) {
        traces.push({
          x: [...x, ...[...x].reverse()],
          y: [...high, ...[...low].reverse()],
          fill: "toself", fillcolor: faded(group.colour, 0.14), line: { width: 0 }, mode: "lines",
          hoverinfo: "skip", showlegend: false, legendgroup: group.label,
        });
      }
      traces.push({
        x, y: middle, ...marks(groups, group), line, name: group.label, legendgroup: group.label,
        customdata: range, meta: "median",
        hovertemplate: `%{y:.4f} (%{customdata[0]:.4f} … %{customdata[1]:.4f})<br>${AXES[axis]}: %{x}<extra>%{fullData.name}, ${curves.length} seeds</extra>`,
      });
    } else {
      curves.forEach(({ run, curve }, place) => traces.push({
        x: curve.points.map(([x]) => x), y: curve.points.map(([, y]) => y), ...marks(groups, group), line: { ...line, width: 1.3 },
        name: group.label, legendgroup: group.label, showlegend: place === 0, meta: "seed",
        hovertemplate: `%{y:.4f}<br>${AXES[axis]}: %{x}<extra>%{fullData.name}, seed ${run.seed}</extra>`,
      }));
    }
    const ends = curves.filter((each) => each.curve.diverged).map((each) => each.curve.points[each.curve.points.length - 1]);
    if (ends.length) {
      traces.push({
        x: ends.map(([x]) => x), y: ends.map(([, y]) => y), mode: "markers", showlegend: false, legendgroup: group.label,
        marker: { symbol: "x", size: 10, color: group.colour }, meta: "diverged",
        hovertemplate: "diverged<extra>%{fullData.name}</extra>", name: group.label,
      });
    }
  }
  const accuracy = metric.endsWith("accuracy") || metric.endsWith("rate");
  const y = byId("log").checked ? { type: "log" } : accuracy ? { range: [0, 1.02] } : { rangemode: "tozero" };
  Plotly.react("curves-plot", traces, layout(AXES[axis], words(metric), { yaxis: y, showlegend: true, uirevision: axis + metric }), PLOT);
}

function drawAcceptance() {
  const kind = byId("kind").value;
  const traces = [], groups = shownGroups();
  for (const group of groups) {
    const curves = shownRuns(group).map((run) => run.windows)
      .map((windows) => windows.arrivals.map((x, place) => [x, windows[kind][place]]).filter(([, y]) => y !== null))
      .filter((points) => points.length).map((points) => ({ points, stays: false }));
    if (!curves.length) continue;
    const { x, middle, range } = bandOf(curves);
    traces.push({
      x, y: middle, ...(x.length === 1 ? { mode: "markers" } : marks(groups, group)), name: group.label, customdata: range,
      line: { color: group.colour, dash: group.dash, width: 2 },
      hovertemplate: "%{y:.1%} (%{customdata[0]:.1%} … %{customdata[1]:.1%})<br>delivered vectors: %{x}<extra>%{fullData.name}</extra>",
    });
  }
  Plotly.react("accepted-plot", traces, layout(AXES.arrivals, "share accepted",
    { yaxis: { range: [-0.02, 1.02], tickformat: ".0%" }, showlegend: true }), PLOT);
}

function startCurves() {
  options(byId("metric"), data.metrics.map((name) => [name, words(name)]));
  for (const id of ["metric", "spread", "log"]) byId(id).addEventListener("change", drawCurves);
  for (const radio of document.querySelectorAll('input[name="axis"]')) radio.addEventListener("change", drawCurves);
  byId("kind").addEventListener("change", drawAcceptance);
  byId("curves-command").textContent = data.commands.curves;
  byId("accepted-command").textContent = data.commands.acceptance;
}
