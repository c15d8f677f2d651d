// Drawings of a document: the output's distribution, and the decision's probability as an ordering erases.

const SVG = "http://www.w3.org/2000/svg";
const MOST_POINTS = 400;
const SHOWN_CLASSES = 8;

function svg(name, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

function html(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

/** A probability, exact in its value and short to read. */
function probability(p) {
  return html("data", { value: p === null ? "" : String(p) }, percent(p));
}

/** A bar as long as a probability now is, with a line where it was before; of what is not known there is none. */
function barOf(now, before) {
  const at = `${100 * (before ?? 0)}%`;
  return svg("svg", { class: "bar", "aria-hidden": "true" },
    svg("rect", { class: "now", width: `${100 * (now ?? 0)}%`, height: "100%" }),
    svg("line", { class: "before", x1: at, x2: at, y1: 0, y2: "100%" }));
}

/** Rows of the distribution: the classes with the largest probability now or before, the others as one row. */
function drawDistribution(body, doc, now, before) {
  const decided = now ? largestOf(now) : null;
  const rank = [...before.keys()].sort((a, b) => Math.max(before[b], now?.[b] ?? 0) - Math.max(before[a], now?.[a] ?? 0) || a - b);
  const shown = rank.slice(0, before.length > SHOWN_CLASSES + 1 ? SHOWN_CLASSES : before.length).sort((a, b) => a - b);
  const rows = shown.map((c) => {
    const name = html("th", { scope: "row" }, html("bdi", {}, doc.run.labels[c]));
    if (c === doc.label) name.append(html("span", { class: "tag" }, "label"));
    name.append(barOf(now?.[c], before[c]));
    const row = html("tr", { "data-class": c }, name,
      html("td", { class: "number" }, now ? probability(now[c]) : "?"), html("td", { class: "number" }, probability(before[c])));
    row.classList.toggle("decided", c === decided);
    row.classList.toggle("original", c === doc.decision);
    return row;
  });
  const others = rank.slice(SHOWN_CLASSES);
  if (shown.length < before.length) {
    const sum = (p) => others.reduce((total, c) => total + p[c], 0);
    rows.push(html("tr", { class: "others" }, html("th", { scope: "row" }, `${others.length} others`),
      html("td", { class: "number" }, now ? probability(sum(now)) : "?"), html("td", { class: "number" }, probability(sum(before)))));
  }
  body.replaceChildren(...rows);
}

/** One line an ordering whose order is known; the one that is chosen stands out. Circles are first flips. */
function drawCourses(place, doc, runNumber, chosen) {
  const lines = [];
  const circles = [];
  const x = (k) => (100 * k) / doc.n;
  const known = doc.run.orderings.map(({ id }) => [id, orderOf(doc, id)]).filter(([, order]) => order?.length === doc.n);
  if (doc.exact) for (const [id, order] of known) doc.kept[id] ??= courseOf(doc, order);
  const top = scaleTo(known.flatMap(([id]) => (doc.kept[id] ? [...doc.kept[id]] : [])));
  doc.run.orderings.forEach(({ id, twin }, number) => {
    const order = orderOf(doc, id);
    const hue = `r${runNumber}o${number}${twin ? " twin" : ""}${id === chosen ? " chosen" : ""}`;
    if (doc.exact && id === smallestSet(doc) && order?.length) circles.push(circle(hue, x(order.length), courseAfter(doc, order) / top));
    if (!order || order.length < doc.n) return;
    const course = doc.kept[id];
    if (!course) return;
    const step = Math.max(1, Math.ceil(doc.n / MOST_POINTS));
    let path = "";
    for (let k = 0; k < doc.n; k += step) path += `${path ? "L" : "M"}${x(k).toFixed(2)} ${(100 - (100 * course[k]) / top).toFixed(2)}`;
    path += `L100 ${(100 - (100 * course[doc.n]) / top).toFixed(2)}`;
    lines[id === chosen ? "push" : "unshift"](svg("path", { class: `line ${hue}`, d: path, "vector-effect": "non-scaling-stroke" }));
    const flip = firstFlip(doc, id);
    if (flip > 0) circles.push(circle(hue, x(flip), course[flip] / top));
  });
  const frame = svg("svg", { viewBox: "0 0 100 100", preserveAspectRatio: "none", class: "frame" }, ...lines);
  const cursor = svg("line", { class: "cursor", y1: 0, y2: "100%", visibility: "hidden" });
  place.replaceChildren(frame, ...circles, cursor);
  return top;
}

/** What the top of a drawing of probabilities is: one, or where they are all less than half of it, their most. */
function scaleTo(probabilities) {
  const most = probabilities.reduce((a, b) => Math.max(a, b), 0);
  return most > 0.5 || most <= 0 ? 1 : most;
}

/** A mark at a share of the scale. */
function circle(hue, x, p) {
  return svg("circle", { class: hue, cx: `${x}%`, cy: `${100 - 100 * p}%`, r: hue.endsWith("chosen") ? 5 : 3.5 });
}

/** The decision's probability without these items. */
function courseAfter(doc, positions) {
  const erased = new Uint8Array(doc.n);
  for (const j of positions) erased[j] = 1;
  return probabilities(logitsWithout(doc, erased).logits)[doc.decision];
}

/** What is known of the output where erasures cannot be computed here: the decision's probability, now and unerased. */
function drawDecision(body, doc, now) {
  const row = html("tr", { "data-class": doc.decision, class: "decided original" },
    html("th", { scope: "row" }, html("bdi", {}, doc.decided), barOf(now, doc.p)),
    html("td", { class: "number" }, now === null ? "not computed" : probability(now)), html("td", { class: "number" }, probability(doc.p)));
  body.replaceChildren(row);
}

/** The decision's probability along every ordering whose course is known, as rows of texts. */
function courseTable(doc) {
  const known = doc.run.orderings.filter(({ id }) => doc.kept[id]);
  const rows = Array.from({ length: doc.n + 1 }, (_, k) => [k, ...known.map(({ id }) => doc.kept[id][k].toPrecision(5))]);
  return [["erased", ...known.map(({ name }) => name)], ...rows];
}

/** Move the line that says where an erased prefix is; null hides it. */
function moveCursor(place, doc, k) {
  const cursor = place.querySelector(".cursor");
  if (!cursor) return;
  cursor.setAttribute("visibility", k === null ? "hidden" : "visible");
  for (const end of ["x1", "x2"]) cursor.setAttribute(end, `${(100 * (k ?? 0)) / doc.n}%`);
}

/** Marks above the slider where orderings flip first. */
function drawFlipTicks(place, doc, runNumber, chosen) {
  const ticks = doc.run.orderings.flatMap(({ id }, number) => {
    const flip = firstFlip(doc, id);
    if (!(flip > 0)) return [];
    const at = `${(100 * flip) / doc.n}%`;
    return [svg("line", { class: `r${runNumber}o${number}${id === chosen ? " chosen" : ""}`, x1: at, x2: at, y1: 0, y2: "100%" })];
  });
  place.replaceChildren(...ticks);
}
