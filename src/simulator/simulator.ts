// A simulated WeCom: the nine living calls and gettoken on a real socket, with a state that tests can read and change.
// Written from WeCom's documentation alone; it shares no code with the client that it checks.

import type { AddressInfo } from "node:net";
import type { Server } from "node:http";
import type { CallbackEndpoint, Callbacks } from "./callbacks.js";
import { createControl } from "./control.js";
import type { Fault } from "./faults.js";
import type { LivingShare, WatchPass } from "./timed-codes.js";
import { createHttpServer } from "./http-server.js";
import type { Livings } from "./livings.js";
import type { UploadedMedia } from "./media.js";
import { type SimulatorOptions, settingsFrom } from "./options.js";
import type { RecordedRequest } from "./request-log.js";
import { playOn } from "./play.js";
import type { Suites } from "./suites.js";
import { World } from "./world.js";

const PLAY_EVERY_MS = 1000;

/** @throws when the port is taken */
export async function startSimulator(options: SimulatorOptions = {}): Promise<Simulator> {
  const settings = settingsFrom(options);
  const world = new World(settings);
  const server = createHttpServer(world, createControl(world));
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(settings.port, settings.host, resolve);
  });
  return new Simulator(world, server);
}

export class Simulator implements AsyncDisposable {
  /** "http://127.0.0.1:12345": replaces https://qyapi.weixin.qq.com. */
  readonly url: string;
  readonly #world: World;
  readonly #server: Server;
  readonly #player: NodeJS.Timeout | undefined;

  constructor(world: World, server: Server) {
    const { address, port, family } = server.address() as AddressInfo;
    this.url = `http://${family === "IPv6" ? `[${address}]` : address}:${port}`;
    this.#world = world;
    this.#server = server;
    if (world.settings.playsBySelf) this.#player = setInterval(() => playOn(world), PLAY_EVERY_MS).unref();
  }

  /** Oldest first; at most `record` of them. Requests to the control routes are not recorded. */
  get requests(): readonly RecordedRequest[] {
    return this.#world.requests.all();
  }

  /** @param api "living/create", "gettoken" */
  requestsTo(api: string): RecordedRequest[] {
    return this.requests.filter((request) => request.api === api);
  }

  /** The number of requests for each API since the start or the last reset. */
  get requestCounts(): Readonly<Record<string, number>> {
    return this.#world.requests.counts();
  }

  get faults(): { inject(...faults: readonly Fault[]): void; pending(): Fault[]; clear(): void } {
    return this.#world.faults;
  }

  get livings(): Livings {
    return this.#world.livings;
  }

  /** Files from media/upload, oldest first. */
  get media(): readonly UploadedMedia[] {
    return this.#world.media.all();
  }

  get clock(): { nowMs(): number; advance(ms: number): void } {
    return this.#world.clock;
  }

  /** Callbacks, sent automatically or on demand. */
  get callbacks(): Pick<Callbacks, "seal" | "post" | "send" | "verifyUrl" | "deliveries" | "idle"> {
    return this.#world.callbacks;
  }

  /** Third-party and customised apps: tickets, authorisations. */
  get suites(): Pick<
    Suites,
    "pushTicket" | "authorise" | "changeAuthorisation" | "cancelAuthorisation" | "resetPermanentCode"
  > {
    return this.#world.suites;
  }

  /** Sends the living_status_change of that app's livings there from now on; as the option `callback`. */
  subscribe(app: { corpid: string; agentid: number }, callback: CallbackEndpoint): void {
    this.#world.directory.subscribe(app.corpid, app.agentid, callback);
  }

  /** All access_tokens except fixed ones get 40014 from now on, all suite_access_tokens 40082. */
  invalidateTokens(): void {
    this.#world.accessTokens.invalidateAll();
    this.#world.suiteTokens.invalidateAll();
  }

  /** Simulates someone opening the card of a living: returns the code that the mini-program gets, valid 5 minutes. */
  addShareCode(share: LivingShare): string {
    return this.#world.shareCodes.issue(share);
  }

  /** The living that a living_code opens; undefined if it is unknown or older than 5 minutes. */
  redeemLivingCode(livingCode: string): WatchPass | undefined {
    return this.#world.livingCodes.redeem(livingCode);
  }

  /** Applies pending late effects now. */
  applyLateEffects(): void {
    this.#world.lateEffects.runAll();
  }

  /** Clears the recorded requests and their counts; livings and tokens stay. */
  forgetRequests(): void {
    this.#world.requests.clear();
  }

  reset(): void {
    this.#world.reset();
  }

  /** Closes every connection, including hanging ones, and stops callbacks. */
  async close(): Promise<void> {
    clearInterval(this.#player);
    this.#world.lateEffects.clear();
    this.#world.callbacks.close();
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeAllConnections();
    await closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
