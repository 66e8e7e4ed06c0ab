// What is selected stands in the address, so that it can be kept and sent; and in the command that makes the figure again.
const KEPT = ["metric", "spread", "group", "panels", "smooth", "log", "down", "across", "measure", "kind", "run", "other", "score"];
const atFirst = new Map();

const valueOf = (box) => (box.type === "checkbox" ? String(box.checked) : box.value);
const axisNow = () => document.querySelector('input[name="axis"]:checked').value;

function remember() {
  const parts = new URLSearchParams();
  for (const [name, values, kept] of choiceSets()) {
    if (kept.size < values.length) parts.set(name, values.filter((value) => kept.has(value)).join("|"));
  }
  if (axisNow() !== "arrivals") parts.set("x", axisNow());
  for (const id of KEPT) if (valueOf(byId(id)) !== atFirst.get(id)) parts.set(`.${id}`, valueOf(byId(id)));
  const said = parts.toString();
  history.replaceState(null, "", said ? `#${said}` : location.href.split("#")[0]);
}

// Sets what the address says, as far as this page has it; the rest is as at first.
function recall() {
  const said = location.hash.includes("=") ? new URLSearchParams(location.hash.slice(1)) : new URLSearchParams();
  if ([...said.keys()].some((name) => choiceSets().some(([known]) => known === name))) {
    choose((name, value) => !said.has(name) || said.get(name).split("|").includes(value));
  }
  for (const radio of document.querySelectorAll('input[name="axis"]')) radio.checked = radio.value === (said.get("x") ?? "arrivals");
  for (const id of KEPT) {
    const box = byId(id), value = said.get(`.${id}`);
    if (value === null) continue;
    if (box.type === "checkbox") box.checked = value === "true";
    else if ([...box.options].some((option) => option.value === value)) box.value = value;
  }
}

function startAddress() {
  for (const id of KEPT) atFirst.set(id, valueOf(byId(id)));
  recall();
  document.addEventListener("change", remember);
  byId("choose-all").addEventListener("click", remember);
  addEventListener("hashchange", () => { if (location.hash.includes("=")) { recall(); drawAll(); } });
  // A link to a section must not wipe out what is selected.
  for (const link of document.querySelectorAll('a[href^="#"]')) {
    link.addEventListener("click", (event) => {
      event.preventDefault();
      const section = document.querySelector(link.getAttribute("href"));
      section.scrollIntoView();
      section.setAttribute("tabindex", "-1");
      section.focus({ preventScroll: true });
    });
  }
}

function quoted(word) {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

// `byzsgd plot` of what is selected.
function plotCommand(...more) {
  const told = [data.plot, ...more], unsaid = [];
  data.keys.forEach((key, place) => {
    const kept = chosen.values[place];
    if (kept.size === key.values.length) return;
    const typed = key.values.map((value, number) => [value, key.typed[number]]).filter(([value]) => kept.has(value)).map(([, word]) => word);
    if (!typed.length || typed.includes(null)) unsaid.push(key.name);
    else told.push("--select", quoted(`${key.key}=${typed.join(",")}`));
  });
  if (chosen.seeds.size < data.seeds.length && chosen.seeds.size) told.push("--select", `seed=${data.seeds.filter((seed) => chosen.seeds.has(seed)).join(",")}`);
  return told.join(" ") + (unsaid.length ? `\n# --select cannot say what is selected of: ${unsaid.join(", ")}` : "");
}

const KINDS = { test_accuracy: "accuracy", test_loss: "loss", suboptimality: "suboptimality", worst_accuracy: "worst_accuracy", consensus: "consensus" };

function curvesCommand() {
  const metric = byId("metric").value, x = { step: "updates" }[axisNow()] ?? axisNow();
  if (!(metric in KINDS)) return `# in Python: byzsgd.plotting.progress(byzsgd.analysis.compare(runs), metric="${metric}", x="${x}")`;
  const own = byId("group").value || byId("panels").value || byId("smooth").value !== "1" ? "\n# groups, panels and smoothing of one's own are this page's" : "";
  return plotCommand("--kind", KINDS[metric], "--x", x) + own;
}
