// A finding as an address: what stands behind #, written from what is shown and read again with care.

const LONGEST_LINKED = 20000;
const LISTS_OF_LAYERS = /^(\d{1,6}:(\d{1,6}(\.\d{1,6})*)?)(;\d{1,6}:(\d{1,6}(\.\d{1,6})*)?)*$/;

const numbersAsText = (list) => asRanges(list.reduce((flags, each) => { flags[each] = 1; return flags; }, Array.from({ length: Math.max(-1, ...list) + 1 }, () => 0)));
const listsAsText = (lists) => Object.entries(lists).map(([key, list]) => `${key}:${list.join(".")}`).join(";");

/** What is shown as an address. */
function addressOfFinding({ text, second, edit, ordering, seen }) {
  const parts = [["text", text]];
  if (second) parts.push(["second", second]);
  if (edit.removed.length) parts.push(["removed", numbersAsText(edit.removed)]);
  if (edit.layers !== null) parts.push(["layers", edit.layers.join(".")]);
  if (Object.keys(edit.heads).length) parts.push(["heads", listsAsText(edit.heads)]);
  if (edit.rows !== null) parts.push(["rows", edit.rows]);
  if (edit.way !== null) parts.push(["way", edit.way]);
  if (edit.off.layers.length) parts.push(["off-layers", edit.off.layers.join(".")]);
  if (Object.keys(edit.off.heads).length) parts.push(["off-heads", listsAsText(edit.off.heads)]);
  if (edit.off.rows.length) parts.push(["off-rows", edit.off.rows.join(".")]);
  if (ordering) parts.push(["by", ordering]);
  for (const [name, value] of Object.entries(seen)) if (value !== null && value !== undefined) parts.push([name, value]);
  return addressText(parts);
}

/**
 * What an address asks for, as far as the model has it; `wrong` are the names of what it has not.
 *
 * Numbers of items and rows are checked when the text has been read.
 */
function findingOf(hash, model) {
  const address = hash.includes("=") ? readAddress(hash) : new Map();
  const wrong = [];
  const take = (name, read) => {
    if (!address.has(name)) return null;
    const value = read(address.get(name));
    if (value === null) wrong.push(name);
    return value;
  };
  const text = (value) => (value.length <= LONGEST_LINKED ? value : null);
  const among = (names) => (value) => (names.includes(value) ? value : null);
  const numbers = (end) => (value) => {
    if (value === "") return [];
    const list = /^\d{1,6}(\.\d{1,6})*$/.test(value) ? [...new Set(value.split(".").map(Number))].sort((a, b) => a - b) : [];
    return list.length && list.every((each) => each < end) ? list : null;
  };
  const ranges = (value) => (/^[\d.-]{1,60000}$/.test(value) ? fromRanges(value, LONGEST_LINKED) : null);
  const lists = (value) => {
    if (!LISTS_OF_LAYERS.test(value)) return null;
    const found = Object.fromEntries(value.split(";").map((part) => part.split(":")).map(([key, list]) => [Number(key), list ? [...new Set(list.split(".").map(Number))].sort((a, b) => a - b) : []]));
    const fits = Object.entries(found).every(([key, list]) => model.layers[key] && list.every((head) => head < model.layers[key].heads));
    return fits ? found : null;
  };
  for (const name of address.keys()) if (!KNOWN_IN_LINKS.has(name)) wrong.push(name.slice(0, 40));
  const found = {
    text: take("text", text),
    second: take("second", text),
    edit: {
      removed: take("removed", ranges) ?? [],
      layers: take("layers", numbers(model.layers.length)),
      heads: take("heads", lists) ?? {},
      rows: take("rows", among(model.rows)),
      way: take("way", among(model.erase_by)),
      off: { heads: take("off-heads", lists) ?? {}, layers: take("off-layers", numbers(model.layers.length)) ?? [], rows: take("off-rows", numbers(LONGEST_LINKED)) ?? [] },
    },
    ordering: take("by", among(model.orderings.map(({ name }) => name))),
    seen: { layer: take("layer", (value) => (/^\d{1,6}$/.test(value) && model.layers[value] ? value : null)), head: take("head", (value) => (value === MEAN_OF_HEADS || /^\d{1,6}$/.test(value) ? value : null)), row: take("row", (value) => (/^\d{1,6}$/.test(value) ? value : null)) },
  };
  return { ...found, wrong };
}

const KNOWN_IN_LINKS = new Set(["text", "second", "removed", "layers", "heads", "rows", "way", "off-layers", "off-heads", "off-rows", "by", "layer", "head", "row"]);
