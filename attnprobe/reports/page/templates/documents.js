// Documents as the page holds them: packed numbers are unpacked when a document is first looked at.

const ATTENTION = "attention";
const RANDOM = "random";
const EMPTIED = 0;
const MOST_SHARE = 65535;

/** What is known of a document of a run, with its numbers unpacked. */
function openDocument(run, index) {
  const packed = run.documents[index];
  if (packed.opened) return packed.opened;
  const n = packed.tokens.length;
  const bytes = Uint8Array.from(atob(packed.numbers), (character) => character.charCodeAt(0)).buffer;
  // Orderings may be called whatever they like, so these inherit nothing.
  const columns = Object.create(null);
  const places = Object.create(null);
  const Places = n < 256 ? Uint8Array : n < 65536 ? Uint16Array : Uint32Array;
  let offset = 0;
  for (const [into, names, Kind] of [
    [columns, run.columns.doubles, Float64Array],
    [columns, run.columns.singles, Float32Array],
    [places, run.columns.ranks, Places],
    [columns, run.columns.flags, Uint8Array],
  ]) {
    for (const name of names) {
      into[name] = new Kind(bytes, offset, n);
      offset += n * Kind.BYTES_PER_ELEMENT;
    }
  }
  const doc = { ...packed, ...columns, places, n, run, index, orders: Object.create(null), classes: run.labels.length, right: packed.labelled === null ? null : packed.label === packed.decision, bias: run.bias };
  for (const name of ["removed", "emptied", "mass"]) doc[name] = Object.assign(Object.create(null), packed[name]);
  doc.exact = run.bias !== null;
  doc.contributions = run.labels.map((_, c) => columns[`contribution_${c}`]);
  doc.kept = Object.create(null);
  for (const [id, course] of Object.entries(packed.courses ?? {})) {
    const whole = Uint8Array.from(atob(course), (character) => character.charCodeAt(0)).buffer;
    doc.kept[id] = Float64Array.from(new Uint16Array(whole), (each) => each / MOST_SHARE);
  }
  if (packed.guarantee === "unknown") delete doc.sufficient;
  if (packed.smallest === "unknown") delete doc.flipping;
  packed.opened = doc;
  return doc;
}

/** Whether the first annotator marked an item (2), another one alone (1), or nobody (0). */
function markedBy(doc, j) {
  const who = doc.run.people.findIndex(({ column }) => doc[column][j] === 1);
  return who < 0 ? 0 : who === 0 ? 2 : 1;
}

/** The name of the ordering that is the smallest set itself; empty where none is known. */
function smallestSet(doc) {
  return doc.run.orderings.find(({ exact }) => exact)?.id ?? "";
}

/** Positions of the smallest set that flips the decision, or of the smallest that is known to; empty without one. */
function smallestItems(doc) {
  if (smallestSet(doc) !== "") return orderOf(doc, smallestSet(doc)) ?? [];
  return doc.flipping ? Array.from(doc.flipping.keys()).filter((j) => doc.flipping[j]) : [];
}

/**
 * Positions in the order in which an ordering erased them, as far as it goes; null where the run's files do not tell.
 * It is read and never made again. Of random it is the first draw; of the smallest set its items, none where no set
 * flips the decision while something is left.
 */
function orderOf(doc, ordering) {
  if (!(ordering in doc.orders)) doc.orders[ordering] = readOrder(doc, ordering);
  return doc.orders[ordering];
}

function readOrder(doc, ordering) {
  const places = doc.places[ordering];
  if (!places) return null;
  if (ordering === smallestSet(doc) && firstFlip(doc, ordering) <= 0) return new Int32Array(0);
  const order = new Int32Array(places.reduce((count, place) => count + (place > 0), 0));
  places.forEach((place, j) => { if (place > 0) order[place - 1] = j; });
  return order.length > 0 && order.length >= doc.removed[ordering][0] ? order : null;
}

/** What an ordering ranked the items by (items), where the files have it; with more than one head they have means. */
function numbersOf(doc, ordering) {
  const columns = doc.run.orderings.find(({ id }) => id === ordering)?.ranked_by ?? [];
  return columns.length ? columns.map((name) => doc[name]).reduce((a, b) => a.map((each, j) => each * b[j])) : null;
}

/** Whether an order goes from the largest of these numbers down, but for rounding. */
function follows(order, numbers) {
  const slack = 1e-6 * numbers.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
  return order.every((j, place) => place === 0 || numbers[j] - numbers[order[place - 1]] <= slack);
}

/** What shades the items, from 0 to 1 (items), and what the ends of the scale mean; null where nothing is known. */
function shadesOf(doc, ordering) {
  const order = orderOf(doc, ordering);
  const numbers = numbersOf(doc, ordering);
  if (numbers && (!order || follows(order, numbers))) {
    const largest = numbers.reduce((a, b) => Math.max(a, b), 0);
    const shades = Float64Array.from(numbers, (each) => (largest > 0 ? Math.max(0, each) / largest : 0));
    return { shades, low: ordering === ATTENTION ? "0" : "0 or less", high: significant(largest) };
  }
  if (!order) return null;
  const shades = new Float64Array(doc.n);
  const isSet = ordering === smallestSet(doc);
  order.forEach((j, place) => { shades[j] = isSet ? 1 : 1 - place / doc.n; });
  return isSet ? { shades, low: "not in the set", high: "in the set" } : { shades, low: "last", high: "first" };
}

/**
 * What an ordering's draws come to: how many are erased at a flip while something is left; 0 (EMPTIED) where the
 * decision changes only when nothing is left; −1 where it never does.
 */
function outcomesOf(doc, ordering) {
  return (doc.removed[ordering] ?? []).map((count, draw) => (doc.emptied[ordering]?.[draw] ? EMPTIED : count));
}

/** The outcome of an ordering's first draw; undefined where there is none. */
function firstFlip(doc, ordering) {
  return outcomesOf(doc, ordering)[0];
}

/** Orderings by which this document's items were erased in an order that the run's files do not tell. */
function unknownOrders(doc) {
  return doc.run.orderings.filter(({ id }) => orderOf(doc, id) === null && (!doc.places[id] || firstFlip(doc, id) > 0));
}

/** A number with three significant digits. */
function significant(number) {
  if (number === 0) return "0";
  const size = Math.abs(number);
  return size >= 0.001 && size < 1000 ? String(Number(number.toPrecision(3))) : number.toExponential(1).replace("-", "−");
}

/** A share as a percentage with one decimal; what is not all is not shown as 100 %, nor what is not nothing as 0 %. */
function percent(share) {
  if (share === null || share === undefined) return "–";
  if (share > 0 && share < 0.0005) return "< 0.1 %";
  if (share < 1 && share >= 0.9995) return "> 99.9 %";
  return `${(100 * share).toFixed(share === 0 || share === 1 ? 0 : 1)} %`;
}
