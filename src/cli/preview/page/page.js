// What is chosen, what is asked for, and when. The choice stands in the address, so that it stays
// when the page is loaded again.

import { bytes, el, envelope, faults, frames, table, text } from "/draw.js";

const id = (name) => document.getElementById(name);
const VIEWS = ["Message", "Text", "HTML", "Source", "Headers", "Fields"];
const WIDTHS = { both: "Both", desktop: "Desktop", phone: "Phone" };
const SCHEMES = { light: "Light", dark: "Dark" };

const dark = matchMedia("(prefers-color-scheme: dark)").matches;
const said = new URLSearchParams(location.search);
const choice = {
  template: said.get("template"), caught: said.get("caught"), source: said.get("source"),
  row: Number(said.get("row")) || 0, view: said.get("view") ?? "Message",
  width: said.get("width") ?? "both", scheme: said.get("scheme") ?? (dark ? "dark" : "light"),
};
let remote = false;
let find = "";
let overview = null;
let shown = null;
let rows = [];
let asked = 0;

async function ask(path, query = {}) {
  const given = Object.entries(query).filter(([, value]) => value !== null && value !== "");
  const answer = await fetch(`${path}?${new URLSearchParams(given)}`);
  if (!answer.ok) throw new Error(await answer.text());
  return answer.json();
}

/** Asks for everything anew. What a later one asked for wins. */
async function refresh() {
  const mine = ++asked;
  try {
    const all = await ask("/v1/overview");
    if (mine !== asked) return;
    overview = all;
    settle();
    drawNav();
    await show(mine);
  } catch (error) {
    if (mine === asked) nothing(error.message);
  }
}

/** What was chosen may not be there any more. */
function settle() {
  const { templates, caught } = overview;
  if (choice.caught && caught.some((it) => it.id === choice.caught)) return;
  choice.caught = null;
  if (!templates.some((it) => it.name === choice.template)) {
    choice.template = templates[0]?.name ?? null;
    choice.row = 0;
  }
  if (!choice.template) choice.caught = caught.find((it) => it.id)?.id ?? null;
}

async function show(mine) {
  remember();
  const sheet = overview.templates.find((it) => it.name === choice.template);
  id("choice").hidden = Boolean(choice.caught);
  if (choice.caught) {
    draw(await ask(`/v1/caught/${encodeURIComponent(choice.caught)}`), mine);
    return;
  }
  if (!sheet) {
    nothing(overview.config
      ? "There is no template yet. Make a folder in templates/ with subject.txt and body.html."
      : "Nothing was caught yet. Mail that is sent to the sandbox appears here by itself.");
    return;
  }
  drawSources(sheet);
  const { template, source, row } = choice;
  const [list, view] = await Promise.all([
    ask("/v1/rows", { template, source, find }),
    ask("/v1/view", { template, source, row }),
  ]);
  if (mine !== asked) return;
  drawRows(list);
  draw(view, mine);
}

function nothing(message) {
  id("sheet").hidden = true;
  id("nothing").hidden = false;
  id("nothing").textContent = message;
}

function draw(answer, mine) {
  if (mine !== asked) return;
  shown = answer;
  id("nothing").hidden = true;
  id("sheet").hidden = false;
  faults(id("faults"), answer.faults);
  id("old").hidden = !(answer.old && answer.view);
  id("letter").hidden = !answer.view;
  id("letter").classList.toggle("is-old", Boolean(answer.old));
  if (!answer.view) return;
  const sheet = overview.templates.find((it) => it.name === choice.template);
  envelope(answer.view, choice.caught ? [] : sheet?.signed_by ?? []);
  drawLooks();
  drawPanel();
}

function drawPanel() {
  const { view, fields } = shown;
  const cut = view.is_cut ? "\n\n(the rest is in the .eml)" : "";
  const panels = {
    Message: () => frames(view, { ...choice, remote }),
    Text: () => text(view.text, "It has no plain text.", "text"),
    HTML: () => text(view.html, "It has no HTML."),
    Source: () => text(view.wire + cut),
    Headers: () => table(view.headers, "It has no headers."),
    Fields: () => table(Object.entries(fields).map(([name, value]) =>
      [name, typeof value === "string" ? value : JSON.stringify(value)]),
    "A message that is made for nobody in particular has no fields."),
  };
  if (!VIEWS.includes(choice.view)) choice.view = "Message";
  const drawn = panels[choice.view]();
  if (id("panel").firstElementChild !== drawn) id("panel").replaceChildren(drawn);
  id("panel").setAttribute("aria-labelledby", `tab-${choice.view}`);
  for (const tab of id("tabs").children) {
    const selected = tab.id === `tab-${choice.view}`;
    tab.setAttribute("aria-selected", selected);
    tab.tabIndex = selected ? 0 : -1;
  }
}

function drawLooks() {
  id("looks").hidden = choice.view !== "Message" || !shown.view.html;
  for (const [values, key] of [[WIDTHS, "width"], [SCHEMES, "scheme"]]) {
    for (const name of Object.keys(values)) {
      id(`${key}-${name}`).setAttribute("aria-pressed", choice[key] === name);
    }
  }
  const count = shown.view.remote;
  id("remote-label").hidden = count === 0;
  const parts = `${count} remote ${count === 1 ? "part" : "parts"}`;
  id("remote-label").querySelector("span").textContent =
    remote ? `Fetches ${parts}` : `Fetch ${parts}, blocked now`;
  id("remote").checked = remote;
}

function drawNav() {
  id("config").textContent = overview.config ?? overview.caught_in ?? "";
  const broken = overview.faults.length > 0;
  id("broken").hidden = !broken;
  if (broken) {
    if (overview.broken && !id("broken").dataset.seen) id("broken").open = true;
    id("broken").dataset.seen = overview.broken ? "yes" : "";
    id("broken").classList.toggle("calm", !overview.broken);
    const count = overview.faults.length;
    id("broken-title").textContent = (overview.broken
      ? "The configuration does not load; this is what can be shown of it."
      : "About the configuration:") + ` ${count} ${count === 1 ? "problem" : "problems"}`;
    faults(id("broken-faults"), overview.faults);
  }
  id("of-templates").hidden = !overview.config;
  list("templates", overview.templates, (it) => {
    const current = !choice.caught && it.name === choice.template;
    const badge = it.problems
      ? el("span", { class: `badge ${it.errors ? "error" : "warning"}`,
        title: `${it.problems} problems` }, String(it.problems)) : null;
    return el("button", { "aria-current": current, onclick: () => choose({ template: it.name,
      caught: null, source: null, row: 0 }) },
    badge, el("span", { class: "name" }, it.name),
    el("small", {}, it.schedules.length ? it.schedules.join(", ") : "no schedule sends it"),
    it.languages.length > 1 ? el("small", {}, it.languages.join(", ")) : null);
  });
  id("of-caught").hidden = !overview.caught.length && overview.templates.length > 0;
  id("caught-count").textContent = overview.caught_all || "";
  list("caught", overview.caught, (it) => {
    const time = it.time ? new Date(it.time).toLocaleTimeString() : "";
    if (it.refused) {
      return el("div", { class: "refused" }, el("span", { class: "badge error" }, "refused"),
        el("small", {}, [time, it.from, it.to].filter(Boolean).join(" ")),
        el("small", {}, it.refused));
    }
    const current = it.id === choice.caught;
    const more = [time, bytes(it.size), it.files ? `${it.files} attached` : ""];
    return el("button", { "aria-current": current, onclick: () => choose({ caught: it.id }) },
      el("span", { class: "name", dir: "auto" }, it.subject || "(no subject)"),
      el("small", {}, `${it.from} to ${it.to}`),
      el("small", {}, more.filter(Boolean).join(", ")));
  });
}

/** A list whose focus stays where it was. */
function list(name, items, make) {
  const at = [...id(name).children].findIndex((it) => it.contains(document.activeElement));
  id(name).replaceChildren(...items.map((it) => el("li", {}, make(it))));
  if (at >= 0) id(name).children[at]?.querySelector("button")?.focus();
}

function drawSources(sheet) {
  const known = sheet.sources.some((it) => it.id === choice.source);
  if (!known) choice.source = sheet.sources[0]?.id ?? null;
  id("source").replaceChildren(...sheet.sources.map((it) =>
    el("option", { value: it.id, selected: it.id === choice.source || null }, it.label)));
  const programs = sheet.sources.find((it) => it.id === choice.source)?.programs ?? [];
  id("run").hidden = !programs.length;
  id("run").textContent = `Run ${programs.join(" and ")}`;
}

function drawRows(answer) {
  rows = answer.rows;
  const named = (it) => (it.name ? `${it.name} <${it.address}>` : it.address);
  const option = (it) => el("option",
    { value: it.number, selected: it.number === choice.row || null },
    `${named(it)}${it.fault ? "  (no message)" : ""}`);
  const options = rows.map(option);
  if (!rows.some((it) => it.number === choice.row) && rows.length) {
    options.unshift(el("option", { value: choice.row, selected: true }, `row ${choice.row + 1}`));
  }
  id("row").replaceChildren(...options);
  id("row").disabled = !rows.length;
  let told = answer.fault ?? "";
  if (answer.program) told = `What ${answer.program} prints is needed here; it has not run.`;
  else if (find && !rows.length) told = "Nobody is called that.";
  else if (answer.more) told = `the first ${rows.length} rows; find shows others`;
  id("told").textContent = told;
}

function choose(change) {
  Object.assign(choice, change);
  if ("template" in change || "source" in change) {
    find = "";
    id("find").value = "";
  }
  if (overview) {
    drawNav();
    show(++asked).catch((error) => nothing(error.message));
  }
}

function look(change) {
  Object.assign(choice, change);
  remember();
  if (!shown?.view) return;
  drawLooks();
  drawPanel();
}

function remember() {
  const given = Object.entries(choice).filter(([, value]) => value !== null && value !== "");
  history.replaceState(null, "", `/?${new URLSearchParams(given)}`);
  document.title = `${choice.caught ? "caught mail" : choice.template ?? ""} - postroom preview`;
}

function step(by) {
  if (choice.caught) {
    const all = overview.caught.filter((it) => it.id);
    const next = all[all.findIndex((it) => it.id === choice.caught) + by];
    if (next) choose({ caught: next.id });
    return;
  }
  const next = rows[rows.findIndex((it) => it.number === choice.row) + by];
  if (next) choose({ row: next.number });
}

const after = (values, now, by = 1) =>
  values[(values.indexOf(now) + by + values.length) % values.length];

const KEYS = {
  j: () => step(1), k: () => step(-1), "/": () => id("find").focus(),
  w: () => look({ width: after(Object.keys(WIDTHS), choice.width) }),
  d: () => look({ scheme: after(Object.keys(SCHEMES), choice.scheme) }),
};

function begin() {
  VIEWS.forEach((name, at) => {
    KEYS[at + 1] = () => look({ view: name });
    id("tabs").append(el("button", { type: "button", role: "tab", id: `tab-${name}`,
      "aria-controls": "panel", onclick: () => look({ view: name }) }, name));
  });
  id("tabs").addEventListener("keydown", (event) => {
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!by) return;
    look({ view: after(VIEWS, choice.view, by) });
    id(`tab-${choice.view}`).focus();
  });
  for (const [box, values, key] of [["widths", WIDTHS, "width"], ["schemes", SCHEMES, "scheme"]]) {
    id(box).append(...Object.entries(values).map(([name, label]) => el("button", { type: "button",
      id: `${key}-${name}`, onclick: () => look({ [key]: name }) }, label)));
  }
  id("choice").addEventListener("submit", (event) => event.preventDefault());
  id("source").addEventListener("change", () => choose({ source: id("source").value, row: 0 }));
  id("row").addEventListener("change", () => choose({ row: Number(id("row").value) }));
  id("before").addEventListener("click", () => step(-1));
  id("after").addEventListener("click", () => step(1));
  id("remote").addEventListener("change", () => { remote = id("remote").checked; look({}); });
  id("find").addEventListener("input", async () => {
    find = id("find").value;
    const { template, source } = choice;
    const mine = ++asked;
    const found = await ask("/v1/rows", { template, source, find });
    if (mine !== asked) return;
    if (found.rows.length && find) choice.row = found.rows[0].number;
    drawRows(found);
    show(mine);
  });
  id("run").addEventListener("click", async () => {
    id("told").textContent = "It runs.";
    const { template, source } = choice;
    const answer = await fetch("/v1/run", { method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ template, source }) });
    const told = answer.ok ? await answer.json() : { fault: await answer.text() };
    if (told.fault) id("told").textContent = told.fault;
  });
  document.addEventListener("keydown", (event) => {
    const typing = event.target.matches("input, select, textarea");
    if (typing && event.key === "Escape") event.target.blur();
    if (typing || event.ctrlKey || event.metaKey || event.altKey || !KEYS[event.key]) return;
    event.preventDefault();
    KEYS[event.key]();
  });
  const live = (text, lost) => {
    id("live").textContent = text;
    id("live").classList.toggle("lost", lost);
  };
  const events = new EventSource("/v1/events");
  events.addEventListener("open", () => live("follows what you save", false));
  events.addEventListener("error", () => live("postroom preview has ended", true));
  events.addEventListener("message", refresh);
}

begin();
