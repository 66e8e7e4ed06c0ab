// The heatmap: any two settings against each other; a cell opens its runs.

// The median over runs; one that diverged has the worst outcome, whatever it was before.
function typical(runs, measure) {
  const worst = { final: -Infinity, loss: Infinity }[measure];
  const measured = (run) => (run.measures[measure] === "inf" ? Infinity : run.measures[measure]);
  const values = runs.map((run) => (run.status === "diverged" && worst ? worst : measured(run))).filter((value) => value !== null);
  const finite = values.filter(Number.isFinite), value = values.length ? median(values) : null;
  const digits = measure === "staleness" ? 1 : 3, lost = worst && runs.some((run) => run.status === "diverged") ? "diverged" : "inf";
  const said = value === null ? "–" : Number.isFinite(value) ? number(value, digits) : lost;
  const spread = finite.length > 1 ? `${number(Math.min(...finite), digits)} … ${number(Math.max(...finite), digits)}` : "";
  return {
    value: Number.isFinite(value) ? value : value === -Infinity ? 0 : null,
    text: finite.length && finite.length < values.length ? `${finite.length}/${values.length} ok, ${said}` : said,
    more: [spread, values.length > 1 ? `n = ${values.length}` : ""].filter(Boolean),
  };
}

// Groups of each cell: where more than two settings differ, all of them that agree in the two.
function cellsOf(down, across) {
  const rows = data.keys[down].values, columns = data.keys[across].values;
  const cells = rows.map(() => columns.map(() => []));
  for (const group of data.groups) {
    cells[rows.indexOf(group.values[down])][columns.indexOf(group.values[across])].push(group);
  }
  return { rows, columns, cells };
}

function drawCells() {
  const down = Number(byId("down").value), across = Number(byId("across").value), measure = byId("measure").value;
  if (data.keys.length < 2 || down === across) return;
  const { rows, columns, cells } = cellsOf(down, across);
  const runsOf = (groups) => groups.flatMap((group) => group.runs);
  const found = cells.map((row) => row.map((groups) => typical(runsOf(groups).map((place) => data.runs[place]), measure)));
  const values = found.map((row) => row.map((each) => each.value)), text = found.map((row) => row.map((each) => each.text));
  const written = found.map((row) => row.map((each) => [each.text, ...each.more].join("<br>")));
  const shares = measure !== "staleness" && measure !== "loss";
  const trace = {
    type: "heatmap", x: columns, y: rows, z: values, text: written, texttemplate: "%{text}", xgap: 2, ygap: 2,
    colorscale: "YlGnBu", reversescale: true, ...(shares ? { zmin: 0, zmax: 1 } : {}),
    hovertemplate: "%{y}, %{x}: %{text}<extra>click to open its runs</extra>",
  };
  // Where cells are narrow only the numbers themselves are written into them.
  if (byId("cells-plot").clientWidth / columns.length < 150) trace.text = text;
  Plotly.react("cells-plot", [trace], layout(data.keys[across].name, data.keys[down].name, {
    yaxis: { autorange: "reversed", type: "category", title: { text: data.keys[down].name, standoff: 12 } }, xaxis: { type: "category" }, height: 150 + 62 * rows.length,
  }), PLOT);
  byId("cells-plot").style.height = `${150 + 62 * rows.length}px`;
  const plot = byId("cells-plot");
  plot.removeAllListeners?.("plotly_click");
  plot.on("plotly_click", (event) => {
    const point = event.points[0];
    openCell(cells[rows.indexOf(point.y)][columns.indexOf(point.x)]);
  });
  drawButtons(rows, columns, cells, text);
}

function drawButtons(rows, columns, cells, text) {
  const head = element("tr");
  head.append(element("td", ""), ...columns.map((name) => element("th", name, { scope: "col" })));
  const lines = rows.map((name, row) => {
    const line = element("tr");
    line.append(element("th", name, { scope: "row", class: "name" }));
    columns.forEach((column, place) => {
      const cell = element("td");
      if (cells[row][place].length) {
        const button = element("button", text[row][place], { type: "button", "aria-label": `${name}, ${column}: ${text[row][place]}` });
        button.addEventListener("click", () => openCell(cells[row][place]));
        cell.append(button);
      }
      line.append(cell);
    });
    return line;
  });
  byId("cells-table").replaceChildren(head, ...lines);
}

function openCell(groups) {
  if (!groups.length) return;
  const table = element("table");
  const head = element("tr");
  head.append(...["setting", "seed", "final accuracy", "", "status", "folder"].map((name) => element("th", name, { class: "name" })));
  table.append(element("caption", `Runs of this cell: ${groups.map((group) => group.label).join("; ")}`), head);
  for (const group of groups) {
    for (const place of group.runs) {
      const run = data.runs[place];
      const line = element("tr");
      const final = run.measures.final === null ? "–" : number(run.measures.final);
      line.append(...[group.label, run.seed, final].map((said) => element("td", said, { class: "name" })));
      const button = element("button", "Open", { type: "button", "aria-label": `Open seed ${run.seed} of ${group.label}` });
      button.addEventListener("click", () => {
        byId("run").value = String(place);
        drawRun();
        remember();
        byId("one").scrollIntoView();
        byId("run").focus();
      });
      const last = element("td");
      last.append(button);
      line.append(last, ...[run.status, run.folder].map((said) => element("td", said, { class: "name" })));
      table.append(line);
    }
  }
  const scroll = element("div", undefined, { class: "scroll" });
  scroll.append(table);
  byId("cell").replaceChildren(scroll);
  if (groups.length === 1) {
    const button = element("button", "Show only its curves", { type: "button" });
    button.addEventListener("click", () => {
      chooseOnly(groups[0]);
      byId("curves").scrollIntoView();
    });
    byId("cell").append(button);
  }
}

function startCells() {
  if (data.keys.length < 2) {
    hide("cells");
    return;
  }
  const keys = data.keys.map((key, place) => [String(place), key.name]);
  options(byId("down"), keys, "0");
  options(byId("across"), keys, "1");
  options(byId("measure"), Object.entries(data.measures).filter(([name]) => data.runs.some((run) => run.measures[name] !== null)));
  for (const id of ["down", "across", "measure"]) byId(id).addEventListener("change", drawCells);
  byId("cells-command").textContent = `${data.plot} --kind heatmap`;
}

function hide(id) {
  byId(id).hidden = true;
  document.querySelector(`nav a[href="#${id}"]`).hidden = true;
}
