// The decision's probability as an ordering erases item after item.

/** Draw a course (k + 1 probabilities, some of which may not be there) and a mark at its first flip; gives the scale's top. */
function drawCourse(place, probabilities, firstFlip) {
  const n = Math.max(1, probabilities.length - 1);
  const top = scaleTo(probabilities.filter((each) => each !== null));
  let path = "";
  probabilities.forEach((p, k) => {
    if (p === null) return;
    path += `${path ? "L" : "M"}${((100 * k) / n).toFixed(2)} ${(100 - (100 * p) / top).toFixed(2)}`;
  });
  const frame = svg("svg", { viewBox: "0 0 100 100", preserveAspectRatio: "none", class: "frame", "aria-hidden": "true" },
    svg("path", { class: "line chosen", d: path || "M0 100", "vector-effect": "non-scaling-stroke" }));
  const over = svg("svg", { class: "over", "aria-hidden": "true", width: "100%", height: "100%" });
  if (firstFlip !== null && probabilities[firstFlip] !== null) over.append(svg("circle", { cx: `${(100 * firstFlip) / n}%`, cy: `${100 - (100 * probabilities[firstFlip]) / top}%`, r: 5 }));
  over.append(svg("line", { class: "cursor", y1: 0, y2: "100%", x1: 0, x2: 0, visibility: "hidden" }));
  place.replaceChildren(frame, over);
  return top;
}
