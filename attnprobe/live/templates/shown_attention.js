// The attention of a text, a layer at a time as it is asked for; drawn as the page of a run draws it.

class LiveAttention extends AttentionView {
  /**
   * @param {HTMLElement} place the section
   * @param {(layer: number) => Promise<object|null>} fetched gives a layer's attention
   * @param {() => void} told told that another layer, head or row is looked at
   */
  constructor(place, fetched, told) {
    super(place);
    this.fetched = fetched;
    this.told = told;
  }

  /** Begin with a text: nothing of it is known yet. */
  begin(model, wanted) {
    this.attention = { layers: model.layers.map(({ stack, number, heads }) => ({ stack, layer: number, heads })), source: [], target: [] };
    this.find(".seen-layer").replaceChildren(...model.layers.map(({ name }, at) => html("option", { value: at }, name)));
    this.layer = wanted.layer ?? (this.layer !== null && model.layers[this.layer] ? this.layer : String(model.by_default.at(-1) ?? model.layers.length - 1));
    this.head = wanted.head ?? this.head;
    this.row = wanted.row;
    this.hide();
    return this.draw();
  }

  async draw() {
    const at = this.layer;
    const { attention } = this;
    this.find(".seen-layer").value = at;
    if (!attention.layers[at].codes) {
      const found = await this.fetched(Number(at));
      if (attention !== this.attention) return;
      if (found === null) {
        if (at === this.layer) this.hide();
        return;
      }
      Object.assign(attention.layers[at], {
        heads: found.heads,
        queries: found.rows,
        keys: found.columns,
        codes: Uint8Array.from(atob(found.codes), (character) => character.charCodeAt(0)),
        names: { rows: namesFor(found.row_names, found.rows), columns: namesFor(found.column_names, found.columns) },
      });
    }
    if (at !== this.layer) return;
    this.find(".seen-body").hidden = false;
    super.draw();
    this.told();
  }

  /** Show no attention rather than another text's or layer's. */
  hide() {
    this.shown = null;
    this.find(".seen-body").hidden = true;
    this.told();
  }

  get seen() {
    return { layer: this.layer, head: this.head, row: this.row };
  }
}

/** As many names as there are places; numbers where that is not so. */
function namesFor(names, count) {
  return Array.from({ length: count }, (_, place) => (names.length === count ? names[place] : `position ${place}`));
}
