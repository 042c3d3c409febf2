/**
 * The name of a self-built app, to which its idempotency keys belong. It stays when the app's secret changes: the store has
 * it by the agentid, where that is set, and by each secret that the app has had.
 */
import { createHash } from "node:crypto";
import type { Secret } from "../observability/secret.js";
import type { Store } from "../stores/store.js";

export interface NamedApp {
  /** Of which WeCom it is an app: a simulator's has another name. */
  readonly wecom: URL;
  readonly corpid: string;
  readonly corpsecret: Secret;
  readonly agentid: number | undefined;
}

/** @throws {StoreError} */
export async function findAppName(app: NamedApp, store: Store): Promise<string> {
  const keys = keysOf(app);
  const found = await Promise.all(keys.map((key) => store.get(key)));
  // By its first secret, as older versions named it; while two count, by the one that is about to go.
  const secret = app.corpsecret.revealAll().at(-1) ?? "";
  const name = found.find((each) => each !== undefined) ?? namedBySecret(app.wecom, app.corpid, secret);
  await noteAppName(name, app, store);
  // Another replica may have been first.
  return (await store.get(keys[0])) ?? name;
}

/** To be called when the secret has changed. @throws {StoreError} */
export async function noteAppName(name: string, app: NamedApp, store: Store): Promise<void> {
  await Promise.all(keysOf(app).map((key) => store.compareAndSet(key, undefined, name)));
}

/** @param wecom which WeCom it is: a token of one is of no use at another, such as a simulator */
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
