// The closed forms of erasure for an affine readout, in float64. After erasing a set the logits are the sum of the
// remaining contributions over the sum of the remaining weights; the readout's bias where no weight remains. Sums are
// always of what remains: a difference of sums would cancel where little is left.

/** Below this much remaining weight the contributions, kept in single precision, have lost digits. */
const TOO_LITTLE = 1e-30;

/** Logits (classes) and remaining weight when the items flagged in `erased` (items) are gone. */
function logitsWithout(doc, erased) {
  const { n, classes, weight, contributions, bias } = doc;
  let mass = 0;
  for (let j = 0; j < n; j++) if (!erased[j]) mass += weight[j];
  if (mass === 0) return { logits: Float64Array.from(bias), mass };
  const logits = new Float64Array(classes);
  for (let c = 0; c < classes; c++) {
    const column = contributions[c];
    let sum = 0;
    for (let j = 0; j < n; j++) if (!erased[j]) sum += column[j];
    logits[c] = sum / mass;
  }
  return { logits, mass };
}

/** Softmax of logits (classes). */
function probabilities(logits) {
  const largest = logits.reduce((a, b) => Math.max(a, b), -Infinity);
  const p = Float64Array.from(logits, (logit) => Math.exp(logit - largest));
  const total = p.reduce((a, b) => a + b, 0);
  return p.map((each) => each / total);
}

/** The first of the largest, as argmax resolves ties. */
function largestOf(numbers) {
  let best = 0;
  for (let c = 1; c < numbers.length; c++) if (numbers[c] > numbers[best]) best = c;
  return best;
}

/** The decision's probability after erasing each prefix of an ordering, nothing first: (items + 1). */
function courseOf(doc, order) {
  const { n, classes, weight, contributions, bias, decision } = doc;
  const course = new Float64Array(n + 1);
  course[n] = probabilities(bias)[decision];
  const sums = new Float64Array(classes);
  const logits = new Float64Array(classes);
  let mass = 0;
  for (let k = n - 1; k >= 0; k--) {
    const j = order[k];
    mass += weight[j];
    for (let c = 0; c < classes; c++) sums[c] += contributions[c][j];
    if (mass === 0) {
      course[k] = course[n];
      continue;
    }
    for (let c = 0; c < classes; c++) logits[c] = sums[c] / mass;
    let total = 0;
    for (let c = 0; c < classes; c++) total += Math.exp(logits[c] - logits[decision]);
    course[k] = 1 / total;
  }
  return course;
}

/**
 * The smallest set of items whose erasure flips the decision, as positions in the order in which they go; null where
 * none does. Class c wins exactly when the margins of what remains, c's contribution less the decision's, sum to more
 * than zero, or to zero where c comes before the decision; so for each class the smallest margins go first, and the
 * class that lets most items stay gives the set. Or all weight must go, where the bias decides otherwise.
 */
function smallestSet(doc) {
  const { n, classes, weight, contributions, bias, decision } = doc;
  let most = 0;
  let chosen = null;
  for (let c = 0; c < classes; c++) {
    if (c === decision) continue;
    const margins = Float64Array.from(contributions[c], (each, j) => each - contributions[decision][j]);
    if (!margins.some((margin, j) => margin >= 0 && weight[j] > 0)) continue;
    const ascending = sortedBy(margins, 1);
    let sum = 0;
    let keeps = 0;
    for (let k = n - 1; k > 0; k--) {
      sum += margins[ascending[k]];
      if (c < decision ? sum >= 0 : sum > 0) keeps = n - k;
      else break;
    }
    if (keeps > most) {
      most = keeps;
      chosen = ascending.slice(0, n - keeps);
    }
  }
  if (largestOf(bias) !== decision) {
    const massive = [];
    for (let j = 0; j < n; j++) if (weight[j] > 0) massive.push(j);
    if (n - massive.length >= (most > 0 ? most + 1 : 0)) return Int32Array.from(massive);
  }
  return chosen;
}

/** Positions by number, ascending (1) or descending (−1); ties keep the earlier position first. */
function sortedBy(numbers, direction) {
  const positions = Int32Array.from(numbers, (_, j) => j);
  return positions.sort((a, b) => direction * (numbers[a] - numbers[b]) || a - b);
}
