// Documents as the page holds them: packed numbers are unpacked when a document is first looked at.

const ATTENTION = "attention";
const RANDOM = "random";
const ORACLE = "oracle";

/** What is known of a document of a run, with its numbers unpacked. */
function openDocument(run, index) {
  const packed = run.documents[index];
  if (packed.opened) return packed.opened;
  const n = packed.tokens.length;
  const bytes = Uint8Array.from(atob(packed.numbers), (character) => character.charCodeAt(0)).buffer;
  const columns = {};
  let offset = 0;
  for (const [names, Kind] of [
    [run.columns.doubles, Float64Array],
    [run.columns.singles, Float32Array],
    [run.columns.flags, Uint8Array],
  ]) {
    for (const name of names) {
      columns[name] = new Kind(bytes, offset, n);
      offset += n * Kind.BYTES_PER_ELEMENT;
    }
  }
  const doc = { ...packed, ...columns, n, run, index, orders: {}, classes: run.labels.length, right: packed.labelled === null ? null : packed.label === packed.decision, bias: run.bias };
  doc.exact = run.bias !== null;
  doc.contributions = run.labels.map((_, c) => columns[`contribution_${c}`]);
  packed.opened = doc;
  return doc;
}

/** Positions in the order in which an ordering erases them; null where the run's files do not tell. */
function orderOf(doc, ordering) {
  if (!(ordering in doc.orders)) doc.orders[ordering] = makeOrder(doc, ordering);
  return doc.orders[ordering];
}

function makeOrder(doc, ordering) {
  const { weight, gradient, n } = doc;
  if (ordering === ATTENTION) return sortedBy(weight, -1);
  if (ordering === "gradient" && gradient) return sortedBy(gradient, -1);
  if (ordering === "gradient_attention" && gradient) return sortedBy(gradient.map((g, j) => g * weight[j]), -1);
  if (ordering === RANDOM && doc.exact) return shuffled(n, doc.number);
  if (ordering === ORACLE && doc.exact) return smallestSet(doc);
  return null;
}

/** A draw of the page's own, the same each time a document is opened (mulberry32, Fisher and Yates). */
function shuffled(n, seed) {
  const positions = Int32Array.from({ length: n }, (_, j) => j);
  let state = (seed + 0x6d2b79f5) | 0;
  for (let j = n - 1; j > 0; j--) {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    const other = Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296) * (j + 1));
    [positions[j], positions[other]] = [positions[other], positions[j]];
  }
  return positions;
}

/** What shades the items, from 0 to 1 (items), and what the ends of the scale mean. */
function shadesOf(doc, ordering) {
  const order = orderOf(doc, ordering);
  if (!order) return { shades: new Float64Array(doc.n), low: "", high: "" };
  const numbers = { attention: doc.weight, gradient: doc.gradient }[ordering]
    ?? (ordering === "gradient_attention" ? doc.gradient.map((g, j) => g * doc.weight[j]) : null);
  if (numbers) {
    const largest = numbers.reduce((a, b) => Math.max(a, b), 0);
    const shades = Float64Array.from(numbers, (each) => (largest > 0 ? Math.max(0, each) / largest : 0));
    return { shades, low: ordering === ATTENTION ? "0" : "0 or less", high: significant(largest) };
  }
  const shades = new Float64Array(doc.n);
  order.forEach((j, rank) => { shades[j] = ordering === ORACLE ? 1 : 1 - rank / order.length; });
  return ordering === ORACLE ? { shades, low: "not in the set", high: "in the set" } : { shades, low: "last", high: "first" };
}

/** Rank of each item from 1 on (items); 0 where the ordering does not have it. */
function ranksOf(doc, ordering) {
  const key = `${ordering} ranks`;
  if (!doc.orders[key]) {
    doc.orders[key] = new Int32Array(doc.n);
    (orderOf(doc, ordering) ?? []).forEach((j, rank) => { doc.orders[key][j] = rank + 1; });
  }
  return doc.orders[key];
}

/** The decision's first flip in an ordering's first draw: how many are erased, −1 for never, undefined if not known. */
function firstFlip(doc, ordering) {
  return ordering === RANDOM && doc.exact ? firstFlipOfDraw(doc) : doc.removed[ordering]?.[0];
}

/** Where the page's own random draw flips: the run's draws were others. */
function firstFlipOfDraw(doc) {
  if (doc.flipOfDraw === undefined) {
    const order = orderOf(doc, RANDOM);
    const erased = new Uint8Array(doc.n);
    const flipsAt = (k) => {
      erased.fill(0);
      for (let rank = 0; rank < k; rank++) erased[order[rank]] = 1;
      return largestOf(logitsWithout(doc, erased).logits) !== doc.decision;
    };
    doc.flipOfDraw = firstPrefix(doc, order, flipsAt);
  }
  return doc.flipOfDraw;
}

/** The shortest prefix that flips: sums of what remains, a class at a time, and the empty remainder by the bias. */
function firstPrefix(doc, order, flipsAt) {
  const { n, classes, contributions, decision, weight } = doc;
  const sums = new Float64Array(classes);
  let first = flipsAt(n) ? n : -1;
  let mass = 0;
  for (let k = n - 1; k > 0; k--) {
    const j = order[k];
    mass += weight[j];
    for (let c = 0; c < classes; c++) sums[c] += contributions[c][j] - contributions[decision][j];
    const beaten = sums.some((sum, c) => c !== decision && (c < decision ? sum >= 0 : sum > 0));
    if (mass > 0 ? beaten : first === n) first = k;
  }
  return first;
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
