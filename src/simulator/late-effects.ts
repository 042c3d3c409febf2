/** Effects that outlive their call: the answer is lost, and only then does WeCom do what was asked. */
export class LateEffects {
  readonly #pending = new Map<NodeJS.Timeout, () => void>();

  schedule(afterMs: number, effect: () => void): void {
    const timer = setTimeout(() => this.#run(timer), afterMs);
    this.#pending.set(timer, effect);
  }

  /** Lets all of them happen now, so that a test need not wait. */
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
