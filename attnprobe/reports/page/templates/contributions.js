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
