/** Effects that occur after their call: the answer is lost, and WeCom executes the call later. */
export class LateEffects {
  readonly #pending = new Map<NodeJS.Timeout, () => void>();

  schedule(afterMs: number, effect: () => void): void {
    const timer = setTimeout(() => this.#run(timer), afterMs);
    this.#pending.set(timer, effect);
  }

  /** Applies all of them now, so that a test need not wait. */
  runAll(): void {
    for (const timer of [...this.#pending.keys()]) this.#run(timer);
  }

  clear(): void {
    for (const timer of this.#pending.keys()) clearTimeout(timer);
    this.#pending.clear();
  }

  #run(timer: NodeJS.Timeout): void {
    const effect = this.#pending.get(timer);
    clearTimeout(timer);
    this.#pending.delete(timer);
    effect?.();
  }
}
