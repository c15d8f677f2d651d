// What is erased and cut off: a value that is changed by making another one, so that what was before can be gone back to.

const NOTHING = { removed: [], layers: null, heads: {}, rows: null, way: null, off: { heads: {}, layers: [], rows: [] } };

/** The list with an entry that was not in it, or without one that was; ascending. */
function toggled(list, entry) {
  return list.includes(entry) ? list.filter((each) => each !== entry) : [...list, entry].sort((a, b) => a - b);
}

/** Lists by key, one of them another; empty ones are left out unless they mean something. */
function withList(lists, key, list, keepEmpty = false) {
  const others = Object.fromEntries(Object.entries(lists).filter(([each]) => each !== String(key)));
  return list.length || keepEmpty ? { ...others, [key]: list } : others;
}

/** Whether anything is erased or cut off. */
function doesSomething(edit) {
  return edit.removed.length > 0 || edit.off.layers.length > 0 || edit.off.rows.length > 0 || Object.keys(edit.off.heads).length > 0;
}

/** What is erased where, as the server is told it; without `removed` where an ordering or a search says that. */
function asAsked(edit, { removed = true } = {}) {
  const asked = { layers: edit.layers, heads: Object.keys(edit.heads).length ? edit.heads : null, cut: edit.off };
  if (removed) asked.removed = edit.removed;
  if (edit.rows !== null) asked.rows = edit.rows;
  if (edit.way !== null) asked.erase_by = edit.way;
  return asked;
}

/** Steps back. */
class History {
  constructor() {
    this.before = [];
  }

  /** Keep what is about to be changed. */
  push(edit) {
    this.before.push(edit);
    if (this.before.length > 200) this.before.shift();
  }

  get isEmpty() {
    return this.before.length === 0;
  }

  pop() {
    return this.before.pop();
  }

  clear() {
    this.before = [];
  }
}
