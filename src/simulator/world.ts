// Everything the simulated WeCom knows, in one place, so that a handler takes one argument and reset() one call.

import { CallFrequency, CallsInFlight, WrongSecrets } from "./limits.js";
import { SimulatorClock } from "./clock.js";
import { type App, Directory } from "./directory.js";
import { FaultQueue } from "./fault-queue.js";
import { FiveMinuteCodes, type LivingShare, type WatchPass } from "./five-minute-codes.js";
import { IssuedTokens } from "./issued-tokens.js";
import { LateEffects } from "./late-effects.js";
import { Livings } from "./livings.js";
import type { Settings } from "./options.js";
import { RequestLog } from "./request-log.js";

export class World {
  readonly clock: SimulatorClock;
  readonly directory: Directory;
  readonly accessTokens: IssuedTokens<App>;
  readonly frequency: CallFrequency;
  readonly wrongSecrets: WrongSecrets;
  readonly inFlight: CallsInFlight;
  readonly livings: Livings;
  readonly livingCodes: FiveMinuteCodes<WatchPass>;
  readonly shareCodes: FiveMinuteCodes<LivingShare>;
  readonly faults: FaultQueue;
  readonly lateEffects = new LateEffects();
  readonly requests: RequestLog;

  constructor(readonly settings: Settings) {
    const { now, random, assumptions } = settings;
    this.clock = new SimulatorClock(now);
    this.directory = new Directory(settings.corps, assumptions);
    this.accessTokens = new IssuedTokens(this.clock, {
      ttlSeconds: settings.tokenTtlSeconds,
      length: settings.tokenLength,
      random,
      repeatedExpiresIn: assumptions.repeatedTokenExpiresIn,
      errcodes: { missing: 41001, invalid: 40014, expired: assumptions.expiredTokenErrcode },
    });
    this.frequency = new CallFrequency(this.clock, settings.rateLimits);
    this.wrongSecrets = new WrongSecrets(this.clock, settings.wrongSecretsPerHour);
    this.inFlight = new CallsInFlight(settings.maxConcurrentPerApi);
    this.livings = new Livings(this.clock, random, settings.maxLivings);
    this.livingCodes = new FiveMinuteCodes(this.clock, random);
    this.shareCodes = new FiveMinuteCodes(this.clock, random);
    this.faults = new FaultQueue(random);
    this.requests = new RequestLog(settings.record);
    const demoApp = this.directory.firstApp();
    if (demoApp !== undefined) for (const token of settings.fixedTokens) this.accessTokens.fix(token, demoApp);
  }

  /** Back to the state after the start: no livings, no tokens, no faults, no requests, the clock as injected. */
  reset(): void {
    this.clock.reset();
    this.accessTokens.invalidateAll();
    this.frequency.clear();
    this.wrongSecrets.clear();
    this.livings.clear();
    this.livingCodes.clear();
    this.shareCodes.clear();
    this.faults.clear();
    this.lateEffects.clear();
    this.requests.clear();
  }
}
