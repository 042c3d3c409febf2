/**
 * The issuer's public keys. They are fetched again after ten minutes, or for a token with an unknown key id; at most once in
 * thirty seconds, whatever callers send. If the issuer's host is unreachable, the last keys are kept.
 *
 * @see https://www.rfc-editor.org/rfc/rfc7517
 */
import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTVerifyGetKey } from "jose";
import type { Logger } from "../../observability/logger.js";

const maxAgeMs = 600_000;
const cooldownMs = 30_000;
const timeoutMs = 5000;
/** Pause between attempts to fetch the first keys: without them nobody can sign in. */
const firstRetryMs = 2000;

/** No keys were fetched yet. The caller is not at fault. */
export class KeysUnavailable extends Error {}

export interface RemoteKeysOptions {
  readonly url: URL;
  readonly log: Logger;
  readonly now: () => number;
}

export interface RemoteKeys {
  /** @throws {KeysUnavailable} until keys have been fetched once */
  readonly getKey: JWTVerifyGetKey;
  areFetched(): boolean;
  /** Stops fetching. */
  close(): void;
}

/** The first keys are fetched immediately, and again until that succeeds. */
export function remoteKeys({ url, log, now }: RemoteKeysOptions): RemoteKeys {
  let keys: JWTVerifyGetKey | undefined;
  let fetchedAtMs = -Infinity;
  let triedAt = -Infinity;
  let refreshing: Promise<void> | undefined;

  const refresh = (): Promise<void> => {
    if (refreshing) return refreshing;
    if (now() - triedAt < cooldownMs) return Promise.resolve();
    triedAt = now();
    return (refreshing = fetchKeys(url)
      .then((fetched) => {
        keys = createLocalJWKSet(fetched);
        fetchedAtMs = now();
      })
      .catch((error: unknown) => {
        const reason = error instanceof Error ? error.message : String(error);
        log.warn({ host: url.host, reason }, keys ? "JWKS not fetched: the last keys are kept" : "JWKS not fetched");
      })
      .finally(() => {
        refreshing = undefined;
      }));
  };

  let retry: NodeJS.Timeout | undefined;
  let isClosed = false;
  const fetchFirst = async (): Promise<void> => {
    triedAt = -Infinity;
    await refresh();
    if (!keys && !isClosed) retry = setTimeout(() => void fetchFirst(), firstRetryMs).unref();
  };
  void fetchFirst();

  const getKey: JWTVerifyGetKey = async (header, token) => {
    if (!keys) await refresh();
    // Old keys can still verify, so no request waits for new ones.
    else if (now() - fetchedAtMs > maxAgeMs) void refresh();
    if (!keys) throw new KeysUnavailable("no keys could be fetched");
    try {
      return await keys(header, token);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
      await refresh();
      return await keys(header, token);
    }
  };
  return {
    getKey,
    areFetched: () => keys !== undefined,
    close: () => {
      isClosed = true;
      clearTimeout(retry);
    },
  };
}

async function fetchKeys(url: URL): Promise<JSONWebKeySet> {
  // A redirect could lead to another party's keys.
  const response = await fetch(url, { redirect: "error", signal: AbortSignal.timeout(timeoutMs) });
  if (response.status !== 200) throw new Error(`HTTP status ${response.status}`);
  return (await response.json()) as JSONWebKeySet;
}
