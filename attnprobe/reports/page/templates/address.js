// What the address bar keeps, so that a link leads back: run, document, orderings and the erased set.

/** "3.7-12" for positions 3 and 7 to 12. */
function asRanges(erased) {
  const ranges = [];
  for (let j = 0; j < erased.length; j++) {
    if (!erased[j]) continue;
    const start = j;
    while (erased[j + 1]) j++;
    ranges.push(j > start ? `${start}-${j}` : `${start}`);
  }
  return ranges.join(".");
}

/** Positions of what `asRanges` made, those below `n`; of anything else, none. */
function fromRanges(text, n) {
  const positions = [];
  for (const range of text.split(".")) {
    const match = /^(\d{1,8})(?:-(\d{1,8}))?$/.exec(range);
    if (!match) continue;
    const end = Math.min(n - 1, Number(match[2] ?? match[1]));
    for (let j = Number(match[1]); j <= end; j++) positions.push(j);
  }
  return positions;
}

/** The part behind #: a pane's document and what is erased in it; the second pane's entries end in 2. */
function addressOf(pane, ending = "") {
  const parts = [[`run${ending}`, pane.runNumber], [`document${ending}`, pane.doc.number], [`by${ending}`, pane.by]];
  if (pane.compared) parts.push([`with${ending}`, pane.compared]);
  const k = pane.prefix();
  if (k === null) parts.push([`erased${ending}`, asRanges(pane.erased)]);
  else if (k > 0) parts.push([`first${ending}`, k]);
  return parts;
}

function addressText(parts) {
  return `#${parts.map(([key, value]) => `${key}=${encodeURIComponent(value)}`).join("&")}`;
}

/** What stands behind #, as a map; a plain word is a view. */
function readAddress(hash) {
  const text = hash.replace(/^#/, "");
  if (!text.includes("=")) return new Map([["view", text || "overview"]]);
  return new Map([...new URLSearchParams(text)]);
}

/** A whole number that an address gives, below `end`; `otherwise` where it does not. */
function wholeNumber(map, key, end, otherwise) {
  const text = map.get(key) ?? "";
  return /^\d{1,9}$/.test(text) && Number(text) < end ? Number(text) : otherwise;
}

/** Put an address into the bar; where that is not allowed, as inside a notebook, the page works without. */
function writeAddress(text, kind) {
  try {
    if (text !== location.hash) history[kind](null, "", text);
  } catch {
    return;
  }
}
