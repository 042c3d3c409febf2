/**
 * Signatures for WeCom's JS-SDK, and the tickets that they need: of the corp, and of the app in it. Tickets are cached
 * and shared like access_tokens, because WeCom issues a corp at most 400 an hour, and an app 100.
 *
 * @see https://developer.work.weixin.qq.com/document/path/90506
 */
import { createHash, randomBytes } from "node:crypto";
import { BoundedMap } from "../lib/bounded-map.js";
import type { Secret } from "../observability/secret.js";
import type { CallOptions, Endpoint } from "./call.js";
import type { WecomClient } from "./client.js";
import { WecomConfigurationError } from "./errors.js";
import { readToken } from "./tokens/gettoken.js";
import { fingerprintOf } from "./tokens/refusals.js";
import { RenewedToken, type TokenDependencies } from "./tokens/renewed-token.js";
import type { TokenSource } from "./tokens/token-source.js";

const tickets = {
  corp: { endpoint: { api: "get_jsapi_ticket", method: "GET", effect: "read" }, query: {} },
  app: { endpoint: { api: "ticket/get", method: "GET", effect: "read" }, query: { type: "agent_config" } },
} as const satisfies Record<string, { endpoint: Endpoint; query: Record<string, string> }>;

/** In this process; the store has the tickets of all corps. */
const maxTickets = 10_000;

export interface SignatureData {
  /** Unix seconds. */
  readonly timestamp: number;
  readonly nonceStr: string;
  readonly signature: string;
}

export interface JsSdkSignature {
  readonly corpid: string;
  /** Undefined if no agentid is configured: then there is no `agentConfig`. */
  readonly agentid: number | undefined;
  readonly config: SignatureData;
  readonly agentConfig: SignatureData | undefined;
}

export interface JsSdkOptions {
  /** Identifies the app among those that share a store. */
  readonly app: string;
  readonly client: WecomClient;
  readonly tokens: TokenSource;
  readonly dependencies: TokenDependencies;
  /** The setting that names the app: operators check it if WeCom issues no ticket. */
  readonly setting: string;
  /** Whether a call's corp is a corpid: the corp of a fixed token may be unknown. */
  readonly knowsCorp: boolean;
  agentidOf(corp: string): Promise<number | undefined>;
}

export class JsSdk {
  readonly #tickets = new BoundedMap<string, RenewedToken>(maxTickets);

  constructor(private readonly options: JsSdkOptions) {}

  get setting(): string {
    return this.options.setting;
  }

  /**
   * @param url of the page, without a fragment
   *
   * @throws errors of `WecomClient.call`
   */
  async sign(url: string, call: CallOptions): Promise<JsSdkSignature> {
    const { knowsCorp, tokens } = this.options;
    if (!knowsCorp) {
      throw new WecomConfigurationError("A signature names the corp: its operator must set WECOM_CORP_ID", {
        api: tickets.corp.endpoint.api,
      });
    }
    // Corps that the gateway does not serve have no token.
    await tokens.get(call);
    const agentid = await this.options.agentidOf(call.corp);
    const [corpTicket, appTicket] = await Promise.all([
      this.#ticket("corp", call),
      agentid === undefined ? undefined : this.#ticket("app", call),
    ]);
    return {
      ...{ corpid: call.corp, agentid },
      config: this.#signed(corpTicket, url),
      agentConfig: appTicket && this.#signed(appTicket, url),
    };
  }

  #ticket(kind: keyof typeof tickets, call: CallOptions): Promise<Secret> {
    const { app, client, tokens } = this.options;
    // A ticket that expires because nobody asks for it is not a token whose renewal failed.
    const { onHeld: _, ...dependencies } = this.options.dependencies;
    const { endpoint, query } = tickets[kind];
    const key = `ticket:${kind}:${app}:${call.corp}`;
    let ticket = this.#tickets.get(key);
    if (!ticket) {
      ticket = new RenewedToken(
        {
          ...{ key, corp: call.corp, api: endpoint.api },
          credentials: () =>
            Promise.resolve({
              fingerprint: fingerprintOf(),
              attempts: [
                (call) => client.call(endpoint, { query }, tokens, call, (answer) => readToken(answer, "ticket")),
              ],
            }),
        },
        dependencies,
      );
      this.#tickets.set(key, ticket);
    }
    return ticket.get(call);
  }

  #signed(ticket: Secret, url: string): SignatureData {
    const timestamp = Math.floor(this.options.dependencies.now() / 1000);
    const nonceStr = randomBytes(12).toString("hex");
    return { timestamp, nonceStr, signature: signatureOf(ticket, { timestamp, nonceStr, url }) };
  }
}

/** The values unescaped, in this order. */
export function signatureOf(
  ticket: Secret,
  { timestamp, nonceStr, url }: { timestamp: number; nonceStr: string; url: string },
): string {
  return createHash("sha1")
    .update(`jsapi_ticket=${ticket.reveal()}&noncestr=${nonceStr}&timestamp=${timestamp}&url=${url}`)
    .digest("hex");
}
