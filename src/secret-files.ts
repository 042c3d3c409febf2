/**
 * Secrets in files (`NAME_FILE`), read again when a file changes, because orchestrators rotate them this way. All
 * settings are validated as at startup, then all secrets are replaced together. If anything is invalid, the old ones
 * stay.
 */
import { stat } from "node:fs/promises";
import type { Config } from "./config.js";
import type { Logger } from "./observability/logger.js";
import { reasonOf } from "./stores/store.js";

/** Polled, because a mounted file is a link that is replaced, which file watchers do not report. */
const pollMs = 5_000;
/** Settings that are read at startup only. */
const usedAtStart = ["REDIS_URL", "REDIS_CA", "REDIS_CERT", "REDIS_KEY", "STORE_ENCRYPTION_KEY"];

export interface SecretFilesOptions {
  readonly config: Pick<Config, "secrets" | "secretFiles" | "readAgain">;
  readonly log: Logger;
  readonly count: (outcome: "replaced" | "refused") => void;
  readonly onReplaced?: () => void;
}

export class SecretFiles {
  #seen: string | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(private readonly options: SecretFilesOptions) {}

  async start(): Promise<void> {
    if (this.options.config.secretFiles.length === 0) return;
    // The files may have changed since the settings were read.
    await this.check();
    this.#timer = setInterval(() => void this.check(), pollMs).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Reads the files now. */
  async check(): Promise<void> {
    const seen = await this.#look();
    if (seen === this.#seen) return;
    this.#seen = seen;
    const { config, log, count, onReplaced } = this.options;
    try {
      const { secrets } = config.readAgain();
      const replaced = [...secrets].filter(([name, secret]) => config.secrets.get(name)?.replaceBy(secret));
      if (replaced.length === 0) return;
      const names = replaced.map(([name]) => name);
      count("replaced");
      log.info({ settings: names }, "secrets were read again from their files");
      const late = names.filter((name) => usedAtStart.includes(name));
      if (late.length > 0) log.warn({ settings: late }, "these secrets are used from the next start on");
      onReplaced?.();
    } catch (error) {
      count("refused");
      log.error({ reason: reasonOf(error) }, "secrets that changed in their files cannot be used: the old ones stay");
    }
  }

  async #look(): Promise<string> {
    const look = async (path: string): Promise<string> => {
      const found = await stat(path).catch(() => undefined);
      return `${found?.ino} ${found?.size} ${found?.mtimeMs}`;
    };
    return (await Promise.all(this.options.config.secretFiles.map(look))).join();
  }
}
