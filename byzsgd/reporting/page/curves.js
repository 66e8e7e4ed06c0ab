// Curves over seeds, by the same rules as the package's own figures (byzsgd/analysis/bands.py).

// 97.5 % points of Student's t for 1, 2, … degrees of freedom; beyond the table the normal one is near enough.
const STUDENT = [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.16, 2.145,
  2.131, 2.12, 2.11, 2.101, 2.093, 2.086, 2.08, 2.074, 2.069, 2.064, 2.06, 2.056, 2.052, 2.048, 2.045, 2.042];

function curveOf(run, metric, axis) {
  const xs = run.curve[axis], ys = run.curve[metric];
  if (!ys) return null;
  const found = new Map();
  xs.forEach((x, place) => { if (x !== null && ys[place] !== null) found.set(x, ys[place]); });
  if (found.size === 0) return null;
  const points = [...found].sort((first, second) => first[0] - second[0]);
  const lost = ys[ys.length - 1] === null;
  return { points, stays: STILL.includes(run.status) && !lost, diverged: run.status === "diverged" };
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

function bandOf(curves) {
  const last = (curve) => curve.points[curve.points.length - 1][0];
  const going = curves.filter((curve) => !curve.stays).map(last);
  const horizon = going.length ? Math.min(...going) : Math.max(...curves.map(last));
  const first = Math.max(...curves.map((curve) => curve.points[0][0]));
  const places = new Set(curves.flatMap((curve) => curve.points.map(([x]) => x)));
  const x = [...places].filter((place) => place >= first && place <= horizon).sort((a, b) => a - b);
  const middle = [], half = [];
  for (const place of x) {
    const values = curves.map((curve) => at(curve.points, place));
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
    const count = values.length;
    middle.push(mean);
    half.push(count < 2 ? 0 : (STUDENT[count - 2] ?? 1.96) * Math.sqrt(squares / (count - 1) / count));
  }
  return { x, middle, half };
}

function drawCurves() {
  const metric = byId("metric").value, spread = byId("spread").value;
  const axis = document.querySelector('input[name="axis"]:checked').value;
  const traces = [], groups = shownGroups();
  for (const group of groups) {
    const curves = shownRuns(group).map((run) => ({ run, curve: curveOf(run, metric, axis) })).filter((each) => each.curve);
    if (!curves.length) continue;
    const line = { color: group.colour, dash: group.dash, width: 2 };
    if (spread === "mean") {
      const { x, middle, half } = bandOf(curves.map((each) => each.curve));
      if (half.some((width) => width > 0)) {
        traces.push({
          x: [...x, ...[...x].reverse()],
          y: [...middle.map((y, place) => y + half[place]), ...middle.map((y, place) => y - half[place]).reverse()],
          fill: "toself", fillcolor: faded(group.colour, 0.14), line: { width: 0 }, mode: "lines",
          hoverinfo: "skip", showlegend: false, legendgroup: group.label,
        });
      }
      traces.push({
        x, y: middle, ...marks(groups, group), line, name: group.label, legendgroup: group.label,
        customdata: half, meta: "mean",
        hovertemplate: `%{y:.4f} ± %{customdata:.4f}<br>${AXES[axis]}: %{x}<extra>%{fullData.name}, ${curves.length} seeds</extra>`,
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
    const { x, middle, half } = bandOf(curves);
    traces.push({
      x, y: middle, ...(x.length === 1 ? { mode: "markers" } : marks(groups, group)), name: group.label, customdata: half,
      line: { color: group.colour, dash: group.dash, width: 2 },
      hovertemplate: "%{y:.1%} ± %{customdata:.1%}<br>delivered vectors: %{x}<extra>%{fullData.name}</extra>",
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
