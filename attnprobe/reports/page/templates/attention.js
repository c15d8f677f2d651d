// A document's attention, token by token: a layer and head as a map of rows and columns, and one row as shaded tokens.

const MEAN_OF_HEADS = "mean";
const STEPS_OF_ROOT = 255;
const SHADES_OF_ATTENTION = 9;
const LONGEST_LABEL = 12;
const NAMED_TOKENS = 5;

/** A document's attention unpacked, from its own run or from that which its run is a view of; null where it is not kept. */
function attentionOf(runs, doc) {
  const own = doc.run.documents[doc.index].attention;
  const around = doc.run.within === null ? null : runs[doc.run.within];
  const packed = own ?? around?.documents.find(({ number }) => number === doc.number)?.attention;
  if (!packed) return null;
  if (packed.opened) return packed.opened;
  const codes = Uint8Array.from(atob(packed.codes), (character) => character.charCodeAt(0));
  let offset = 0;
  const layers = packed.layers.map(([stack, layer, heads, queries, keys]) => {
    const of = codes.subarray(offset, offset + heads * queries * keys);
    offset += of.length;
    return { stack, layer, heads, queries, keys, codes: of };
  });
  packed.opened = { layers, source: packed.source, target: packed.target, items: packed.items };
  return packed.opened;
}

/** Weights (queries × keys) of a head of a layer, or their mean over all of them. */
function weightsOf(layer, head) {
  const size = layer.queries * layer.keys;
  const weights = new Float64Array(size);
  const chosen = head === MEAN_OF_HEADS ? Array.from({ length: layer.heads }, (_, h) => h) : [Number(head)];
  for (const h of chosen) {
    for (let j = 0; j < size; j++) weights[j] += (layer.codes[h * size + j] / STEPS_OF_ROOT) ** 2 / chosen.length;
  }
  return weights;
}

/** What rows and columns of a layer are called; where that is not known, by their numbers. */
function tokensOfLayer(attention, layer) {
  if (layer.names) return layer.names;
  const named = (side, count) => Array.from({ length: count }, (_, j) => (side.length === count ? side[j] : `position ${j}`));
  const decoder = attention.target.length ? attention.target : attention.source;
  if (layer.stack === "decoder") return { rows: named(attention.target, layer.queries), columns: named(attention.target, layer.keys) };
  if (layer.stack === "cross") return { rows: named(attention.target, layer.queries), columns: named(attention.source, layer.keys) };
  return { rows: named(layer.queries === 1 && decoder.length !== 1 ? [] : attention.source, layer.queries), columns: named(attention.source, layer.keys) };
}

/** From 0 to 9: shades are linear in the square root, so that small weights can be told from none, up to the largest. */
function shadeOfWeight(weight, largest) {
  return weight <= 0 ? 0 : Math.max(1, Math.round(SHADES_OF_ATTENTION * Math.sqrt(weight / largest)));
}

function shortLabel(text) {
  const characters = [...text.replace(/\s+/g, " ")];
  return characters.length > LONGEST_LABEL ? `${characters.slice(0, LONGEST_LABEL - 1).join("")}…` : characters.join("");
}

class AttentionView {
  /** @param {HTMLElement} place the section of a pane */
  constructor(place) {
    this.place = place;
    this.find = (selector) => place.querySelector(selector);
    for (const name of ["layer", "head", "row"]) {
      this.find(`.seen-${name}`).addEventListener("change", (event) => {
        this[name] = event.target.value;
        this.draw();
      });
    }
    const map = this.find(".seen-map");
    map.addEventListener("click", (event) => this.onCell(event, (row) => this.chooseRow(row)));
    map.addEventListener("pointermove", (event) => this.onCell(event, (row, column) => this.tell(row, column)));
    map.addEventListener("pointerleave", () => { this.find(".seen-cell").textContent = this.hint(); });
    this.find(".seen-scroll").addEventListener("keydown", (event) => {
      const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      if (!by || !this.weights) return;
      event.preventDefault();
      this.chooseRow(Math.max(0, Math.min(this.shown.queries - 1, Number(this.row) + by)));
    });
    this.layer = this.head = this.row = null;
  }

  /** Show a document's attention; of one that has none, say why. */
  show(runs, doc) {
    this.place.hidden = !doc.run.layered;
    if (!doc.run.layered) return;
    this.doc = doc;
    this.attention = attentionOf(runs, doc);
    this.find(".seen-body").hidden = !this.attention;
    this.find(".seen-missing").replaceChildren();
    if (!this.attention) {
      const kept = runs.some((run) => run.documents.some(({ attention }) => attention));
      this.find(".seen-missing").append(notComputed("attention", kept
        ? "Not kept of this document: a run keeps the attention of the documents listed under “Attention can be seen token by token”."
        : ["Not computed: ", html("code", {}, "attnprobe probe RUN"), " keeps the attention of a sample of the documents."],
      { run: doc.run.number, document: doc.number }, (packed) => {
        doc.run.documents[doc.index].attention = packed;
        if (this.doc === doc) this.show(runs, doc);
      }));
      return;
    }
    const { layers } = this.attention;
    const several = new Set(layers.map(({ stack }) => stack)).size > 1;
    this.find(".seen-layer").replaceChildren(...layers.map(({ stack, layer }, at) => html("option", { value: at }, several ? `${stack} ${layer}` : String(layer))));
    if (this.layer === null || !layers[this.layer]) this.layer = String(this.erasedIn());
    this.row = null;
    this.draw();
  }

  /** Which of the layers is the last that the run erases in; the last of all where it does not say. */
  erasedIn() {
    const { layers } = this.attention;
    const erased = ({ stack, layer }) => this.doc.run.selected.some(([of, number]) => number === layer && (of === "" || of === stack));
    const at = layers.findLastIndex(erased);
    return at < 0 ? layers.length - 1 : at;
  }

  /** Choose a head of a layer, as a map of heads names it. */
  choose(stack, layer, head) {
    if (!this.attention) return;
    const at = this.attention.layers.findIndex((each) => each.stack === stack && each.layer === layer);
    if (at < 0) return;
    this.layer = String(at);
    this.head = String(head);
    this.draw();
  }

  chooseRow(row) {
    this.row = String(row);
    this.draw();
  }

  draw() {
    const layer = this.attention.layers[this.layer];
    this.shown = layer;
    this.names = tokensOfLayer(this.attention, layer);
    this.find(".seen-head").replaceChildren(html("option", { value: MEAN_OF_HEADS }, `mean of ${layer.heads}`),
      ...Array.from({ length: layer.heads }, (_, head) => html("option", { value: head }, String(head))));
    if (this.head === null || (this.head !== MEAN_OF_HEADS && this.head >= layer.heads)) this.head = MEAN_OF_HEADS;
    this.weights = weightsOf(layer, this.head);
    if (this.row === null || this.row >= layer.queries) this.row = String(this.firstShown());
    this.find(".seen-row").replaceChildren(...this.names.rows.map((name, row) => html("option", { value: row }, `${row}: ${shortLabel(name)}`)));
    for (const name of ["layer", "head", "row"]) this.find(`.seen-${name}`).value = this[name];
    this.largest = this.weights.reduce((a, b) => Math.max(a, b), 0) || 1;
    this.find(".seen-legend").replaceChildren(...[0, 1, 3, 5, 7, SHADES_OF_ATTENTION].map((level) => html("span", {},
      html("span", { class: `seen-token a${level}` }, "\u2002"), ` ${percent(this.largest * (level / SHADES_OF_ATTENTION) ** 2)}`)));
    this.drawMap();
    this.drawRow();
    this.find(".seen-cell").textContent = this.hint();
  }

  /** The row that is shown at first: the first, or where it sees nothing but itself, as in a causal model, the last. */
  firstShown() {
    const { queries, keys } = this.shown;
    return queries > 1 && !this.weights.subarray(1, keys).some((weight) => weight > 0) ? queries - 1 : 0;
  }

  hint() {
    return "Point at a cell for its weight; click it, or press ↑ and ↓ in the map, to choose a row.";
  }

  drawMap() {
    const { queries, keys } = this.shown;
    const size = Math.max(queries, keys) <= 24 ? 18 : Math.max(queries, keys) <= 64 ? 12 : 6;
    const labelled = size >= 12;
    const [left, top] = labelled ? [96, 92] : [8, 8];
    const paths = Array.from({ length: SHADES_OF_ATTENTION + 1 }, () => "");
    for (let q = 0; q < queries; q++) {
      for (let k = 0; k < keys; k++) {
        const shade = shadeOfWeight(this.weights[q * keys + k], this.largest);
        if (shade) paths[shade] += `M${left + k * size} ${top + q * size}h${size}v${size}h${-size}z`;
      }
    }
    const labels = labelled ? [
      ...this.names.rows.map((name, q) => svg("text", { x: left - 4, y: top + (q + 0.5) * size, class: `row-label${String(q) === this.row ? " chosen" : ""}` }, shortLabel(name))),
      ...this.names.columns.map((name, k) => svg("text", { transform: `translate(${left + (k + 0.5) * size} ${top - 4}) rotate(-90)`, class: "column-label" }, shortLabel(name))),
    ] : [];
    const map = this.find(".seen-map");
    this.geometry = { left, top, size };
    map.setAttribute("width", left + keys * size + 2);
    map.setAttribute("height", top + queries * size + 2);
    map.setAttribute("viewBox", `0 0 ${left + keys * size + 2} ${top + queries * size + 2}`);
    const named = this.head === MEAN_OF_HEADS ? "mean of its heads" : `head ${this.head}`;
    map.setAttribute("aria-label", `Attention of ${this.shown.stack} layer ${this.shown.layer}, ${named}: ${queries} rows over ${keys} tokens`);
    map.replaceChildren(svg("rect", { class: "ground", x: left, y: top, width: keys * size, height: queries * size }),
      ...paths.map((d, shade) => (d ? svg("path", { class: `a${shade}`, d }) : "")).filter((each) => each),
      svg("rect", { class: "chosen-row", x: left, y: top + Number(this.row) * size, width: keys * size, height: size }), ...labels);
  }

  /** What a row gives to each token, as shaded tokens and in words. */
  drawRow() {
    const { keys } = this.shown;
    const row = this.weights.subarray(Number(this.row) * keys, (Number(this.row) + 1) * keys);
    const most = [...row.keys()].sort((a, b) => row[b] - row[a] || a - b).slice(0, NAMED_TOKENS).filter((k) => row[k] > 0);
    this.find(".seen-says").replaceChildren(html("bdi", { class: "class" }, this.names.rows[this.row]), ` (row ${this.row}) attends most to `,
      ...most.flatMap((k, place) => [place ? ", " : "", html("bdi", { class: "class" }, this.names.columns[k]), ` ${percent(row[k])}`]), ".");
    this.find(".seen-tokens").replaceChildren(...this.names.columns.flatMap((name, k) => [
      html("bdi", { class: `seen-token a${shadeOfWeight(row[k], this.largest)}`, title: percent(row[k]) }, name), " "]));
  }

  /** The row and column under a pointer, where there is one. */
  onCell(event, then) {
    const map = this.find(".seen-map");
    const box = map.getBoundingClientRect();
    const { left, top, size } = this.geometry;
    const scale = Number(map.getAttribute("width")) / box.width;
    const [row, column] = [Math.floor(((event.clientY - box.top) * scale - top) / size), Math.floor(((event.clientX - box.left) * scale - left) / size)];
    if (row >= 0 && row < this.shown.queries && column < this.shown.keys) then(row, column);
  }

  tell(row, column) {
    if (column < 0) return;
    this.find(".seen-cell").replaceChildren(html("bdi", {}, this.names.rows[row]), " → ", html("bdi", {}, this.names.columns[column]), `: ${percent(this.weights[row * this.shown.keys + column])}`);
  }

  /** The weights that are shown as rows of texts: the table that the button CSV gives. */
  table() {
    const { queries, keys } = this.shown;
    const rows = [["row", "row token", "column", "column token", "weight"]];
    for (let q = 0; q < queries; q++) {
      for (let k = 0; k < keys; k++) rows.push([q, this.names.rows[q], k, this.names.columns[k], this.weights[q * keys + k].toPrecision(3)]);
    }
    return rows;
  }
}

/**
 * Something that the run's files do not tell, as it is shown. Whoever can answer it, as a live server's script that
 * stands before this one, listens for "attnprobe:ask" on the document. The event's detail is what is asked ("attention",
 * "erasure" or "knockout"), of which run and document, with what erased, and a function `answer` that takes it.
 */
function notComputed(what, words, about, answer) {
  const element = html("span", { class: "not-computed", "data-ask": what }, ...[words].flat());
  queueMicrotask(() => document.dispatchEvent(new CustomEvent("attnprobe:ask", { detail: { what, ...about, answer } })));
  return element;
}
