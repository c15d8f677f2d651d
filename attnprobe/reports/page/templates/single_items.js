// What each item does when it is erased alone, as a table that can be sorted; and single heads, as a map of a document.

const SHOWN_ITEMS = 12;

const COLUMNS_OF_ITEMS = [
  ["position", "Position", (doc, j) => j, (j) => String(j)],
  ["weight", "Attention", (doc, j) => doc.weight[j], percent],
  ["probability", "Probability without it", (doc, j) => doc.probability[j], percent],
  ["js", "JS (nats)", (doc, j) => doc.js[j], significant],
];

/** The columns that a document has. */
function columnsOfItems(doc) {
  const followed = doc.run.targets.map((target, place) => [`probability_target_${place}`, `Probability of ${target}`, (of, j) => of[`probability_target_${place}`][j], percent]);
  return [...COLUMNS_OF_ITEMS, ...followed].filter(([name]) => name === "position" || (doc[name] && !Number.isNaN(doc[name][0])));
}

class SingleItems {
  /** @param {(position: number) => void} chosen told which item's row is chosen */
  constructor(place, chosen) {
    this.place = place;
    this.by = "probability";
    this.down = false;
    this.all = false;
    place.addEventListener("click", (event) => {
      const sorted = event.target.closest("button[data-sort]");
      const item = event.target.closest("button[data-item]");
      if (sorted) {
        this.down = this.by === sorted.dataset.sort ? !this.down : sorted.dataset.sort !== "position";
        this.by = sorted.dataset.sort;
        this.draw();
      } else if (item) chosen(Number(item.dataset.item));
      else if (event.target.closest("button[data-all]")) {
        this.all = !this.all;
        this.draw();
      }
    });
  }

  show(doc) {
    this.doc = doc;
    this.all = false;
    this.place.hidden = doc.exact || !doc.js;
    if (!this.place.hidden) this.draw();
  }

  /** Positions in the order in which they are shown. */
  sorted() {
    const columns = columnsOfItems(this.doc);
    const [, , number] = columns.find(([name]) => name === this.by) ?? columns[columns.length - 1];
    const numbers = Array.from({ length: this.doc.n }, (_, j) => number(this.doc, j));
    return [...numbers.keys()].sort((a, b) => (this.down ? numbers[b] - numbers[a] : numbers[a] - numbers[b]) || a - b);
  }

  draw() {
    const { doc } = this;
    const columns = columnsOfItems(doc);
    const order = this.sorted();
    const shown = this.all ? order : order.slice(0, SHOWN_ITEMS);
    const heading = ([name, title]) => html("th", { scope: "col", "aria-sort": name !== this.by ? "none" : this.down ? "descending" : "ascending" },
      html("button", { type: "button", "data-sort": name }, title, name !== this.by ? "" : this.down ? " ↓" : " ↑"));
    const rows = shown.map((j) => html("tr", { class: doc.flips?.[j] ? "flips-alone" : "" },
      html("th", { scope: "row" }, html("button", { type: "button", "data-item": j }, html("bdi", {}, doc.tokens[j]))),
      ...columns.map(([, , number, words]) => html("td", { class: "number" }, words(number(doc, j)))),
      html("td", {}, doc.flips?.[j] ? html("strong", {}, "flips") : "stays")));
    this.place.querySelector("table").replaceChildren(
      html("thead", {}, html("tr", {}, html("th", { scope: "col" }, doc.run.unit), ...columns.map(heading), html("th", { scope: "col" }, "decision"))),
      html("tbody", {}, ...rows));
    const more = this.place.querySelector("[data-all]");
    more.hidden = doc.n <= SHOWN_ITEMS;
    more.textContent = this.all ? "Show fewer" : `Show all ${doc.n}`;
  }

  table() {
    const columns = columnsOfItems(this.doc);
    return [[this.doc.run.unit, ...columns.map(([name]) => name), "flips"],
      ...this.sorted().map((j) => [this.doc.tokens[j], ...columns.map(([, , number]) => String(number(this.doc, j))), this.doc.flips?.[j] ? "yes" : "no"])];
  }
}

/** A document's map of heads: a cell a head, which leads to what it attends to. */
function drawHeads(place, doc) {
  const { told, which } = doc.run.heads;
  place.hidden = !told || !doc.heads;
  if (place.hidden) return;
  const effects = told === "effects";
  const { numbers, flips } = doc.heads;
  const largest = Math.max(...numbers.map((each) => each ?? 0)) || 1;
  const says = (head, at) => `${head[0]} layer ${head[1]} head ${head[2]}: ${numbers[at] === null ? "not tested" : effects
    ? `without it JS ${significant(numbers[at])} nats, the decision ${flips[at] ? "flips" : "stays"}`
    : flips[at] ? `in its own order the decision flips at ${numbers[at]}` : "in its own order the decision never flips"}`;
  const shade = (at) => (numbers[at] === null || (!effects && !flips[at]) ? 0 : Math.max(1, Math.round(5 * (effects ? numbers[at] / largest : 1 - (numbers[at] - 1) / doc.n))));
  const stacks = [...new Set(which.map(([stack]) => stack))];
  const tables = stacks.flatMap((stack) => {
    const here = which.map((head, at) => [head, at]).filter(([head]) => head[0] === stack);
    const [layers, heads] = [1, 2].map((axis) => [...new Set(here.map(([head]) => head[axis]))].sort((a, b) => a - b));
    const cell = (layer, head) => {
      const found = here.find(([each]) => each[1] === layer && each[2] === head);
      if (!found) return html("td", {});
      const [each, at] = found;
      return html("td", { class: `gain${shade(at)}` }, html("button", { type: "button", "data-head": at, title: says(each, at), "aria-label": says(each, at) }, flips[at] ? "✕" : ""));
    };
    return [...(stacks.length > 1 ? [html("p", { class: "stack" }, `${stack} attention`)] : []), html("div", { class: "scroll" }, html("table", { class: "heads" },
      html("thead", {}, html("tr", {}, html("th", { scope: "col" }, html("span", { class: "unseen" }, "Layer")), ...heads.map((head) => html("th", { scope: "col" }, String(head))))),
      html("tbody", {}, ...layers.map((layer) => html("tr", {}, html("th", { scope: "row" }, String(layer)), ...heads.map((head) => cell(layer, head)))))))];
  });
  const ends = effects ? ["JS 0", `${significant(largest)} nats`] : ["flips late or never", "at once"];
  place.querySelector(".of-heads").replaceChildren(...tables, html("p", { class: "axis-note" }, "Layers down, heads across. ",
    ends[0], " ", ...[1, 3, 5].map((level) => html("span", { class: `key gain${level}` })), ` ${ends[1]}. ✕: the decision flips. Click for what the head attends to.`));
}
