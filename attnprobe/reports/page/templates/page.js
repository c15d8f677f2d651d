// The page as a whole: its two views, the list of documents, and the address that leads back.

const { runs } = JSON.parse(document.getElementById("data").textContent);
const byId = (id) => document.getElementById(id);
const panes = [];
let runNumber = 0;
let listed = [];
let chosenMark = null;
let addressTimer = null;

const owner = {
  changed(pane) {
    if (panes.includes(pane)) later();
  },
  asked(pane, what) {
    if (what === "next" || what === "previous") step(what === "next" ? 1 : -1);
    else if (what === "link") copyLink(pane);
  },
};

/** Write the address soon: a slider moves faster than a browser lets an address change. */
function later() {
  clearTimeout(addressTimer);
  addressTimer = setTimeout(() => writeAddress(currentAddress(), "replaceState"), 200);
}

function currentAddress() {
  const parts = panes.flatMap((pane, number) => addressOf(pane, number ? "2" : ""));
  if (chosenMark !== null) parts.push(["show", `${runNumber}.${chosenMark}`]);
  return addressText(parts);
}

function copyLink(pane) {
  const address = currentAddress();
  writeAddress(address, "replaceState");
  const button = pane.find("[data-do=link]");
  const say = (text) => {
    button.textContent = text;
    setTimeout(() => { button.textContent = "Copy link"; }, 2000);
  };
  const link = location.href.replace(/#.*/, "") + address;
  if (navigator.clipboard) navigator.clipboard.writeText(link).then(() => say("Copied"), () => say("It is in the address bar"));
  else say("It is in the address bar");
}

/** Follow an address. */
function go(hash) {
  clearTimeout(addressTimer);
  const address = readAddress(hash);
  const show = /^(\d{1,3})\.(\d{1,6})$/.exec(address.get("show") ?? "");
  if (address.get("view") === "overview" || (!show && !address.has("document") && address.get("view") !== "documents")) {
    view("overview");
    return;
  }
  const asked = show && Number(show[1]) < runs.length ? Number(show[1]) : wholeNumber(address, "run", runs.length, runNumber);
  const mark = show && Number(show[2]) < runs[asked].marks.length ? Number(show[2]) : null;
  const number = address.has("document") ? wholeNumber(address, "document", Infinity, null) : null;
  choose(asked, mark);
  const index = runs[asked].documents.findIndex((doc) => doc.number === number);
  view("documents");
  const shown = panes[0];
  byId("not-here").hidden = number === null || index >= 0;
  byId("not-here").textContent = number === null || index >= 0 ? "" : notHere(runs[asked], number);
  if (index >= 0) openFrom(0, asked, index, address, "");
  else if (number !== null) while (panes.length) panes.pop().root.remove();
  else if (mark !== null || !shown || shown.runNumber !== asked) openFirst();
  const beside = address.has("document2") ? wholeNumber(address, "run2", runs.length, -1) : -1;
  if (beside >= 0) {
    const second = runs[beside].documents.findIndex((doc) => doc.number === wholeNumber(address, "document2", Infinity, null));
    if (second >= 0) openFrom(1, beside, second, address, "2");
  }
}

/** That a document is not in the page, and how it can be looked at. */
function notHere(run, number) {
  return `Document ${number} is not in this page, which has ${run.documents.length} documents of the run. attnprobe show RUN ${number} shows it in a terminal.`;
}

function openFrom(place, ofRun, index, address, ending) {
  const pane = open(place, ofRun, index, address.get(`by${ending}`), address.get(`with${ending}`));
  if (address.has(`erased${ending}`)) pane.eraseOnly(fromRanges(address.get(`erased${ending}`), pane.doc.n));
  else pane.erasePrefix(wholeNumber(address, `first${ending}`, pane.doc.n + 1, 0));
}

/** Show a document in the first pane or the second; the second one closes when the first moves on. */
function open(place, ofRun, index, by, compared) {
  if (place === 0) while (panes.length > 1) panes.pop().root.remove();
  if (!panes[place]) {
    panes[place] = new Pane(runs, owner);
    byId("panes").append(panes[place].root);
  }
  const pane = panes[place];
  byId("not-here").hidden = true;
  pane.open(ofRun, index, by ?? panes[0].by, compared ?? panes[0].compared ?? "");
  const head = chosenMark === null ? undefined : runs[ofRun].heads_of_marks[chosenMark];
  if (head) pane.attention.choose(...head);
  byId("panes").classList.toggle("two", panes.length > 1);
  offerBeside();
  markCurrent();
  return pane;
}

/** Let the first pane's document be put beside itself as another run sees it. */
function offerBeside() {
  const [first, second] = panes;
  const number = first.doc.number;
  const others = runs.flatMap((run, at) => (at !== first.runNumber && sameDocuments(run, first.doc.run) && run.documents.some((doc) => doc.number === number) ? [at] : []));
  first.find(".beside-label").hidden = others.length === 0;
  const select = first.find(".beside");
  select.replaceChildren(html("option", { value: "" }, "nothing"), ...others.map((at) => html("option", { value: at }, runs[at].name)));
  select.value = second ? second.runNumber : "";
  select.onchange = () => {
    if (select.value === "") while (panes.length > 1) panes.pop().root.remove();
    else open(1, Number(select.value), runs[select.value].documents.findIndex((doc) => doc.number === number), first.by, first.compared);
    byId("panes").classList.toggle("two", panes.length > 1);
    later();
  };
}

function sameDocuments(run, other) {
  return run.source === other.source;
}

function openFirst() {
  if (listed.length) open(0, runNumber, listed[0]);
}

function step(by) {
  if (!panes.length) return;
  const at = listed.indexOf(panes[0].doc.index);
  const next = listed[at < 0 ? 0 : Math.max(0, Math.min(listed.length - 1, at + by))];
  if (next !== undefined) visit(next);
}

/** Open a listed document as a new entry of the browser's history. */
function visit(index) {
  open(0, runNumber, index);
  clearTimeout(addressTimer);
  writeAddress(currentAddress(), "pushState");
}

function view(name) {
  for (const each of ["overview", "documents"]) {
    byId(`${each}-view`).hidden = each !== name;
    if (each === name) byId(`to-${each}`).setAttribute("aria-current", "page");
    else byId(`to-${each}`).removeAttribute("aria-current");
  }
}

/** List the documents of a run that belong to a mark. */
function choose(ofRun, mark) {
  runNumber = ofRun;
  const run = runs[runNumber];
  if (byId("run")) byId("run").value = runNumber;
  chosenMark = mark === null ? null : mark;
  const kinds = run.categories.map((each) => [each, run.marks[each][0]]);
  if (mark !== null && !run.categories.includes(mark)) kinds.push([mark, run.marks[mark][0]]);
  byId("show").replaceChildren(...kinds.map(([each, title]) => html("option", { value: each }, title)));
  byId("show").value = mark ?? run.categories[run.categories.length - 1];
  for (const [id, field] of [["decided", "decided"], ["labelled", "labelled"]]) {
    const names = [...new Set(run.documents.map((doc) => doc[field]).filter((name) => name !== null))].sort();
    const before = byId(id).value;
    byId(id).replaceChildren(html("option", { value: "" }, "any"), ...names.map((name) => html("option", { value: name }, name)));
    byId(id).value = names.includes(before) ? before : "";
    byId(id).parentElement.hidden = names.length < 2;
  }
  drawList();
}

/** What documents are sorted by, each before the others where it is less. */
const SORTED_BY = {
  number: (doc) => doc.number,
  flip: (doc) => { const flip = firstFlip(doc, ATTENTION); return flip > 0 ? flip / doc.tokens.length : flip === EMPTIED ? 2 : 3; },
  length: (doc) => doc.tokens.length,
  p: (doc) => doc.p ?? 2,
};

function drawList() {
  const run = runs[runNumber];
  const mark = Number(byId("show").value);
  const [, total, members] = run.marks[mark] ?? ["", 0, []];
  const words = byId("find").value.trim().toLowerCase();
  const [decided, labelled] = [byId("decided").value, byId("labelled").value];
  const sorted = SORTED_BY[byId("sort").value];
  listed = members.filter((index) => {
    const doc = run.documents[index];
    return (decided === "" || doc.decided === decided) && (labelled === "" || doc.labelled === labelled) && (words === "" || matches(doc, run, words));
  });
  listed.sort((a, b) => sorted(run.documents[a]) - sorted(run.documents[b]) || a - b);
  const filtered = words !== "" || decided !== "" || labelled !== "";
  byId("how-many").textContent = `${listed.length}`;
  byId("shown-note").textContent = listed.length === total
    ? `${total.toLocaleString("en")} document${total === 1 ? "" : "s"}`
    : `${listed.length.toLocaleString("en")} of the ${total.toLocaleString("en")} such documents${run.sampled ? " of the sample" : ""} are ${filtered ? "found" : "in this page"}.`;
  byId("list").replaceChildren(...listed.map((index) => listRow(run, index)));
  markCurrent();
}

function matches(doc, run, words) {
  return String(doc.number) === words || (doc.labelled ?? "").toLowerCase().includes(words) || doc.decided.toLowerCase().includes(words)
    || doc.tokens.join(" ").toLowerCase().includes(words);
}

function listRow(run, index) {
  const doc = run.documents[index];
  const [flip, n] = [firstFlip(doc, ATTENTION), doc.tokens.length];
  const outcome = flip > 0 ? `flips at ${flip} of ${n}` : `${flip === EMPTIED ? "changes only when nothing is left" : "never flips"}, ${n} ${run.unit}s`;
  const says = html("span", { class: "says" }, `${doc.number} · `, html("bdi", {}, doc.decided), doc.labelled === null || doc.label === doc.decision ? "" : html("span", { class: "wrong" }, " wrong"),
    ` · ${outcome}`);
  return html("li", {}, html("button", { type: "button", "data-index": index }, says, html("bdi", { class: "snippet" }, doc.snippet)));
}

function markCurrent() {
  const index = panes[0] && panes[0].runNumber === runNumber ? String(panes[0].doc.index) : null;
  for (const button of byId("list").querySelectorAll("button")) {
    if (button.dataset.index === index) {
      button.setAttribute("aria-current", "true");
      bringIntoView(byId("list"), button);
    } else button.removeAttribute("aria-current");
  }
}

/** Scroll a list, and nothing around it, until an entry is seen. */
function bringIntoView(list, entry) {
  const [outer, inner] = [list.getBoundingClientRect(), entry.getBoundingClientRect()];
  if (inner.top < outer.top || inner.bottom > outer.bottom) list.scrollTop += inner.top - outer.top - outer.height / 3;
}

/** Tell of the cell of a map of knock-outs that is pointed at. */
function tellOfCells() {
  for (const event of ["pointerover", "click"]) {
    byId("overview-view").addEventListener(event, ({ target }) => {
      const cell = target.closest?.("td[data-says]");
      if (cell) cell.closest(".panel").querySelector(".cell-says").textContent = cell.dataset.says;
    });
  }
}

/** One stop of the tab key a panel: arrow keys move among its marks. */
function gatherMarks() {
  for (const panel of document.querySelectorAll("[data-marks]")) {
    const marks = [...panel.querySelectorAll("a")];
    marks.forEach((mark, number) => mark.setAttribute("tabindex", number ? -1 : 0));
    panel.addEventListener("keydown", (event) => {
      const by = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      const at = marks.indexOf(document.activeElement);
      if (!by || at < 0) return;
      event.preventDefault();
      const next = marks[Math.max(0, Math.min(marks.length - 1, at + by))];
      marks[at].setAttribute("tabindex", -1);
      next.setAttribute("tabindex", 0);
      next.focus();
    });
  }
}

document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a");
  const href = link?.getAttribute("href");
  if (!href?.startsWith("#") || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  go(href);
  writeAddress(href === "#documents" && panes[0] ? currentAddress() : href, "pushState");
  scrollTo(0, 0);
});
// Of the event: what the bar says may have been written over since, by the page itself.
addEventListener("hashchange", (event) => go(new URL(event.newURL).hash));
byId("list").addEventListener("click", (event) => {
  const button = event.target.closest("button[data-index]");
  if (button) visit(Number(button.dataset.index));
});
byId("show").addEventListener("change", () => {
  chosenMark = Number(byId("show").value);
  drawList();
  if (!listed.includes(panes[0]?.doc.index)) openFirst();
});
byId("run")?.addEventListener("change", () => {
  choose(Number(byId("run").value), null);
  openFirst();
});
byId("find").addEventListener("input", drawList);
for (const id of ["decided", "labelled", "sort"]) byId(id).addEventListener("change", drawList);
byId("finder").open = matchMedia("(min-width: 60rem)").matches;
runs.forEach((run, number) => { run.number = number; });
gatherMarks();
offerDownloads();
tellOfCells();
go(location.hash);
