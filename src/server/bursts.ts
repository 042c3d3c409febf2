/**
 * Work of one kind done in one go, for what comes and goes many at a time. Reading requests, writing answers: each runs
 * through a lot of code, and what the processor has of it at hand after the first is there for the others.
 */
let answers: (() => void)[] = [];

/**
 * At the end of this turn of the event loop. A write wakes the process at the other end unless it is awake already, and
 * that costs more than the write: under load, half of what writing costs.
 *
 * @param write must not throw
 */
export function atEndOfTurn(write: () => void): void {
  if (answers.push(write) === 1) setImmediate(writeAnswers);
}

function writeAnswers(): void {
  const writes = answers;
  answers = [];
  for (const write of writes) write();
}

/** More are hardly cheaper still, and the first is not to wait long: a turn under load takes about half a millisecond. */
const mostTogether = 48;
const mostTurns = 6;

let requests: (() => void)[] = [];
let waiting = 0;
let turns = 0;

/**
 * At the end of this turn, or of one of the next as long as more are coming: a gateway that is busy takes up fifty at
 * once, one that is not takes up each at once.
 *
 * @param start must not throw
 */
export function whenNoMoreCome(start: () => void): void {
  if (requests.push(start) > 1) return;
  waiting = 1;
  turns = 0;
  setImmediate(startUnlessMoreCome);
}

function startUnlessMoreCome(): void {
  turns += 1;
  if (requests.length > waiting && requests.length < mostTogether && turns < mostTurns) {
    waiting = requests.length;
    setImmediate(startUnlessMoreCome);
    return;
  }
  const starts = requests;
  requests = [];
  for (const start of starts) start();
}
