/**
 * The issuer's public keys. They are fetched again when they are ten minutes old or a token names an unknown one, at most
 * once in thirty seconds whatever callers send; while the issuer's host is away, the last good ones are kept.
 *
 * @see https://www.rfc-editor.org/rfc/rfc7517
 */
import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTVerifyGetKey } from "jose";
import type { Logger } from "../../observability/logger.js";

const maxAgeMs = 600_000;
const cooldownMs = 30_000;
const timeoutMs = 5000;
/** How soon the first keys are tried again, without which nobody can sign in. */
const firstRetryMs = 2000;

/** No key could ever be fetched: nobody's fault who is calling. */
export class KeysUnavailable extends Error {}

export interface RemoteKeysOptions {
  readonly url: URL;
  readonly log: Logger;
  readonly now: () => number;
}

export interface RemoteKeys {
  /** @throws {KeysUnavailable} while there are no keys at all */
  readonly getKey: JWTVerifyGetKey;
  areFetched(): boolean;
  /** Tries no more. */
  close(): void;
}

/** The first ones are fetched at once, and tried for until they are there. */
export function remoteKeys({ url, log, now }: RemoteKeysOptions): RemoteKeys {
  let keys: JWTVerifyGetKey | undefined;
  let fetchedAt = -Infinity;
  let triedAt = -Infinity;
  let refreshing: Promise<void> | undefined;

  const refresh = (): Promise<void> => {
    if (refreshing) return refreshing;
    if (now() - triedAt < cooldownMs) return Promise.resolve();
    triedAt = now();
    return (refreshing = fetchKeys(url)
      .then((fetched) => {
        keys = createLocalJWKSet(fetched);
        fetchedAt = now();
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
    // Old keys still verify: nobody waits for new ones.
    else if (now() - fetchedAt > maxAgeMs) void refresh();
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
  // A redirect could lead to keys of somebody else's.
  const response = await fetch(url, { redirect: "error", signal: AbortSignal.timeout(timeoutMs) });
  if (response.status !== 200) throw new Error(`HTTP status ${response.status}`);
  return (await response.json()) as JSONWebKeySet;
}
