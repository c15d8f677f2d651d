// Panels as files: a drawing of what is on the screen as SVG, and its numbers as CSV.

const SVG_STYLES = ["fill", "stroke", "stroke-width", "stroke-dasharray", "opacity", "font-size", "font-weight", "font-family", "text-anchor", "dominant-baseline", "vector-effect", "visibility"];
const NOT_DRAWN = ".downloads, .unseen, select, details, [hidden]";

/** What may stand in XML of a text: escaped, and without characters that XML has none of. */
function inXml(text) {
  return text.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, "�")
    .replace(/[&<>"]/g, (character) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[character]);
}

function attribute(name, value) {
  return ` ${name}="${inXml(String(value))}"`;
}

/** An element of a drawing with the styles that it has on the screen, and all in it. */
function styledSvg(element, around) {
  if (element.nodeType === Node.TEXT_NODE) return inXml(element.data);
  if (element.nodeType !== Node.ELEMENT_NODE) return "";
  const style = getComputedStyle(element);
  const name = element.localName === "a" ? "g" : element.localName;
  let attributes = "";
  for (const { name: key, value } of element.attributes) {
    if (!["class", "href", "role", "aria-label", "aria-hidden", "tabindex", "data-marks", "style"].includes(key)) attributes += attribute(key, value);
  }
  for (const key of SVG_STYLES) if (style[key] && style[key] !== "none" || key === "fill") attributes += attribute(key, style.getPropertyValue(key));
  if (name === "svg") {
    const box = element.getBoundingClientRect();
    const outer = element.parentElement.closest("svg");
    const [x, y] = outer ? [element.getAttribute("x") ?? 0, element.getAttribute("y") ?? 0] : [box.left - around.left, box.top - around.top];
    attributes = attributes.replace(/ (x|y|width|height)="[^"]*"/g, "") + attribute("x", x) + attribute("y", y) + (outer ? "" : attribute("width", box.width) + attribute("height", box.height)) + attribute("overflow", "visible");
  }
  return `<${name}${attributes}>${[...element.childNodes].map((child) => styledSvg(child, around)).join("")}</${name}>`;
}

/** The words of a text as they stand on the screen, a text a line. */
function textAsSvg(node, around) {
  const style = getComputedStyle(node.parentElement);
  const range = document.createRange();
  const lines = [];
  for (const { 0: word, index } of node.data.matchAll(/\S+/g)) {
    range.setStart(node, index);
    range.setEnd(node, index + word.length);
    const box = range.getClientRects()[0];
    if (!box || !box.width) continue;
    const last = lines[lines.length - 1];
    if (last && Math.abs(last.box.top - box.top) < 3) last.words += ` ${word}`;
    else lines.push({ box, words: word });
  }
  return lines.map(({ box, words }) => `<text${attribute("x", box.left - around.left)}${attribute("y", box.top - around.top + box.height * 0.77)}${attribute("fill", style.color)}`
    + `${attribute("font-size", style.fontSize)}${attribute("font-weight", style.fontWeight)}${attribute("font-family", style.fontFamily)}>${inXml(words)}</text>`).join("");
}

function drawn(element, around) {
  if (element.nodeType === Node.TEXT_NODE) return textAsSvg(element, around);
  if (element.nodeType !== Node.ELEMENT_NODE || element.matches(NOT_DRAWN)) return "";
  if (element.localName === "svg") return styledSvg(element, around);
  const style = getComputedStyle(element);
  const box = element.getBoundingClientRect();
  const ground = style.backgroundColor === "rgba(0, 0, 0, 0)" || !box.width ? "" : `<rect${attribute("x", box.left - around.left)}${attribute("y", box.top - around.top)}`
    + `${attribute("width", box.width)}${attribute("height", box.height)}${attribute("rx", parseFloat(style.borderRadius) || 0)}${attribute("fill", style.backgroundColor)}/>`;
  return ground + [...element.childNodes].map((child) => drawn(child, around)).join("");
}

/** A panel as it stands on the screen, as the text of an SVG file that refers to nothing. */
function panelAsSvg(panel) {
  const around = panel.getBoundingClientRect();
  const size = `${attribute("width", Math.ceil(around.width))}${attribute("height", Math.ceil(around.height))}${attribute("viewBox", `0 0 ${Math.ceil(around.width)} ${Math.ceil(around.height)}`)}`;
  const ground = getComputedStyle(document.body).backgroundColor;
  return `<?xml version="1.0" encoding="UTF-8"?>\n<svg xmlns="${SVG}"${size}><rect width="100%" height="100%"${attribute("fill", ground)}/>${[...panel.childNodes].map((child) => drawn(child, around)).join("")}</svg>\n`;
}

/** The rows of a panel's tables; of its drawings a row a mark: what it is of, what it says, its documents. */
function panelAsRows(panel) {
  const plain = (element) => {
    const link = element.querySelector("a[aria-label], button[aria-label]");
    if (element.dataset.says) return element.dataset.says;
    return (link ? link.getAttribute("aria-label") : element.textContent).replace(/\s+/g, " ").trim();
  };
  const tables = [...panel.querySelectorAll("table")];
  if (tables.length) return tables.flatMap((table) => [...table.rows].map((row) => [...row.cells].map(plain)));
  const run = runs[Number(panel.closest("[data-run]").dataset.run)];
  const rows = [...panel.querySelectorAll("svg a")].map((mark) => {
    const [, title, value] = /^(.*?)(?:: ([^:]*))?$/.exec(mark.getAttribute("aria-label"));
    const number = Number(/\.(\d+)$/.exec(mark.getAttribute("href"))[1]);
    return [title, value ?? "", run.marks[number][1]];
  });
  return [["what", "value", "documents"], ...rows];
}

/** Rows of texts as CSV: one that a spreadsheet would take for a formula stands behind an apostrophe. */
function asCsv(rows) {
  const cell = (value) => {
    let text = String(value);
    if (/^[=+\-@\t\r]/.test(text) && !/^[+-]?[\d.]+(e[+-]?\d+)?$/i.test(text)) text = `'${text}`;
    return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return `${rows.map((row) => row.map(cell).join(",")).join("\r\n")}\r\n`;
}

function download(name, kind, text) {
  const address = URL.createObjectURL(new Blob([text], { type: kind }));
  html("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 10000);
}

/** Two buttons; `rows` gives the table of what is not drawn with marks. */
function downloads(panel, name, rows = () => panelAsRows(panel)) {
  const title = name.replace(/[^\p{L}\p{N}]+/gu, "-").replace(/^-|-$/g, "").toLowerCase();
  const button = (kind, does) => {
    const made = html("button", { type: "button", "aria-label": `Download “${name}” as ${kind}` }, kind);
    made.addEventListener("click", does);
    return made;
  };
  return html("p", { class: "downloads" }, button("SVG", () => download(`${title}.svg`, "image/svg+xml", panelAsSvg(panel))),
    button("CSV", () => download(`${title}.csv`, "text/csv;charset=utf-8", asCsv(rows()))));
}

/** A pair of buttons at every panel of the overview. */
function offerDownloads() {
  for (const panel of document.querySelectorAll("#overview-view .panel:not(:has(.not-computed))")) {
    panel.append(downloads(panel, panel.querySelector("h3").textContent));
  }
}
