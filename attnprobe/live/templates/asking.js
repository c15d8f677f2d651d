// Questions to the server: one of a kind at a time, and of what was asked before nothing is heard any more.

/** What takes no longer is not announced: a screen reader would read it out at every click. */
const SECONDS_UNSAID = 0.4;

/** What became of a question that a later one of its kind has overtaken, or that nobody wants answered any more. */
class Overtaken extends Error {
  constructor(isForgotten) {
    super();
    this.isForgotten = isForgotten;
  }
}

class Asking {
  constructor() {
    this.latest = new Map();
  }

  /**
   * The answer to a question.
   *
   * @param {string} kind questions of which the last alone is answered
   * @param {string} name of the question, as in its address
   * @param {object} about what is asked
   * @throws {Overtaken} another one of its kind was asked meanwhile
   * @throws {Error} there is no answer; its message is a sentence
   */
  async ask(kind, name, about) {
    this.latest.get(kind)?.abort();
    const controller = new AbortController();
    this.latest.set(kind, controller);
    let response = null;
    let answer = null;
    try {
      response = await fetch(new URL(`api/${name}`, new URL(".", location.href)), {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify(about),
        credentials: "omit",
        signal: controller.signal,
      });
      answer = await response.json();
    } catch {
      if (this.latest.get(kind) !== controller) throw new Overtaken(!this.latest.has(kind));
      throw new Error(response === null ? "The server does not answer: it may have been stopped." : `The server answered ${response.status} and nothing that can be read.`);
    }
    if (this.latest.get(kind) !== controller) throw new Overtaken(!this.latest.has(kind));
    if (response.ok) return answer;
    const again = Number.isFinite(answer.retry_after) ? ` Ask again in ${answer.retry_after} s.` : "";
    throw new Error(`${typeof answer.error === "string" ? answer.error : `The server answered ${response.status}.`}${again}`);
  }

  /** Hear no more of a kind. */
  forget(kind) {
    this.latest.get(kind)?.abort();
    this.latest.delete(kind);
  }
}

/**
 * Show in a line of text that something is asked, and then what came of it: a sentence where it failed.
 *
 * Returns what `work` gives; null where it failed or was overtaken.
 */
async function told(line, work) {
  const waiting = setTimeout(() => {
    line.classList.remove("failed");
    line.classList.add("working");
    line.textContent = "Asking the model";
  }, SECONDS_UNSAID * 1000);
  try {
    const answer = await work();
    line.classList.remove("working", "failed");
    line.textContent = "";
    return answer;
  } catch (error) {
    if (error instanceof Overtaken) { // what overtook it says what is to be said; of what is forgotten nothing is
      if (error.isForgotten && line.classList.contains("working")) {
        line.classList.remove("working");
        line.textContent = "";
      }
      return null;
    }
    line.classList.remove("working");
    line.classList.add("failed");
    line.textContent = error.message;
    return null;
  } finally {
    clearTimeout(waiting);
  }
}
