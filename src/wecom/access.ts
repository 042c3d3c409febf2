/** The kinds of app. They differ in where tokens come from, who receives callbacks, and which corp a request is for. */
import type { Secret } from "../observability/secret.js";
import type { Store } from "../stores/store.js";
import { findAppName, type NamedApp, noteAppName } from "./app-name.js";
import type { CallbackEvent } from "./callback/events.js";
import { publishLivingStatus } from "./callback/living-status-changes.js";
import type { Receiver } from "./callback/receiver.js";
import type { WecomClient } from "./client.js";
import { JsSdk } from "./js-sdk.js";
import { publishLivingChange } from "./living-changes.js";
import { Suite, type SuiteDependencies } from "./suite/suite.js";
import { selfBuiltApp } from "./tokens/gettoken.js";
import { FailedFetches } from "./tokens/failed-fetches.js";
import { fixedToken, type TokenSource } from "./tokens/token-source.js";

export type AppCredentials =
  | { readonly kind: "fixed-token"; readonly token: Secret; readonly corpid: string | undefined }
  | { readonly kind: "self-built"; readonly corpid: string; readonly corpsecret: Secret }
  | {
      readonly kind: "suite";
      readonly suiteId: string;
      readonly suiteSecret: Secret;
      /** The provider's own corp: WeCom addresses only the verification of a callback URL to it. */
      readonly providerCorpid: string | undefined;
    };

export interface Access {
  /** Identifies the app and its secret among the tokens in a store that several apps share. */
  readonly app: string;
  /**
   * The name that idempotency keys belong to.
   *
   * @throws {StoreError}
   */
  findName(): Promise<string>;
  /**
   * This process got a new secret: the app keeps its name.
   *
   * @throws {StoreError}
   */
  noteName(name: string): Promise<void>;
  readonly tokens: TokenSource;
  /** The corp of a request that names none. If every request has to name one, no token source knows it. */
  readonly defaultCorp: string;
  readonly receiver: Receiver;
  readonly jsSdk: JsSdk;
  /** Only a provider's app has one. */
  readonly suite?: Suite;
  handle(event: CallbackEvent): Promise<void>;
}

/** @param wecom the base URL: a token is valid at one WeCom only, not at a simulator too */
export function accessWith(
  credentials: AppCredentials,
  wecom: URL,
  client: WecomClient,
  givenDependencies: Omit<SuiteDependencies, "failedFetches"> & { agentid: number | undefined },
): Access {
  const { agentid } = givenDependencies;
  // One for all tokens: WeCom bans the address, not the corp with the wrong secret.
  const dependencies = { ...givenDependencies, failedFetches: new FailedFetches(givenDependencies) };
  if (credentials.kind === "suite") {
    const suite = new Suite(credentials, client, dependencies);
    const app = `suite:${credentials.suiteId}`;
    const { tokens } = suite;
    return {
      ...{ app, tokens, defaultCorp: "", receiver: credentials, suite, ...namedBy(app) },
      jsSdk: new JsSdk({
        ...{ app, client, tokens, dependencies, knowsCorp: true, setting: "WECOM_SUITE_ID" },
        agentidOf: async (corp) => (await tokens.agentidOf(corp)) ?? agentid,
      }),
      handle: async (event) => {
        if ("suiteId" in event) await suite.handle(event);
        else await handleData(event, dependencies);
        // Drops cached data, which the app was allowed to read then.
        if (event.kind === "cancel_auth" || event.kind === "change_auth")
          await publishLivingChange(dependencies.store, { corp: event.corpid });
      },
    };
  }
  // The corp of a fixed token may be unknown.
  const { corpid = "default" } = credentials;
  const own =
    credentials.kind === "fixed-token"
      ? { app: `fixed:${corpid}`, tokens: fixedToken(corpid, credentials.token), ...namedBy(`fixed:${corpid}`) }
      : {
          ...selfBuiltApp(credentials, wecom, client, dependencies),
          ...namedInStore({ ...credentials, wecom, agentid }, dependencies.store),
        };
  return {
    ...own,
    jsSdk: new JsSdk({
      ...{ ...own, client, dependencies, knowsCorp: credentials.corpid !== undefined },
      setting: credentials.kind === "fixed-token" ? "WECOM_ACCESS_TOKEN" : "WECOM_CORP_SECRET",
      agentidOf: () => Promise.resolve(agentid),
    }),
    defaultCorp: corpid,
    receiver: { kind: "corp", corpid },
    handle: (event) => handleData(event, dependencies),
  };
}

function namedBy(name: string): Pick<Access, "findName" | "noteName"> {
  return { findName: () => Promise.resolve(name), noteName: () => Promise.resolve() };
}

function namedInStore(app: NamedApp, store: Store): Pick<Access, "findName" | "noteName"> {
  return { findName: () => findAppName(app, store), noteName: (name) => noteAppName(name, app, store) };
}

async function handleData(event: CallbackEvent, { store }: SuiteDependencies): Promise<void> {
  if (event.kind === "living_status_change") await publishLivingStatus(store, event);
}
