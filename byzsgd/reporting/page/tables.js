// The tables of the summary, the study, and the start of everything.

const LARGEST_FIRST = ["descending", "ascending"];

function sortValue(cell) {
  return cell.dataset.value === undefined ? cell.textContent : Number(cell.dataset.value);
}

// Numbers by size, before words; words by the alphabet; what is equal keeps its place.
function inOrder(first, second) {
  const numbers = [first, second].map((value) => typeof value === "number" && !Number.isNaN(value));
  if (numbers[0] && numbers[1]) return first === second ? 0 : first - second;
  if (numbers[0] !== numbers[1]) return numbers[0] ? -1 : 1;
  return first.localeCompare(second, "en", { numeric: true });
}

function startTables() {
  for (const table of document.querySelectorAll("table.sorts")) {
    const headings = [...table.querySelectorAll("thead th")], body = table.tBodies[0];
    headings.forEach((heading, place) => heading.querySelector("button").addEventListener("click", () => {
      const order = heading.classList.contains("name") ? ["ascending", "descending"] : LARGEST_FIRST;
      const next = heading.getAttribute("aria-sort") === order[0] ? order[1] : order[0], sign = next === "ascending" ? 1 : -1;
      for (const other of headings) other.removeAttribute("aria-sort");
      heading.setAttribute("aria-sort", next);
      const rows = [...body.rows].sort((one, two) => {
        const values = [one, two].map((row) => sortValue(row.cells[place]));
        const words = values.filter((value) => typeof value !== "number").length;
        return words === 1 ? inOrder(...values) : sign * inOrder(...values);
      });
      body.append(...rows);
    }));
  }
  for (const box of document.querySelectorAll(".scroll")) {
    const hint = element("p", "more columns to the right →", { class: "hint", "aria-hidden": "true" });
    box.before(hint);
    const look = () => { hint.hidden = box.scrollWidth - box.clientWidth - box.scrollLeft < 4; };
    box.addEventListener("scroll", look);
    new ResizeObserver(look).observe(box);
    box.tabIndex = 0; // so that it scrolls by keyboard
    look();
  }
}

function drawStudy() {
  if (!data.study) {
    hide("study");
    return;
  }
  byId("study").hidden = false;
  byId("study-said").textContent = data.study.said;
  byId("study-figures").replaceChildren();
  for (const figure of data.study.figures) {
    const plot = element("div", undefined, { class: "plot", role: "img", "aria-label": figure.title });
    byId("study-figures").append(element("h3", figure.title), plot);
    const { ink, back, grid } = paper();
    const own = structuredClone(figure.layout);
    for (const name of Object.keys(own)) if (/^[xy]axis/.test(name)) Object.assign(own[name], { gridcolor: grid, zeroline: false, automargin: true });
    Plotly.react(plot, structuredClone(figure.data), {
      ...own, paper_bgcolor: back, plot_bgcolor: back, font: { family: "system-ui, sans-serif", size: 13, color: ink },
      margin: { l: 60, r: 15, t: 20, b: 50 }, legend: { orientation: "h", yref: "container", y: 0, yanchor: "bottom" },
    }, PLOT);
  }
}

function drawAll() {
  drawChosen();
  drawCells();
  drawRun();
  drawStudy();
}

document.title = document.querySelector("h1").textContent;
startChoices();
startCurves();
startCells();
startRun();
startAddress();
startTables();
drawAll();
dark.addEventListener("change", drawAll);
document.documentElement.dataset.ready = "yes";
