import { setTimeout as wait } from "node:timers/promises";
import { inspect } from "node:util";

/** Less than a test may take, so that its failure says what it waited for. */
const limitMs = 45_000;

/**
 * Waits until the condition holds.
 *
 * @param seen what to show when it does not
 * @throws with the condition's source after 45 s
 */
export async function until(holds: () => boolean | Promise<boolean>, seen?: () => unknown): Promise<void> {
  const failure = new Error();
  const endsAt = performance.now() + limitMs;
  while (!(await holds())) {
    if (performance.now() > endsAt) {
      failure.message = `After ${limitMs / 1000} s this does not hold: ${holds.toString()}`;
      if (seen) failure.message += `\nSeen instead: ${inspect(seen(), { depth: 5 })}`;
      throw failure;
    }
    await wait(10);
  }
}
