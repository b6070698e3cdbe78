// Drawing: values in, elements out. Whatever comes from a list, a template or a mail becomes text,
// and never markup.

const id = (name) => document.getElementById(name);

/** An element with attributes and children; children that are text stay text. */
export function el(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    const absent = value === null || value === undefined || value === false;
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (!absent) made.setAttribute(name, value);
  }
  made.append(...children.flat().filter((it) => it !== null && it !== undefined));
  return made;
}

export function bytes(count) {
  if (count < 1024) return `${count} bytes`;
  if (count < 1024 * 1024) return `${(count / 1024).toFixed(1)} KB`;
  return `${(count / 1024 / 1024).toFixed(1)} MB`;
}

/** One fault, with the lines of its file. */
export function fault(it) {
  const place = it.file ? `${it.file}:${it.line}:${it.column}` : "";
  const lines = it.excerpt.map((line) => {
    const number = el("i", {}, String(line.number));
    if (!line.mark) {
      const hit = line.number === it.line ? "hit" : null;
      return el("span", { class: hit }, number, line.text);
    }
    const letters = Array.from(line.text);
    const part = (from, to) => letters.slice(from, to).join("");
    const [from, to] = line.mark;
    return el("span", { class: "hit" }, number, part(0, from), el("mark", {}, part(from, to)),
      part(to), it.label ? `   ${it.label}` : "");
  });
  const label = it.label && !it.excerpt.some((line) => line.mark) ? ` (${it.label})` : "";
  return el("div", { class: `fault is-${it.severity}` },
    el("p", {}, el("span", { class: `badge ${it.severity}` }, it.severity), it.message + label),
    place || it.code
      ? el("p", { class: "where" }, [place, it.code].filter(Boolean).join("  ")) : null,
    lines.length ? el("pre", {}, lines) : null,
    it.more.map((text) => el("p", {}, text)));
}

/** Faults in their order; those that are drawn already are left as they are. */
export function faults(within, all) {
  const drawn = JSON.stringify(all);
  if (within.dataset.drawn === drawn) return;
  within.dataset.drawn = drawn;
  within.replaceChildren(...all.map(fault));
}

const PEOPLE = ["From", "Reply-To", "To", "Cc", "Date"];

/** What stands above a message. */
export function envelope(view, signers) {
  const header = (name) => view.headers.find((it) => it[0].toLowerCase() === name.toLowerCase());
  id("subject").textContent = header("Subject")?.[1] || "(no subject)";
  id("people").replaceChildren(...PEOPLE.flatMap((name) => {
    const found = header(name);
    return found ? [el("dt", {}, name), el("dd", { dir: "auto" }, found[1])] : [];
  }));
  id("files").replaceChildren(...view.files.map((file) =>
    el("li", { title: file.media_type }, file.is_inline ? "\u25a3 " : "\u{1f4ce} ", file.name, " ",
      el("small", {}, `${file.is_inline ? "shown in the text, " : ""}${bytes(file.size)}`))));
  const over = view.html_size > view.clipped_at;
  const gmail = over
    ? el("span", { class: "badge warning" },
      `HTML ${bytes(view.html_size)}: Gmail clips it at 102 KB`)
    : el("span", {}, "HTML", el("meter", { min: 0, max: view.clipped_at, value: view.html_size,
      title: "Gmail clips the HTML of a mail at 102 KB" }), `${bytes(view.html_size)} of 102 KB`);
  const facts = [el("span", {}, `${bytes(view.size)} on the wire`), view.html_size ? gmail : null];
  if (view.language) facts.push(el("span", {}, `language ${view.language}`));
  if (view.signed_by.length) facts.push(el("span", {}, `signed by ${view.signed_by.join(", ")}`));
  if (signers.length) {
    facts.push(el("span", {}, `${signers.join(", ")} signs it when it is sent`));
  }
  if (view.html_size && !view.knows_dark) {
    facts.push(el("span", {}, "says nothing of dark mode: readers may turn its colours around"));
  }
  facts.push(el("span", {}, el("a", { href: `/v1/wire/${view.wire_id}`, download: "message.eml" },
    "save as .eml")));
  id("facts").replaceChildren(...facts.filter(Boolean));
}

/** The mail as readers see it, in frames that stay while what they show is the same. */
export function frames(view, looks) {
  if (!view.html) return el("p", { class: "none" }, "It has no HTML: readers see the text.");
  const query = new URLSearchParams({ scheme: looks.scheme, remote: looks.remote });
  const source = `/v1/frame/${view.id}?${query}`;
  const wanted = { desktop: "Desktop, 680 pixels", phone: "Phone, 375 pixels" };
  const box = id("frames") ?? el("div", { id: "frames" });
  box.className = looks.scheme;
  for (const [kind, caption] of Object.entries(wanted)) {
    let figure = box.querySelector(`.${kind}`);
    if (looks.width !== "both" && looks.width !== kind) {
      figure?.remove();
      continue;
    }
    if (!figure) {
      figure = el("figure", { class: kind },
        el("iframe", { title: caption, sandbox: "allow-popups allow-popups-to-escape-sandbox",
          referrerpolicy: "no-referrer", src: source }),
        el("figcaption", {}, caption));
      if (kind === "desktop") box.prepend(figure);
      else box.append(figure);
    }
    const frame = figure.querySelector("iframe");
    if (frame.getAttribute("src") !== source) frame.setAttribute("src", source);
  }
  return box;
}

/** Names and values. */
export function table(rows, none) {
  if (!rows.length) return el("p", { class: "none" }, none);
  return el("table", {}, el("tbody", {}, rows.map(([name, value]) =>
    el("tr", {}, el("th", { scope: "row" }, name), el("td", { dir: "auto" }, value)))));
}

export function text(content, none, kind = "") {
  if (content === null || content === undefined) return el("p", { class: "none" }, none);
  return el("pre", { class: kind, dir: kind ? "auto" : "ltr" }, content);
}
