/**
 * Work of one kind done in one go, for what comes and goes many at a time. Taking up requests, going on with WeCom's
 * answers, writing our own: each runs through a lot of code, and what the processor has of it at hand after the first is
 * there for the others.
 */
let answers: (() => void)[] = [];

/**
 * At the end of this turn of the event loop. A write wakes the process at the other end unless it is awake already, and
 * that costs more than the write: under load, half of what writing costs.
 *
 * @param write must not throw
 */
export function batchedWrite(write: () => void): void {
  if (answers.push(write) === 1) setImmediate(writeAnswers);
}

function writeAnswers(): void {
  const writes = answers;
  answers = [];
  for (const write of writes) write();
}

/** More are hardly cheaper still, and the first is not to wait long: a turn under load takes about half a millisecond. */
const maxBatchSize = 64;
const maxTicks = 12;

/**
 * Where work of one kind is taken up at the end of this turn, or of one of the next as long as more of it is coming: a
 * gateway that is busy takes up sixty at once, one that is not takes up each at once.
 */
export class Batch {
  #starts: (() => void)[] = [];
  #waiting = 0;
  #turns = 0;

  /** @param start must not throw */
  add(start: () => void): void {
    if (this.#starts.push(start) > 1) return;
    this.#waiting = 1;
    this.#turns = 0;
    setImmediate(this.#startUnlessMoreCome);
  }

  readonly #startUnlessMoreCome = (): void => {
    this.#turns += 1;
    const { length } = this.#starts;
    if (length > this.#waiting && length < maxBatchSize && this.#turns < maxTicks) {
      this.#waiting = length;
      setImmediate(this.#startUnlessMoreCome);
      return;
    }
    const starts = this.#starts;
    this.#starts = [];
    for (const start of starts) start();
  };
}
