/** What an examination found out about one thing. */
export interface Finding {
  readonly check: string;
  /** `skipped`: there is nothing to check, or an earlier check has to succeed first. */
  readonly state: "ok" | "wrong" | "skipped";
  /** What was found and, if it is wrong, what to do. */
  readonly text: string;
}

export const ok = (check: string, text: string): Finding => ({ check, state: "ok", text });
export const wrong = (check: string, text: string): Finding => ({ check, state: "wrong", text });
export const skipped = (check: string, text: string): Finding => ({ check, state: "skipped", text });

const timeoutMs = 5000;

/** @throws with a sentence that names the host and the setting, never a query: it holds secrets */
export async function ask(url: URL, setting: string, init?: RequestInit): Promise<Response> {
  try {
    return await fetch(url, { ...init, redirect: "error", signal: AbortSignal.timeout(timeoutMs) });
  } catch (error) {
    // Without the cause, whose message may contain the query.
    throw new Error(`${url.host} does not answer (${reasonOf(error)}): check ${setting}, DNS, firewall and proxy`);
  }
}

/** The first error code in the chain of causes; messages may contain the query. */
export function reasonOf(error: unknown): string {
  const { name, code, cause } = Object(error) as { name?: unknown; code?: unknown; cause?: unknown };
  if (name === "TimeoutError") return `no answer in ${timeoutMs / 1000} s`;
  if (typeof code === "string") return code;
  return cause === undefined ? String(name) : reasonOf(cause);
}

export function sentenceOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
