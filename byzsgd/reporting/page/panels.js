// Several panels in one figure, with the same axes, as `byzsgd plot` draws them.

// Which curves are shown: a panel, a line in it, and the runs that are that line.
function selectedCurves() {
  const group = byId("group").value, panels = byId("panels").value, found = new Map();
  for (const each of shownGroups()) {
    for (const run of shownRuns(each)) {
      const said = (key, value) => (key === "seed" ? `seed ${run.seed}` : each.values[Number(key)]);
      const others = each.values.filter((_, place) => String(place) !== panels).join(", ") || "all runs";
      const line = group ? said(group) : panels ? others : each.line;
      const panel = panels === "none" ? "" : panels ? said(panels) : group ? "" : each.panel;
      const id = JSON.stringify([panel, line]);
      if (!found.has(id)) found.set(id, { panel, line, group: each, refuses: false, runs: [] });
      const curve = found.get(id);
      curve.runs.push(run);
      curve.refuses ||= each.refuses;
    }
  }
  const curves = [...found.values()];
  const lines = group ? (group === "seed" ? data.seeds.map((seed) => `seed ${seed}`) : data.keys[Number(group)].values) : [];
  const byServer = !group || Number(group) === data.hue;
  for (const curve of curves) {
    const place = lines.indexOf(curve.line);
    const own = byServer
      ? { colour: curve.group.colour, dash: curve.group.dash, symbol: curve.group.symbol }
      : { colour: data.palette[place % data.palette.length], dash: data.dashes[Math.floor(place / data.palette.length) % data.dashes.length], symbol: "circle" };
    Object.assign(curve, own, { colour: shown(own.colour) });
  }
  return curves;
}

// Marks are drawn only where two curves of a panel would else look alike.
function marks(curves, curve) {
  const alike = curves.filter((other) => other.panel === curve.panel && other.colour === curve.colour && other.dash === curve.dash);
  return alike.length > 1 ? { mode: "lines+markers", marker: { symbol: curve.symbol, size: 7, color: curve.colour } } : { mode: "lines" };
}

// Draws traces, each with the name of its `panel`; a name in the legend once.
function drawPanels(id, traces, panels, x, y, axis) {
  const plot = byId(id), wide = plot.clientWidth;
  const columns = Math.max(1, Math.min(panels.length, 3, Math.floor(wide / 260))), rows = Math.max(1, Math.ceil(panels.length / columns));
  const names = new Set(traces.map((trace) => trace.name));
  const letters = [...names].reduce((sum, name) => sum + name.length * 8 + 60, 0), foot = 58 + 22 * Math.ceil(letters / wide);
  const head = 34, gap = 62, inner = columns === 1 && rows > 1 ? 200 : 270;
  const body = rows * inner + (rows - 1) * gap, height = head + body + foot;
  const made = layout("", y, { showlegend: true, height, margin: { l: 58, r: 12, t: head, b: foot }, annotations: [], uirevision: `${axis.type}${x}${y}` });
  const base = { x: made.xaxis, y: made.yaxis }, across = columns > 1 ? 0.035 : 0;
  panels.forEach((panel, place) => {
    const row = Math.floor(place / columns), column = place % columns, suffix = place ? String(place + 1) : "";
    const top = 1 - (row * (inner + gap)) / body, bottom = top - inner / body;
    const width = (1 - across * (columns - 1)) / columns, left = column * (width + across);
    const last = place + columns >= panels.length;
    made[`xaxis${suffix}`] = { ...base.x, title: { text: last ? x : "", standoff: 6 }, domain: [left, left + width], anchor: `y${suffix}`, rangemode: "tozero", ...(place ? { matches: "x" } : {}) };
    made[`yaxis${suffix}`] = { ...base.y, ...axis, title: { text: column ? "" : y, standoff: 6 }, domain: [Math.max(0, bottom), top], anchor: `x${suffix}`, showticklabels: column === 0, ...(place ? { matches: "y" } : {}) };
    made.annotations.push({ text: `<b>${plain(panel)}</b>`, showarrow: false, x: left, y: top, xref: "paper", yref: "paper", xanchor: "left", yanchor: "bottom" });
  });
  const met = new Set();
  for (const trace of traces) {
    const place = Math.max(0, panels.indexOf(trace.panel)), suffix = place ? String(place + 1) : "";
    trace.xaxis = `x${suffix}`;
    trace.yaxis = `y${suffix}`;
    trace.legendgroup = trace.name;
    if (trace.showlegend === false) continue;
    trace.showlegend = !met.has(trace.name);
    met.add(trace.name);
  }
  plot.style.height = `${height}px`;
  Plotly.react(id, traces, made, PLOT);
}
