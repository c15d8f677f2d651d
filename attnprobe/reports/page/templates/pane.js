// One document of one run: its text, what is erased, and what the model makes of the rest.

/** Where an ordering's draws flip the decision, and what becomes of those that do not: a line each. */
function outcomesInWords(draws, n) {
  const counts = draws.filter((count) => count > 0).sort((a, b) => a - b);
  const [first, last] = [counts[0], counts[counts.length - 1]];
  const lines = counts.length ? [`${first === last ? first : `${first} to ${last}`} of ${n}`] : [];
  for (const [outcome, words, short] of [[EMPTIED, "only when nothing is left", "nothing left"], [-1, "never", "never"]]) {
    const some = draws.filter((count) => count === outcome).length;
    if (some) lines.push(some < draws.length ? `${short} in ${some} of ${draws.length} draws` : words);
  }
  return lines;
}

class Pane {
  /**
   * @param {object[]} runs of the page
   * @param {{changed: (pane: Pane) => void, asked: (pane: Pane, what: string) => void}} owner told of changes, and
   *   asked for what a pane cannot do by itself
   */
  constructor(runs, owner) {
    this.runs = runs;
    this.owner = owner;
    this.root = document.getElementById("pane").content.firstElementChild.cloneNode(true);
    this.find = (selector) => this.root.querySelector(selector);
    this.tip = this.find(".tip");
    this.words = new Words(this.find(".words"), (j) => this.toggle(j), (j, element) => this.explain(j, element));
    this.attention = new AttentionView(this.find(".seen"));
    this.singles = new SingleItems(this.find(".single-items"), (j) => this.eraseOnly([j]));
    this.find(".seen-body").append(downloads(this.find(".seen"), "attention token by token", () => this.attention.table()));
    this.find(".single-items").append(downloads(this.find(".single-items"), "each erased alone", () => this.singles.table()));
    this.find(".course-section").append(downloads(this.find(".course-section"), "probability as items go", () => courseTable(this.doc)));
    this.find(".document-heads").addEventListener("click", (event) => {
      const button = event.target.closest("button[data-head]");
      if (button) this.lookAt(...this.doc.run.heads.which[button.dataset.head]);
    });
    this.find(".k").addEventListener("input", (event) => this.erasePrefix(Number(event.target.value)));
    this.find(".by").addEventListener("change", (event) => this.shade(event.target.value, this.compared));
    this.find(".with").addEventListener("change", (event) => this.shade(this.by, event.target.value));
    this.root.addEventListener("click", (event) => {
      const button = event.target.closest("button[data-do]");
      if (button) this.act(button.dataset.do, button.dataset.ordering);
    });
  }

  /** Show a document with nothing erased. */
  open(runNumber, index, by, compared) {
    const run = this.runs[runNumber];
    this.runNumber = runNumber;
    this.doc = openDocument(run, index);
    const doc = this.doc;
    this.erased = new Uint8Array(doc.n);
    this.before = doc.exact ? probabilities(logitsWithout(doc, this.erased).logits) : null;
    const known = run.orderings.filter(({ id }) => shadesOf(doc, id));
    this.by = known.some(({ id }) => id === by) ? by : ATTENTION;
    this.compared = known.some(({ id }) => id === compared) ? compared : "";
    const options = () => known.map(({ id, name }) => html("option", { value: id }, name));
    this.find(".by").replaceChildren(...options());
    this.find(".with").replaceChildren(html("option", { value: "" }, "nothing"), ...options());
    this.words.show(doc);
    this.head();
    this.attention.show(this.runs, doc);
    this.singles.show(doc);
    drawHeads(this.find(".document-heads"), doc);
    const smallest = this.find("[data-do=smallest]");
    smallest.disabled = smallestItems(doc).length === 0;
    smallest.title = smallest.disabled ? this.withoutSmallest() : this.smallestBy();
    const guarantee = this.find("[data-do=guarantee]");
    guarantee.hidden = !doc.sufficient;
    guarantee.title = doc.sufficient ? this.guaranteedBy() : "";
    this.find(".exactness").textContent = doc.exact
      ? "Exact: computed here, from each item's stored contribution, for any set you erase."
      : `This model's readout is not affine, so that erasures cannot be computed here. What the tests computed is shown: each ${run.unit} erased alone, and each ordering up to its first flip${Object.keys(doc.kept).length ? ", and how sure the model is along whole orderings" : ""}.`;
    this.find(".course-section").hidden = !run.orderings.some(({ id }) => orderOf(doc, id)?.length === doc.n && (doc.exact || doc.kept[id]));
    this.find(".unknown-orders").replaceChildren(...this.ordersUnknown());
    this.find(".unknown-orders").hidden = unknownOrders(doc).length === 0;
    this.shade(this.by, this.compared);
  }

  /** Why there is no smallest set to erase. */
  withoutSmallest() {
    const { doc } = this;
    if (doc.smallest === "none") return "No set flips this decision.";
    if (doc.smallest === "open") return "No set that flips this decision was found.";
    if (smallestSet(doc) === "") return "No exact smallest set is known for this readout.";
    if (firstFlip(doc, smallestSet(doc)) > 0) return "Which items are in it is not in the run's files.";
    return firstFlip(doc, smallestSet(doc)) === EMPTIED ? "No set flips this decision while anything is left." : "No set flips this decision.";
  }

  /** How far the set that flips the decision is known to be the smallest, where that was found by erasing sets. */
  smallestBy() {
    const { doc } = this;
    if (smallestSet(doc) !== "") return "";
    return doc.smallest === "exact"
      ? "Exact: no smaller set flips this decision."
      : `Attained: of the sets that were tried this is the smallest that flips the decision. None of fewer than ${doc.flip_bound} ${doc.run.unit}${doc.flip_bound === 1 ? "" : "s"} does; others may.`;
  }

  /** What the smallest set is whose items, kept, guarantee the decision. */
  guaranteedBy() {
    const { doc } = this;
    const count = doc.sufficient.reduce((a, b) => a + b, 0);
    return count === 0
      ? `The decision stays whatever ${doc.guarantee === "attained" ? "was tried to erase" : "is erased"}.`
      : doc.guarantee === "attained"
      ? `Attained: beside ${count === 1 ? `this one ${doc.run.unit}` : `these ${count} ${doc.run.unit}s`} no erasure that was tried changes the decision. Not all were.`
      : `The smallest set: with ${count === 1 ? `this one ${doc.run.unit}` : `these ${count} ${doc.run.unit}s`} kept the decision stays, whatever subset of the others is erased.`;
  }

  /** Whether what is left has all of that set. */
  isGuaranteed() {
    const { doc } = this;
    return Boolean(doc.sufficient) && doc.guarantee !== "attained" && doc.sufficient.every((flag, j) => !flag || !this.erased[j]);
  }

  /** What cannot be shown of this document, in a sentence. */
  ordersUnknown() {
    const { doc } = this;
    const unknown = unknownOrders(doc).map(({ name }) => name);
    const all = unknown.length === doc.run.orderings.length;
    const by = all ? "" : ` by ${unknown.join(", ").replace(/, ([^,]*)$/, " and $1")}`;
    return [`The run's files do not tell in which order ${doc.run.unit}s were erased${by}: they were made before that was kept. So `
      + `nothing can be struck out in ${all ? "an order that was" : "the order"} erased; counts are those of the tests.`];
  }

  head() {
    const { doc } = this;
    const { unit } = doc.run;
    this.find(".title").replaceChildren(`Document ${doc.number}`, ...(this.runs.length > 1 ? [" ", html("bdi", { class: "of-run" }, doc.run.name)] : []));
    this.find(".classes").replaceChildren(
      `${doc.n.toLocaleString("en")} ${unit}${doc.n === 1 ? "" : "s"}. The model decides `, html("bdi", { class: "class" }, doc.decided),
      ...(doc.right === null ? ["."] : doc.right ? [", as labelled."] : [", but the label is ", html("bdi", { class: "class" }, doc.labelled), "."]));
  }

  /** Choose what shades the items; a prefix that is erased becomes one of the new ordering. */
  shade(by, compared) {
    const k = this.by === by ? null : this.prefix();
    this.by = by;
    this.compared = compared;
    const { doc, runNumber } = this;
    this.find(".by").value = by;
    this.find(".with").value = compared;
    this.words.shade(by, compared);
    const place = (ordering) => doc.run.orderings.findIndex(({ id }) => id === ordering);
    this.find(".reading").className = `reading shaded r${runNumber}o${place(by)}`;
    this.find(".words").classList.toggle("compared", compared !== "");
    this.underline(compared === "" ? null : `r${runNumber}o${place(compared)}`);
    const order = orderOf(doc, by);
    this.find(".k").max = order ? order.length : 0;
    this.find(".k").disabled = !order?.length;
    this.find(".course-scale").textContent = `0 to ${percent(drawCourses(this.find(".course"), doc, runNumber, by))}, upwards`;
    this.find(".course-title").replaceChildren("Probability of ", html("bdi", {}, doc.decided), " as items go");
    drawFlipTicks(this.find(".flip-ticks"), doc, runNumber, by);
    this.explainScale();
    if (k) this.erasePrefix(Math.min(k, order ? order.length : 0));
    else this.update();
  }

  /** The second ordering's colour, on the element around the one that has the first's. */
  underline(hue) {
    this.find(".body").className = `body${hue ? ` second ${hue}` : ""}`;
  }

  explainScale() {
    const { doc } = this;
    const named = (ordering) => doc.run.orderings.find(({ id }) => id === ordering).name;
    const scale = (ordering, kind) => {
      const { low, high } = shadesOf(doc, ordering);
      const steps = [0, 3, 6, 9].map((level) => html("span", { class: `item ${kind === "s" ? `s${level} t0` : `s0 t${level}`}` }, "\u2002"));
      return html("span", { class: "scale" }, html("b", {}, named(ordering)), ` ${low} `, ...steps, ` ${high}`);
    };
    this.find(".legend").replaceChildren(scale(this.by, "s"), ...(this.compared ? [scale(this.compared, "t")] : []),
      ...(doc.flips?.some((flag) => flag) ? [html("span", { class: "scale" }, html("span", { class: "item flips s0 t0" }, "\u2002"), " flips the decision alone")] : []),
      ...this.marksExplained());
  }

  /** Whose marks are underlined in this document. */
  marksExplained() {
    const { doc } = this;
    const people = doc.run.people.filter(({ column }) => doc[column].some((flag) => flag));
    const sample = (kind, words) => html("span", { class: "scale" }, html("span", { class: `item ${kind} s0 t0` }, "\u2002"), words);
    const others = people.filter(({ column }) => column !== doc.run.people[0]?.column);
    return [
      ...(people.length > others.length ? [sample("marked", ` marked by annotator ${people[0].name}`)] : []),
      ...(others.length ? [sample("marked-by-others", ` marked by ${others.map(({ name }) => name).join(", ")} alone`)] : []),
    ];
  }

  /** Show what a head attends to. */
  lookAt(stack, layer, head) {
    this.attention.choose(stack, layer, head);
    this.find(".seen").scrollIntoView({ block: "nearest" });
  }

  toggle(j) {
    this.erased[j] = 1 - this.erased[j];
    this.update();
  }

  eraseOnly(positions) {
    this.erased = new Uint8Array(this.doc.n);
    for (const j of positions) if (j >= 0 && j < this.doc.n) this.erased[j] = 1;
    this.update();
  }

  erasePrefix(k) {
    this.eraseOnly((orderOf(this.doc, this.by) ?? []).slice(0, k));
  }

  /** How many first items of the ordering are erased, if that is all; null otherwise. */
  prefix() {
    const order = orderOf(this.doc, this.by);
    const count = this.erased.reduce((a, b) => a + b, 0);
    if (!order || count > order.length) return count === 0 ? 0 : null;
    for (let rank = 0; rank < count; rank++) if (!this.erased[order[rank]]) return null;
    return count;
  }

  act(what, ordering) {
    if (what === "restore") this.eraseOnly([]);
    else if (what === "smallest") this.eraseOnly(smallestItems(this.doc));
    else if (what === "guarantee") this.eraseOnly(Array.from(this.doc.sufficient.keys()).filter((j) => !this.doc.sufficient[j]));
    else if (what === "flip") {
      if (ordering && ordering !== this.by) this.shade(ordering, this.compared);
      this.erasePrefix(Math.max(0, firstFlip(this.doc, this.by) ?? 0));
    } else this.owner.asked(this, what);
  }

  /** Bring everything up to what is erased now. */
  update() {
    const { doc } = this;
    const k = this.prefix();
    const count = this.erased.reduce((a, b) => a + b, 0);
    this.words.strike(this.erased);
    const name = doc.run.orderings.find(({ id }) => id === this.by).name;
    const unit = `${doc.run.unit}s`;
    this.find(".k").value = k ?? 0;
    this.find(".slider-text").textContent = count > 0 && k === null
      ? `Erased by hand: ${count} of ${doc.n} ${unit}`
      : orderOf(doc, this.by)?.length ? `Erase the first ${k} of ${doc.n} ${unit} by ${name}` : `There is no order to erase in by ${name}`;
    const flip = firstFlip(doc, this.by);
    const toFlip = this.find("[data-do=flip]");
    toFlip.disabled = !(flip > 0) || !orderOf(doc, this.by);
    toFlip.title = flip > 0 || flip === undefined ? "" : `By ${name} the decision ${flip === EMPTIED ? "changes only when nothing is left" : "never changes"}.`;
    let flipped;
    if (doc.exact) {
      const { logits, mass } = logitsWithout(doc, this.erased);
      const uncertain = mass > 0 && mass < TOO_LITTLE;
      const now = uncertain ? null : probabilities(logits);
      flipped = now ? count > 0 && mass > 0 && largestOf(now) !== doc.decision : null;
      drawDistribution(this.find(".distribution tbody"), doc, now, this.before);
      this.say(this.exactly(count, mass, now, flipped));
    } else {
      const known = this.asTested(k, count);
      flipped = known.flipped;
      drawDecision(this.find(".distribution tbody"), doc, this.probabilityNow(k, count));
      this.say([...known.words, ...this.alongCurve(k, count)]);
    }
    moveCursor(this.find(".course"), doc, k);
    this.root.classList.toggle("flipped", flipped === true);
    this.drawFirstFlips();
    this.owner.changed(this);
  }

  exactly(count, mass, now, flipped) {
    const { doc } = this;
    const label = (c) => html("bdi", { class: "class" }, doc.run.labels[c]);
    if (count === 0) return ["Nothing is erased. Click a ", doc.run.unit, " to erase it, or move the slider."];
    const items = `${count.toLocaleString("en")} ${doc.run.unit}${count === 1 ? "" : "s"}`;
    const gone = `${items} with ${percent(Math.min(1, Math.max(0, 1 - mass)))} of the attention`;
    if (!now) return [`Without ${gone} so little is left that the run's files do not tell what the model decides.`];
    const decided = largestOf(now);
    if (mass === 0) {
      return [html("strong", {}, "Nothing is left"), ` with ${count === doc.n ? "all " : ""}${items} erased: the readout's bias alone decides`,
        decided === doc.decision ? ", and decides the same, " : " ", label(decided), ` (${percent(now[decided])}), whatever the text.`];
    }
    return flipped
      ? [html("strong", {}, "The decision flips"), " to ", label(decided), ` (${percent(now[decided])}) without ${gone}.`]
      : ["The decision is still ", label(doc.decision), ` (${percent(now[doc.decision])}) without ${gone}.`,
        this.isGuaranteed() ? " What is left guarantees it, whatever else is erased." : ""];
  }

  /** What the tests computed of the erased set, in words; `flipped` is null where they did not compute it. */
  asTested(k, count) {
    const { doc } = this;
    const { unit } = doc.run;
    if (count === 0) return { flipped: false, words: [`Nothing is erased. Click a ${unit} to see what erasing it alone does.`] };
    if (count === 1 && doc.flips) {
      const j = this.erased.indexOf(1);
      const flipped = doc.flips[j] === 1;
      const p = doc.probability?.[j];
      const moved = [doc.js ? ` The output moves by ${significant(doc.js[j])} nats (JS).` : "",
        ...(p === undefined || Number.isNaN(p) ? [] : [" The probability of ", html("bdi", { class: "class" }, doc.decided), ` is then ${percent(p)}.`])];
      return { flipped, words: [html("strong", {}, flipped ? `Without this ${unit} the decision flips.` : `Without this ${unit} the decision stays.`), ...moved] };
    }
    if (count > 1 && doc.flipping?.every((flag, j) => (flag === 1) === (this.erased[j] === 1))) {
      return { flipped: true, words: [html("strong", {}, `Without these ${count.toLocaleString("en")} ${unit}s the decision flips.`), ` ${this.smallestBy()}`] };
    }
    const flip = firstFlip(doc, this.by);
    const changes = doc.removed[this.by]?.[0];  // while something is left, or when nothing is
    if (count === doc.n || (k !== null && flip === EMPTIED && k >= changes)) return { flipped: false, words: this.nothingLeft() };
    if (k !== null && changes !== undefined && (changes < 0 || k <= changes)) {
      return k === flip
        ? { flipped: true, words: [html("strong", {}, `The decision flips here`), `: ${k} ${unit}s erased. What comes after was not computed.`] }
        : { flipped: false, words: [`The decision stays with the first ${k} ${unit}s erased.`] };
    }
    if (this.isGuaranteed()) return { flipped: false, words: ["The decision stays: what is left guarantees it, whatever else is erased."] };
    if (doc.sufficient && doc.sufficient.every((flag, j) => flag !== this.erased[j])) {
      return { flipped: false, words: [`The decision stays with these ${unit}s alone, and nothing that was tried to erase beside them changes it. Not all was tried.`] };
    }
    return { flipped: null, words: [this.askErased(`Not computed: only single ${unit}s, and the first ${unit}s of an ordering up to its first flip, were.`)] };
  }

  /** That what is erased was not tried, and the answer of whoever can give it: a probability, and what is decided. */
  askErased(words) {
    const { doc, erased } = this;
    const asked = asRanges(erased);
    const about = { run: this.runNumber, document: doc.number, erased: [...erased.keys()].filter((j) => erased[j]) };
    return notComputed("erasure", words, about, ({ probability, decided }) => {
      if (this.doc !== doc || asRanges(this.erased) !== asked) return;
      const flipped = decided !== doc.decided;
      drawDecision(this.find(".distribution tbody"), doc, probability);
      this.root.classList.toggle("flipped", flipped);
      this.say([html("strong", {}, flipped ? "The decision flips" : "The decision stays"), ": ", html("bdi", { class: "class" }, decided),
        ". The probability of ", html("bdi", { class: "class" }, doc.decided), ` is then ${percent(probability)}.`]);
    });
  }

  /** The decision's probability with what is erased now, where the tests computed it; null where they did not. */
  probabilityNow(k, count) {
    const { doc } = this;
    if (count === 0) return doc.p;
    const alone = count === 1 ? doc.probability?.[this.erased.indexOf(1)] : undefined;
    if (alone !== undefined && !Number.isNaN(alone)) return alone;
    return (k === null ? undefined : doc.kept[this.by]?.[k]) ?? null;
  }

  /** The decision's probability without the first k items, where whole curves of the ordering are kept, in words. */
  alongCurve(k, count) {
    if (count === 1 && this.doc.probability) return [];  // it is said of the item alone
    const p = k ? this.doc.kept[this.by]?.[k] : undefined;
    return p === undefined ? [] : [" The probability of ", html("bdi", { class: "class" }, this.doc.decided), ` is then ${percent(p)}.`];
  }

  /** What is decided with everything erased, where a test came so far: one whose decision changed only then, or never. */
  nothingLeft() {
    const { doc } = this;
    const outcomes = doc.run.orderings.flatMap(({ id }) => outcomesOf(doc, id));
    const then = outcomes.includes(EMPTIED) ? "decides otherwise" : outcomes.includes(-1) ? "decides the same" : null;
    return [html("strong", {}, "Nothing is left"), then ? `: the rest of the model, without this attention, ${then}.` : ". What the model decides then was not computed."];
  }

  say(words) {
    this.find(".state").replaceChildren(...words);
  }

  drawFirstFlips() {
    const { doc, runNumber } = this;
    const rows = doc.run.orderings.map(({ id, name }, number) => {
      const draws = outcomesOf(doc, id);
      const reachable = orderOf(doc, id) && firstFlip(doc, id) > 0;
      const title = reachable
        ? html("button", { type: "button", "data-do": "flip", "data-ordering": id }, name)
        : html("span", {}, name);
      const mass = (doc.mass[id] ?? []).filter((each) => each !== null);
      const mean = mass.length ? mass.reduce((a, b) => a + b, 0) / mass.length : null;
      return html("tr", { class: `r${runNumber}o${number}` }, html("th", { scope: "row" }, html("span", { class: "swatch" }), title),
        html("td", { class: "outcome" }, ...outcomesInWords(draws, doc.n).map((each) => html("span", {}, each))), html("td", { class: "number" }, percent(mean)));
    });
    this.find(".first-flips tbody").replaceChildren(...rows);
    this.find(".draws").hidden = !(doc.removed[RANDOM]?.length > 1 && orderOf(doc, RANDOM));
  }

  /** Say what is known of an item, beside it. */
  explain(j, element) {
    this.tip.hidden = j === null;
    if (j === null) return;
    const { doc } = this;
    const ranks = doc.run.orderings.filter(({ id }) => id !== RANDOM && orderOf(doc, id)?.length).map(({ id, name }) => {
      const rank = doc.places[id][j];
      return rank ? `${name}: ${rank} of ${orderOf(doc, id).length}` : `${name}: not in it`;
    });
    const alone = doc.flips ? `Alone: JS ${doc.js ? significant(doc.js[j]) : "?"} nats, ${doc.flips[j] ? "flips the decision" : "the decision stays"}` : "";
    const people = doc.run.people.filter(({ column }) => doc[column][j] === 1).map(({ name }) => name);
    const marked = people.length ? [html("span", {}, `Marked by ${people.join(", ")}`)] : [];
    this.tip.replaceChildren(...(ranks.length ? [html("b", {}, "Rank")] : []), ...ranks.map((line) => html("span", {}, line)),
      html("span", {}, `Attention ${significant(doc.weight[j])}${doc.gradient ? `, gradient ${significant(doc.gradient[j])}` : ""}`), html("span", {}, alone), ...marked);
    const around = this.root.getBoundingClientRect();
    const box = element.getClientRects()[0];
    const left = Math.min(Math.max(0, box.left - around.left), around.width - this.tip.offsetWidth - 4);
    const below = box.bottom - around.top + 6;
    this.tip.style.left = `${Math.max(0, left)}px`;
    this.tip.style.top = `${below}px`;
  }
}
