// The live page as a whole: a text, what is erased in it, and what the model behind the address makes of both.

const byId = (id) => document.getElementById(id);
const MOST_CLASSES = 10;
const asking = new Asking();
const past = new History();
let model = null;
let read = null;
let edit = NOTHING;
let now = null;
let along = null;
let found = null;
let addressTimer = null;
let sliding = false;

const words = new Words(byId("words"), (item) => change((each) => ({ ...each, removed: toggled(each.removed, item) })), () => {});
const layers = new Layers(byId("layers"), mode, change);
const attention = new LiveAttention(byId("seen"), (layer) => told(byId("seen").querySelector(".says"), () => asking.ask("attention", "attention", { ...text(), layer })), seen);

function mode() {
  return document.querySelector("input[name=mode]:checked").value;
}

/** The text that was read, as a question begins with it. */
function text() {
  return read.second === null ? { text: read.text } : { text: read.text, second: read.second };
}

const items = (count) => `${count} ${model.unit}${count === 1 ? "" : "s"}`;

/** Ask what the model is, and follow the address. */
async function begin() {
  model = await told(byId("reading-says"), () => asking.ask("model", "model", {}));
  if (model === null) return;
  byId("model-name").textContent = model.name;
  document.title = `${model.name} · attnprobe live`;
  const stacks = model.layers.reduce((total, { heads }) => total + heads, 0);
  byId("model-facts").textContent = [
    model.kind === "hf" ? "A checkpoint" : `Model ${model.kind}`,
    `${stacks} ${stacks === 1 ? "head" : "heads"} of attention in ${model.layers.length} ${model.layers.length === 1 ? "layer" : "layers"}`,
    `decides by ${model.decision.toLowerCase()}`,
    ...(model.max_tokens === null ? [] : [`reads at most ${model.max_tokens.toLocaleString("en")} tokens`]),
  ].join("; ").concat(".");
  byId("to-report").hidden = !model.report;
  byId("second-field").hidden = !model.pairs;
  for (const each of document.querySelectorAll(".unit")) each.textContent = `a ${model.unit}`;
  const options = (select, entries) => select.replaceChildren(...entries.map(([value, name]) => html("option", { value }, name)));
  options(byId("way"), model.erase_by.map((name) => [name, name.replaceAll("_", " ")]));
  options(byId("rows"), model.rows.map((name) => [name, name === "read" ? "the row that is read" : "all rows"]));
  byId("rows").disabled = model.rows.length < 2;
  options(byId("ordering"), model.orderings.map(({ name, title }) => [name, title]));
  byId("ordering").value = model.orderings.some(({ name }) => name === "attention") ? "attention" : model.orderings[0]?.name ?? "";
  const examples = model.examples.map((each) => [each].flat());
  options(byId("examples"), [["", "choose one"], ...examples.map(([first], at) => [at, first.length > 60 ? `${[...first].slice(0, 59).join("")}…` : first])]);
  byId("examples-field").hidden = examples.length === 0;
  byId("examples").addEventListener("change", (event) => {
    if (event.target.value === "") return;
    const [first, second] = examples[event.target.value];
    byId("text").value = first;
    byId("second").value = second ?? "";
    readText({});
  });
  layers.begin(model);
  follow();
}

/** Do what the address says. */
function follow() {
  const finding = findingOf(location.hash, model);
  notice(finding.wrong.length ? `The link asks for what this model does not have, or is damaged: ${finding.wrong.join(", ")} was left out.` : "");
  if (finding.text === null) return;
  byId("text").value = finding.text;
  byId("second").value = finding.second ?? "";
  readText(finding);
}

function notice(sentence) {
  byId("notice").hidden = sentence === "";
  byId("notice").textContent = sentence;
}

/** Have the text read, and show it with what a link wants of it. */
async function readText(wanted) {
  const asked = { text: byId("text").value, second: model.pairs && byId("second").value !== "" ? byId("second").value : null };
  for (const kind of ["ordering", "search", "compare"]) asking.forget(kind); // long ones, which the text would wait for
  const answer = await told(byId("reading-says"), () => asking.ask("text", "text", asked.second === null ? { text: asked.text } : asked));
  if (answer === null) return;
  for (const kind of ["attention", "erase", "ordering", "search", "compare"]) asking.forget(kind);
  read = { ...answer, ...asked };
  now = along = found = null;
  past.clear();
  const n = read.items.length;
  edit = wanted.edit ?? NOTHING;
  const fits = (list, end) => list.filter((each) => each < end);
  const fitting = { ...edit, removed: fits(edit.removed, n), off: { ...edit.off, rows: fits(edit.off.rows, read.tokens.length) } };
  if (fitting.removed.length < edit.removed.length || fitting.off.rows.length < edit.off.rows.length) notice("The link erases what this text does not have, which was left out.");
  edit = fitting;
  byId("read").hidden = false;
  if (read.cut) byId("reading-says").textContent = "The text is longer than the model reads: its end was cut off.";
  words.show({ n, tokens: read.items.map(({ name }) => name), between: read.items.map((_, at) => (at ? " " : "")), run: { unit: model.unit, people: [] }, flips: null });
  byId("along").hidden = byId("compared-scroll").hidden = true;
  byId("to-flip").disabled = byId("take-set").disabled = true;
  for (const line of ["along-says", "search-says", "compare-says"]) byId(line).textContent = "";
  refresh();
  const asOf = read;
  await attention.begin(model, wanted.seen ?? { layer: null, head: null, row: null });
  if (asOf !== read) return; // another text has been read meanwhile
  const has = (name) => (wanted.seen?.[name] ?? null) === null || wanted.seen[name] === String(attention[name]);
  if (attention.shown && !(has("head") && has("row"))) notice("The link looks at a head or a row that is not there, which was left out.");
  if (wanted.ordering) {
    byId("ordering").value = wanted.ordering;
    await runOrdering();
  }
}

/** Change what is erased, so that it can be gone back. */
function change(how) {
  if (read === null) return;
  past.push(edit);
  edit = how(edit);
  refresh();
}

/** Show what is erased, and ask what the model then says. */
async function refresh() {
  const erased = new Uint8Array(read.items.length);
  for (const item of edit.removed) erased[item] = 1;
  words.strike(erased);
  layers.draw(edit, mode());
  byId("way").value = edit.way ?? model.erase_by[0];
  byId("rows").value = edit.rows ?? model.rows[0];
  byId("undo").disabled = past.isEmpty;
  byId("reset").disabled = edit === NOTHING;
  drawCutRow();
  forgetStale();
  moveStep();
  later();
  if (!doesSomething(edit)) {
    asking.forget("erase");
    now = null;
    byId("state").classList.remove("failed", "working");
    drawOutput();
    return;
  }
  const answer = await told(byId("state"), () => asking.ask("erase", "erase", { ...text(), ...asAsked(edit) }));
  if (answer === null) {
    if (byId("state").classList.contains("failed")) {
      now = "unknown";
      drawDistributionNow();
    }
    return;
  }
  now = answer;
  drawOutput();
}

/** What the model says now, in a sentence and as bars. */
function drawOutput() {
  const place = byId("state");
  const sure = (of) => (of.value === null || of.value === undefined ? of.probabilities[of.decided] : null);
  const named = (of) => [html("bdi", { class: "class" }, of.decided_name), ...(model.classes[of.decided] === of.decided_name && sure(of) !== null ? [` (${percent(sure(of))})`] : [])];
  byId("read").classList.toggle("flipped", now !== null && now.flipped);
  if (now === null) place.replaceChildren("The model decides ", ...named(read), ".");
  else {
    const gone = [edit.removed.length ? `without ${items(edit.removed.length)}` : "", cutInWords()].filter((each) => each).join(", ");
    place.replaceChildren(...(now.flipped ? [html("strong", {}, "The decision flips"), " to ", ...named(now)] : ["The decision stays ", ...named(now)]), `, ${gone}.`);
  }
  byId("against").textContent = now === null ? "" : `${now.js === null ? "" : `JS divergence from the untouched text: ${significant(now.js)} nats. `}Computed in ${significant(now.milliseconds)} ms.`;
  drawDistributionNow();
}

/** What is cut off, in words. */
function cutInWords() {
  const { off } = edit;
  const heads = Object.values(off.heads).reduce((total, list) => total + list.length, 0);
  const counted = [[off.layers.length, "layer"], [heads, "head"], [off.rows.length, "row"]].filter(([count]) => count).map(([count, what]) => `${count} ${what}${count === 1 ? "" : "s"}`);
  return counted.length ? `${counted.join(" and ")} cut off` : "";
}

function drawDistributionNow() {
  const before = read.probabilities;
  const after = now === null ? before : now === "unknown" ? null : now.probabilities;
  if (before.length === 0) {
    byId("distribution").replaceChildren(html("tr", { class: "decided" }, html("th", { scope: "row" }, "predicted number"),
      html("td", { class: "number" }, after === null ? "?" : (now ?? read).decided_name), html("td", { class: "number" }, read.decided_name)));
    return;
  }
  const isClass = model.classes[read.decided] === read.decided_name;
  const decided = after === null ? null : (now ?? read).decided;
  const rank = [...before.keys()].sort((a, b) => Math.max(before[b], after?.[b] ?? 0) - Math.max(before[a], after?.[a] ?? 0) || a - b);
  const shown = rank.slice(0, before.length > MOST_CLASSES + 1 ? MOST_CLASSES : before.length).sort((a, b) => a - b);
  const rows = shown.map((c) => {
    const row = html("tr", { "data-class": c }, html("th", { scope: "row" }, html("bdi", {}, model.classes[c] ?? String(c)), barOf(after?.[c], before[c])),
      html("td", { class: "number" }, after === null ? "?" : probability(after[c])), html("td", { class: "number" }, probability(before[c])));
    row.classList.toggle("decided", isClass && c === decided);
    return row;
  });
  if (shown.length < before.length) rows.push(html("tr", { class: "others" }, html("th", { scope: "row" }, `${before.length - shown.length} others`), html("td"), html("td")));
  byId("distribution").replaceChildren(...rows);
}

/** Another layer, head or row is looked at: shade the text by what the row gives to each item. */
function seen() {
  const { shown, weights, row, head } = attention;
  if (!shown) {
    words.paint(new Uint8Array(read.items.length));
    byId("shaded-by").textContent = "nothing yet";
    drawCutRow();
    return;
  }
  const of = weights.subarray(Number(row) * shown.keys, (Number(row) + 1) * shown.keys);
  const fits = shown.keys === read.tokens.length;
  const shares = read.items.map(({ tokens }) => (fits ? tokens.reduce((total, token) => total + of[token], 0) : 0));
  const largest = shares.reduce((a, b) => Math.max(a, b), 0) || 1;
  words.paint(Uint8Array.from(shares, (share) => shadeOfWeight(share, largest)));
  const named = head === MEAN_OF_HEADS ? "mean of its heads" : `head ${head}`;
  byId("shaded-by").replaceChildren(...(fits ? [`the attention of layer ${model.layers[attention.layer].name}, ${named}, row ${row} (`, html("bdi", {}, shortLabel(attention.names.rows[row])), ")"] : ["nothing: this layer attends to other tokens than the text’s"]));
  drawCutRow();
  later();
}

/** The button that cuts off the row that is looked at. */
function drawCutRow() {
  const button = byId("cut-row");
  const { shown, row } = attention;
  button.hidden = !shown || shown.queries !== read.tokens.length;
  if (button.hidden) return;
  const off = edit.off.rows.includes(Number(row));
  button.setAttribute("aria-pressed", off);
  button.textContent = off ? `Bring row ${row} back` : `Cut row ${row} off where items are erased`;
}

async function runOrdering() {
  const name = byId("ordering").value;
  const asked = asAsked(edit, { removed: false });
  const answer = await told(byId("along-says"), () => asking.ask("ordering", "ordering", { ...text(), ordering: name, ...asked }));
  if (answer === null) return;
  along = { ...answer, name, context: JSON.stringify(asked) };
  const n = answer.order.length;
  byId("along").hidden = false;
  byId("course-scale").textContent = `0 to ${percent(drawCourse(byId("course"), answer.probabilities, answer.first_flip))}, upwards`;
  byId("step").max = n;
  byId("to-flip").disabled = !(answer.first_flip > 0);
  const { title } = model.orderings.find((each) => each.name === name);
  byId("along-says").textContent = answer.emptied ? `${title}: the decision changes only when nothing is left.`
    : answer.first_flip === 0 ? "What is cut off flips the decision before anything is erased."
      : answer.first_flip === null ? `${title}: the decision never flips.`
        : `${title}: the decision flips after ${answer.first_flip} of ${items(n)} (${percent(answer.fraction)}).`;
  forgetStale(); // it may have changed meanwhile
  moveStep();
  later();
}

/** Put the slider, and the line in the course, where what is erased is the beginning of the order. */
function moveStep() {
  if (along === null) return;
  const k = edit.removed.length;
  const isPrefix = along.order.slice(0, k).every((item) => edit.removed.includes(item));
  const cursor = byId("course").querySelector(".cursor");
  cursor.setAttribute("visibility", isPrefix ? "visible" : "hidden");
  for (const end of ["x1", "x2"]) cursor.setAttribute(end, `${(100 * k) / Math.max(1, along.order.length)}%`);
  if (isPrefix) byId("step").value = k;
  byId("step-text").textContent = isPrefix ? `The first ${k} of ${items(along.order.length)} erased` : "What is erased is no beginning of this order; move to erase along it";
}

/** Erase the beginning of the order; a drag is one step back. */
function stepTo(k) {
  const removed = along.order.slice(0, k).sort((a, b) => a - b);
  if (!sliding) past.push(edit);
  sliding = true;
  edit = { ...edit, removed };
  refresh();
}

/** What was found with other places, another way or something else cut off says nothing of what is shown. */
function forgetStale() {
  const context = JSON.stringify(asAsked(edit, { removed: false }));
  if (along !== null && along.context !== context) {
    along = null;
    byId("along").hidden = true;
    byId("to-flip").disabled = true;
    byId("along-says").textContent = "How it is erased has changed: erase along the ordering again.";
  }
  if (found !== null && found.context !== context) {
    found = null;
    byId("take-set").disabled = true;
    byId("search-says").textContent = "How it is erased has changed: search again.";
  }
}

async function search() {
  const asked = asAsked(edit, { removed: false });
  const answer = await told(byId("search-says"), () => asking.ask("search", "search", { ...text(), ...asked }));
  if (answer === null) return;
  found = { ...answer, context: JSON.stringify(asked) };
  byId("take-set").disabled = !(answer.size > 0);
  byId("search-says").textContent = searchInWords(answer);
  forgetStale(); // it may have changed meanwhile
}

/** What was found, and how far it is proved. */
function searchInWords({ removed, size, status, at_least: least, emptied, decided_name: name }) {
  const n = read.items.length;
  if (removed === null) return status === "exact" || least > n ? "No set flips the decision, as is certain (exact)." : `No set was found that flips it; of fewer than ${items(least)} none does.`;
  if (size === 0) return "What is cut off flips the decision before anything is erased.";
  const what = `${items(size)} of ${n} flip${size === 1 ? "s" : ""} the decision to ${name}${emptied ? ", and then nothing is left" : ""}`;
  if (status === "exact") return `${what}: no smaller set does (exact).`;
  if (status === "certified") return `${what}; none of fewer than ${least} does (certified), and whether one between these does is not known.`;
  return `${what} (attained); whether fewer do is not known.`;
}

async function compare() {
  const answer = await told(byId("compare-says"), () => asking.ask("compare", "compare", { ...text(), orderings: model.orderings.map(({ name }) => name), ways: model.erase_by }));
  if (answer === null) return;
  const of = new Map(answer.rows.map((row) => [`${row.ordering} ${row.erase_by}`, row]));
  const least = model.erase_by.map((way) => Math.min(...answer.rows.filter((row) => row.erase_by === way && row.first_flip !== null).map((row) => row.first_flip)));
  const cell = (row, best) => {
    if (!row) return html("td", {}, "–");
    const outcome = row.emptied ? "only when nothing is left" : row.first_flip === null ? "never" : `${row.first_flip} (${percent(row.fraction)})`;
    return html("td", row.first_flip === best && !row.emptied ? { class: "earliest" } : {}, outcome);
  };
  byId("compared").replaceChildren(
    html("thead", {}, html("tr", {}, html("th", { scope: "col" }, "ordering"), ...model.erase_by.map((way) => html("th", { scope: "col" }, way.replaceAll("_", " "))))),
    html("tbody", {}, ...model.orderings.map(({ name, title }) => html("tr", { "data-ordering": name }, html("th", { scope: "row" }, title),
      ...model.erase_by.map((way, at) => cell(of.get(`${name} ${way}`), least[at]))))));
  byId("compared-scroll").hidden = false;
  const drawn = answer.rows.find(({ draws }) => draws > 1);
  byId("compare-says").textContent = `Of ${items(read.items.length)}; the earliest of each column is bold${drawn ? `; of ${drawn.draws} random orders the middle one is told` : ""}.`;
}

/** Write the address soon: clicks come faster than a browser lets an address change. */
function later() {
  clearTimeout(addressTimer);
  addressTimer = setTimeout(() => writeAddress(address(), "replaceState"), 200);
}

function address() {
  return addressOfFinding({ text: read.text, second: read.second, edit, ordering: along?.name ?? null, seen: attention.seen });
}

function copyLink() {
  if (read === null) {
    byId("reading-says").textContent = "There is nothing to link to yet: have a text read first.";
    return;
  }
  clearTimeout(addressTimer);
  writeAddress(address(), "replaceState");
  const button = byId("copy-link");
  const say = (sentence) => {
    button.textContent = sentence;
    setTimeout(() => { button.textContent = "Copy link"; }, 2000);
  };
  if (navigator.clipboard) navigator.clipboard.writeText(location.href).then(() => say("Copied"), () => say("It is in the address bar"));
  else say("It is in the address bar");
}

byId("reading").addEventListener("submit", (event) => {
  event.preventDefault();
  if (model === null) begin();
  else {
    notice("");
    readText({ edit: { ...NOTHING, layers: edit.layers, heads: edit.heads, rows: edit.rows, way: edit.way } });
  }
});
for (const id of ["text", "second"]) {
  byId(id).addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) byId("reading").requestSubmit();
  });
}
byId("copy-link").addEventListener("click", copyLink);
byId("undo").addEventListener("click", () => {
  if (past.isEmpty) return;
  edit = past.pop();
  refresh();
});
byId("reset").addEventListener("click", () => change(() => NOTHING));
byId("way").addEventListener("change", (event) => change((each) => ({ ...each, way: event.target.value === model.erase_by[0] ? null : event.target.value })));
byId("rows").addEventListener("change", (event) => change((each) => ({ ...each, rows: event.target.value === model.rows[0] ? null : event.target.value })));
byId("cut-row").addEventListener("click", () => change((each) => ({ ...each, off: { ...each.off, rows: toggled(each.off.rows, Number(attention.row)) } })));
for (const each of document.querySelectorAll("input[name=mode]")) each.addEventListener("change", () => { if (read !== null) layers.draw(edit, mode()); });
byId("run-ordering").addEventListener("click", runOrdering);
byId("to-flip").addEventListener("click", () => {
  sliding = false;
  stepTo(along.first_flip);
  sliding = false;
});
byId("step").addEventListener("input", (event) => stepTo(Number(event.target.value)));
byId("step").addEventListener("change", () => { sliding = false; });
byId("search").addEventListener("click", search);
byId("take-set").addEventListener("click", () => change((each) => ({ ...each, removed: found.removed })));
byId("compare").addEventListener("click", compare);
addEventListener("hashchange", () => { if (model !== null) follow(); });
begin();
