import { Secret } from "../../observability/secret.js";
import type { CallOptions, Endpoint } from "../call.js";
import { namedBySecret } from "../app-name.js";
import { type Answer, requireString } from "../answer.js";
import type { WecomClient } from "../client.js";
import { fingerprintOf } from "./refusals.js";
import { type Credentials, type FetchedToken, RenewedToken, type TokenDependencies } from "./renewed-token.js";
import { forCorpOnly, type TokenSource } from "./token-source.js";

const endpoint: Endpoint = { api: "gettoken", method: "GET", effect: "read" };

/** For a self-built app with its secret, and for a customised one, whose permanent code is its secret. */
export function gettoken(
  client: WecomClient,
  corpid: string,
  corpsecret: Secret,
  call: CallOptions,
): Promise<FetchedToken> {
  const query = { corpid, corpsecret: corpsecret.reveal() };
  return client.exchange(endpoint, { query }, undefined, call, (answer) => readToken(answer, "access_token"));
}

/** @param field the token's field; WeCom documents two hours for all tokens, and `expires_in` states the actual time */
export function readToken(answer: Answer, field: "access_token" | "suite_access_token" | "ticket"): FetchedToken {
  const { expires_in: expiresIn } = answer;
  return {
    token: new Secret(requireString(answer, field)),
    lifeMs: (typeof expiresIn === "number" && expiresIn > 0 ? expiresIn : 7200) * 1000,
  };
}

export interface SelfBuiltApp {
  readonly corpid: string;
  readonly corpsecret: Secret;
}

export function selfBuiltApp(
  { corpid, corpsecret }: SelfBuiltApp,
  wecom: URL,
  client: WecomClient,
  dependencies: TokenDependencies,
): { app: string; tokens: TokenSource } {
  // Each app of a corp has its own tokens, and is identified by its secret.
  const app = namedBySecret(wecom, corpid, corpsecret.reveal());
  const credentials = (): Credentials => ({
    fingerprint: fingerprintOf(corpsecret),
    // During a rotation, only WeCom knows which secret is valid.
    attempts: corpsecret.revealAll().map((each) => (call) => gettoken(client, corpid, new Secret(each), call)),
  });
  const tokens = new RenewedToken(
    {
      key: app,
      corp: corpid,
      api: endpoint.api,
      credentials: () => Promise.resolve(credentials()),
    },
    dependencies,
  );
  return { app, tokens: forCorpOnly(corpid, tokens) };
}
