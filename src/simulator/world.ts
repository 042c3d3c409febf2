// The state of the simulated WeCom as one object, so that a handler takes one argument and reset() is one call.

import { livingStatusChange } from "./callback-messages.js";
import { Callbacks } from "./callbacks.js";
import { CallFrequency, CallsInFlight, WrongSecrets } from "./limits.js";
import { SimulatorClock } from "./clock.js";
import { type App, Directory } from "./directory.js";
import { FaultQueue } from "./fault-queue.js";
import { TimedCodes, type LivingShare, type WatchPass } from "./timed-codes.js";
import { IssuedTokens } from "./issued-tokens.js";
import { LateEffects } from "./late-effects.js";
import type { Living } from "./living.js";
import { Livings } from "./livings.js";
import type { Settings, SuiteOptions } from "./options.js";
import { Media } from "./media.js";
import { RequestLog } from "./request-log.js";
import { Suites } from "./suites.js";
import { Tickets } from "./tickets.js";

export class World {
  readonly clock: SimulatorClock;
  readonly directory: Directory;
  readonly accessTokens: IssuedTokens<App>;
  readonly frequency: CallFrequency;
  readonly wrongSecrets: WrongSecrets;
  readonly inFlight: CallsInFlight;
  readonly livings: Livings;
  readonly media: Media;
  readonly tickets: Tickets;
  readonly livingCodes: TimedCodes<WatchPass>;
  readonly shareCodes: TimedCodes<LivingShare>;
  readonly faults: FaultQueue;
  readonly lateEffects = new LateEffects();
  readonly requests: RequestLog;
  readonly callbacks: Callbacks;
  readonly suiteTokens: IssuedTokens<SuiteOptions>;
  readonly suites: Suites;

  constructor(readonly settings: Settings) {
    const { now, random, assumptions } = settings;
    this.clock = new SimulatorClock(now);
    this.directory = new Directory(settings.corps, assumptions);
    const tokenRules = {
      ttlSeconds: settings.tokenTtlSeconds,
      length: settings.tokenLength,
      random,
      repeatedExpiresIn: assumptions.repeatedTokenExpiresIn,
    };
    this.accessTokens = new IssuedTokens(this.clock, {
      ...tokenRules,
      errcodes: { missing: 41001, invalid: 40014, expired: assumptions.expiredTokenErrcode },
    });
    this.suiteTokens = new IssuedTokens(this.clock, {
      ...tokenRules,
      errcodes: { missing: 41022, invalid: 40082, expired: 42009 },
    });
    this.frequency = new CallFrequency(this.clock, settings.rateLimits);
    this.wrongSecrets = new WrongSecrets(this.clock, settings.wrongSecretsPerHour);
    this.inFlight = new CallsInFlight(settings.maxConcurrentPerApi);
    this.livings = new Livings(this.clock, random, settings.maxLivings);
    this.media = new Media(this.clock, random);
    this.tickets = new Tickets(this.clock, random);
    this.livingCodes = new TimedCodes(this.clock, random, 5);
    this.shareCodes = new TimedCodes(this.clock, random, 5);
    this.faults = new FaultQueue(random);
    this.requests = new RequestLog(settings.record);
    this.callbacks = new Callbacks(this.clock, random, { timeoutMs: settings.callbackTimeoutMs, retries: 3 });
    this.suites = new Suites(settings.suites, {
      ...{ clock: this.clock, random, directory: this.directory, accessTokens: this.accessTokens },
      ...{ callbacks: this.callbacks, preAuthCodeMinutes: assumptions.preAuthCodeMinutes },
    });
    this.livings.onStatusChange((living) => this.#reportStatus(living));
    const demoApp = this.directory.firstApp();
    if (demoApp !== undefined) for (const token of settings.fixedTokens) this.accessTokens.fix(token, demoApp);
  }

  /** Back to the initial state: no livings, no tokens, no faults, no requests, the injected clock. */
  reset(): void {
    this.clock.reset();
    this.accessTokens.invalidateAll();
    this.suiteTokens.invalidateAll();
    this.suites.clear();
    this.callbacks.clear();
    this.frequency.clear();
    this.wrongSecrets.clear();
    this.livings.clear();
    this.media.clear();
    this.tickets.clear();
    this.livingCodes.clear();
    this.shareCodes.clear();
    this.faults.clear();
    this.lateEffects.clear();
    this.requests.clear();
  }

  #reportStatus(living: Living): void {
    const { corpid, agentid } = living.creator;
    const callback = this.directory.app(corpid, agentid)?.callback;
    if (callback === undefined) return;
    this.callbacks.push({ ...callback, receiveid: corpid }, livingStatusChange(living, this.clock.nowSeconds()));
  }
}
