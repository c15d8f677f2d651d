// The document's text: one element an item, shaded by an ordering, that can be erased by click, tap or key.

const LEVELS = 9;
const AT_ONCE = 400;
const RIGHT_TO_LEFT = /^[^\p{L}]*[\p{Script=Hebrew}\p{Script=Arabic}\p{Script=Syriac}\p{Script=Thaana}]/u;

class Words {
  /**
   * @param {HTMLElement} place where the items go
   * @param {(position: number) => void} toggle what a click or key on an item asks for
   * @param {(position: number | null, element: HTMLElement | null) => void} explain told which item is pointed at
   */
  constructor(place, toggle, explain) {
    this.place = place;
    this.elements = [];
    this.current = 0;
    const at = (event) => event.target.closest?.("[data-at]");
    place.addEventListener("click", (event) => {
      const element = at(event);
      if (!element || String(getSelection()).length > 0) return;
      this.focus(Number(element.dataset.at), false);
      toggle(Number(element.dataset.at));
    });
    place.addEventListener("pointerover", (event) => {
      const element = at(event);
      explain(element ? Number(element.dataset.at) : null, element);
    });
    place.addEventListener("pointerleave", () => explain(null, null));
    place.addEventListener("focusin", (event) => {
      const element = at(event);
      if (element) explain(Number(element.dataset.at), element);
    });
    place.addEventListener("focusout", () => explain(null, null));
    place.addEventListener("keydown", (event) => this.onKey(event, toggle));
  }

  /** Put a document in; a long one a part at a time, so that the page stays at hand. */
  show(doc) {
    this.doc = doc;
    this.current = 0;
    this.elements = [];
    this.place.replaceChildren();
    this.place.className = `words ${doc.run.unit}s`;
    this.place.dir = doc.tokens.slice(0, 50).some((token) => RIGHT_TO_LEFT.test(token)) ? "rtl" : "ltr";
    this.levels = { by: new Uint8Array(doc.n), with: new Uint8Array(doc.n) };
    this.erased = new Uint8Array(doc.n);
    this.add();
  }

  add() {
    const doc = this.doc;
    const end = Math.min(doc.n, this.elements.length + AT_ONCE);
    const part = document.createElement(doc.n > AT_ONCE ? "div" : "span");
    part.className = "part";
    part.setAttribute("role", "presentation");
    for (let j = this.elements.length; j < end; j++) {
      const element = document.createElement("bdi");
      element.textContent = doc.tokens[j];
      element.dataset.at = j;
      element.setAttribute("role", "option");
      element.tabIndex = j === this.current ? 0 : -1;
      element.className = this.classOf(j);
      element.setAttribute("aria-selected", this.erased[j] === 1);
      this.elements.push(element);
      part.append(this.gap(j), element);
    }
    this.place.append(part);
    if (end < doc.n) setTimeout(() => { if (this.doc === doc) this.add(); });
  }

  /** The text between an item and the one before it; sentences begin a line of their own in any case. */
  gap(j) {
    const text = this.doc.between[j];
    return this.doc.run.unit === "sentence" ? text.replace(/^[^\S\n]*\n?/, "").trimEnd() + (/\n\s*\n/.test(text) ? "\n" : "") : text;
  }

  classOf(j) {
    const shade = `s${this.levels.by[j]} t${this.levels.with[j]}`;
    const marked = ["", " marked-by-others", " marked"][markedBy(this.doc, j)];
    return `item ${shade}${this.erased[j] ? " erased" : ""}${this.doc.flips?.[j] ? " flips" : ""}${marked}`;
  }

  /** Shade by one ordering, and underline by another one or none. */
  shade(by, compared) {
    const levelled = (ordering) => (ordering
      ? Uint8Array.from(shadesOf(this.doc, ordering).shades, (shade) => Math.round(LEVELS * shade))
      : new Uint8Array(this.doc.n));
    this.paint(levelled(by), levelled(compared));
  }

  /** Shade, and underline, by levels from 0 to 9 of each item. */
  paint(by, compared = new Uint8Array(this.doc.n)) {
    const before = this.levels;
    this.levels = { by, with: compared };
    this.elements.forEach((element, j) => {
      if (before.by[j] !== this.levels.by[j] || before.with[j] !== this.levels.with[j]) element.className = this.classOf(j);
    });
  }

  /** Strike out the items flagged in `erased`. */
  strike(erased) {
    const before = this.erased;
    this.erased = Uint8Array.from(erased);
    this.elements.forEach((element, j) => {
      if (before[j] === this.erased[j]) return;
      element.className = this.classOf(j);
      element.setAttribute("aria-selected", this.erased[j] === 1);
    });
  }

  focus(position, visibly = true) {
    const element = this.elements[position];
    if (!element) return;
    if (this.elements[this.current]) this.elements[this.current].tabIndex = -1;
    this.current = position;
    element.tabIndex = 0;
    if (visibly) element.focus();
  }

  onKey(event, toggle) {
    const forward = this.place.dir === "rtl" ? "ArrowLeft" : "ArrowRight";
    const moves = {
      [forward]: this.current + 1,
      [forward === "ArrowRight" ? "ArrowLeft" : "ArrowRight"]: this.current - 1,
      ArrowDown: this.below(1),
      ArrowUp: this.below(-1),
      Home: 0,
      End: this.elements.length - 1,
    };
    if (event.key in moves && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      this.focus(Math.max(0, Math.min(this.elements.length - 1, moves[event.key])));
    } else if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      toggle(this.current);
    }
  }

  /** The nearest item on the next line, or the one before. */
  below(direction) {
    const start = this.elements[this.current]?.getBoundingClientRect();
    let best = this.current;
    let line = null;
    for (let j = this.current + direction; j >= 0 && j < this.elements.length; j += direction) {
      const box = this.elements[j].getBoundingClientRect();
      if (direction * (box.top - start.top) < start.height / 2) continue;
      line ??= box.top;
      if (Math.abs(box.top - line) > start.height / 2) break;
      const nearer = Math.abs(box.left - start.left) < Math.abs(this.elements[best].getBoundingClientRect().left - start.left);
      if (best === this.current || nearer) best = j;
    }
    return best;
  }
}
