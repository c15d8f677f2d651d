"use strict";
/* Answers what the page of a run asks for (docs/page.md), from the model behind this address. */
(() => {
  const api = new URL("api/", new URL(".", location.href));
  const ask = async (name, about) => {
    const answer = await fetch(new URL(name, api), {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(about),
      credentials: "omit",
    });
    if (!answer.ok) throw new Error((await answer.json()).error);
    return answer.json();
  };
  const names = { attention: "seen_document", erasure: "erased_document" };
  document.addEventListener("attnprobe:ask", ({ detail }) => {
    const { what, document: number, erased, answer } = detail;
    if (!(what in names)) return;
    ask(names[what], what === "erasure" ? { document: number, erased } : { document: number }).then(answer, (error) => {
      for (const element of document.querySelectorAll(`[data-ask="${what}"]`)) element.textContent += ` (${error.message})`;
    });
  });
})();
