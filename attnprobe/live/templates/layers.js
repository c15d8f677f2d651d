// Layers and heads as a table of buttons: where items are erased, and what is cut off whole.

class Layers {
  /** @param {(change: (edit: object) => object) => void} changed told how an edit is to be changed */
  constructor(table, modeOf, changed) {
    this.table = table;
    table.addEventListener("click", (event) => {
      const button = event.target.closest("button[data-layer]");
      if (!button) return;
      const layer = Number(button.dataset.layer);
      const head = button.dataset.head === undefined ? null : Number(button.dataset.head);
      changed((edit) => (modeOf() === "cut" ? this.cut(edit, layer, head) : this.chosen(edit, layer, head)));
    });
  }

  begin(model) {
    this.model = model;
    const most = Math.max(...model.layers.map(({ heads }) => heads));
    this.table.replaceChildren(
      html("thead", {}, html("tr", {}, html("th", { scope: "col" }, "layer"), ...Array.from({ length: most }, (_, head) => html("th", { scope: "col" }, String(head))))),
      html("tbody", {}, ...model.layers.map((layer, at) => html("tr", {},
        html("th", { scope: "row" }, this.button(layer.name, at, null)),
        ...Array.from({ length: layer.heads }, (_, head) => html("td", {}, this.button("", at, head)))))));
  }

  button(text, layer, head) {
    const where = { type: "button", "data-layer": layer };
    if (head !== null) where["data-head"] = head;
    return html("button", where, text);
  }

  /** Layers in which items are erased. */
  layersOf(edit) {
    return edit.layers ?? this.model.by_default;
  }

  /** Heads of a layer in which items are erased. */
  headsOf(edit, layer) {
    return edit.heads[layer] ?? Array.from({ length: this.model.layers[layer].heads }, (_, head) => head);
  }

  cut(edit, layer, head) {
    const { off } = edit;
    if (head === null) return { ...edit, off: { ...off, layers: toggled(off.layers, layer) } };
    return { ...edit, off: { ...off, heads: withList(off.heads, layer, toggled(off.heads[layer] ?? [], head)) } };
  }

  chosen(edit, layer, head) {
    const layers = this.layersOf(edit);
    const byDefault = (list) => list.length === this.model.by_default.length && list.every((each, at) => each === this.model.by_default[at]);
    if (head === null) {
      const now = toggled(layers, layer);
      return { ...edit, layers: byDefault(now) ? null : now, heads: withList(edit.heads, layer, []) };
    }
    const all = this.model.layers[layer].heads;
    const list = layers.includes(layer) ? toggled(this.headsOf(edit, layer), head) : [head];
    const now = list.length && !layers.includes(layer) ? toggled(layers, layer) : layers;
    return { ...edit, layers: byDefault(now) ? null : now, heads: withList(edit.heads, layer, list.length === all ? [] : list, list.length !== all) };
  }

  draw(edit, mode) {
    const layers = this.layersOf(edit);
    for (const button of this.table.querySelectorAll("button[data-layer]")) {
      const { layer, head } = button.dataset;
      const at = Number(layer);
      const isHead = head !== undefined;
      const off = edit.off.layers.includes(at) || (isHead && (edit.off.heads[at] ?? []).includes(Number(head)));
      const here = layers.includes(at) && (isHead ? this.headsOf(edit, at).includes(Number(head)) : this.headsOf(edit, at).length > 0);
      button.classList.toggle("off", off);
      button.classList.toggle("here", here);
      if (isHead) button.textContent = off ? "✕" : here ? "•" : "";
      const name = isHead ? `layer ${this.model.layers[at].name}, head ${head}` : `layer ${this.model.layers[at].name}`;
      button.setAttribute("aria-label", `${name}: ${off ? "cut off" : here ? "items are erased there" : "items are not erased there"}`);
      button.setAttribute("aria-pressed", mode === "cut" ? off : here);
    }
  }
}
