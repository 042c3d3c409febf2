/**
 * The name of a self-built app, which its idempotency keys belong to. It stays the same when the secret changes: the
 * store maps the agentid, if it is set, and each secret that the app has had to it.
 */
import { createHash } from "node:crypto";
import type { Secret } from "../observability/secret.js";
import type { Store } from "../stores/store.js";

export interface NamedApp {
  /** The base URL of WeCom or a simulator: each has its own names. */
  readonly wecom: URL;
  readonly corpid: string;
  readonly corpsecret: Secret;
  readonly agentid: number | undefined;
}

/** @throws {StoreError} */
export async function findAppName(app: NamedApp, store: Store): Promise<string> {
  const keys = keysOf(app);
  const found = await Promise.all(keys.map((key) => store.get(key)));
  // Named after its first secret, as in older versions; while two are valid, after the older one.
  const secret = app.corpsecret.revealAll().at(-1) ?? "";
  const name = found.find((each) => each !== undefined) ?? namedBySecret(app.wecom, app.corpid, secret);
  await noteAppName(name, app, store);
  // Another replica may have stored it first.
  return (await store.get(keys[0])) ?? name;
}

/**
 * Call this when the secret has changed.
 *
 * @throws {StoreError}
 */
export async function noteAppName(name: string, app: NamedApp, store: Store): Promise<void> {
  await Promise.all(keysOf(app).map((key) => store.compareAndSet(key, undefined, name)));
}

/** @param wecom the base URL: tokens of one WeCom are not valid at another, such as a simulator */
export function namedBySecret(wecom: URL, corpid: string, secret: string): string {
  return `app:${corpid}:${fingerprint(wecom, secret)}`;
}

function keysOf({ wecom, corpid, corpsecret, agentid }: NamedApp): [string, ...string[]] {
  const [secret, ...previous] = corpsecret.revealAll().map((each) => fingerprint(wecom, `secret\n${each}`));
  const known = [...(agentid === undefined ? [] : [fingerprint(wecom, `agentid\n${agentid}`)]), secret, ...previous];
  return known.map((each) => `app-name:${corpid}:${each}`) as [string, ...string[]];
}

function fingerprint(wecom: URL, text: string): string {
  return createHash("sha256").update(`${wecom.href}\n${text}`).digest("base64url").slice(0, 16);
}
