/**
 * What keeps the promises, and how each is taken away: `find`, which stands once in `file`, becomes `replace`. `test` is the
 * file whose tests must fail then, `only` a part of their names.
 *
 * @typedef {{ name: string, file: string, find: string, replace: string, test: string, only?: string }} Guard
 */

const keyed = "src/wecom/create-once/keyed-create.ts";
const clicks = "test/one-living-per-click.test.ts";
const simulation = "test/simulation/simulation.test.ts";
const tokens = "src/wecom/tokens/renewed-token.ts";
const receiver = "src/wecom/callback/receiver.ts";
const pressure = "test/pressure.test.ts";

/** @type {readonly Guard[]} */
export const guards = [
  {
    name: "journal: `sent` before the first byte",
    file: "src/wecom/create-once/send-permit.ts",
    find: `if (this.sent) return;`,
    replace: `this.sent ??= this.entry;
    if (this.sent) return;`,
    test: simulation,
  },
  {
    name: "journal: changed only by comparison",
    file: "src/wecom/create-once/journal.ts",
    find: `this.store.compareAndSet(keyOf(id), before, text, expiry),`,
    replace: `this.store.set(keyOf(id), text, expiry).then(() => before !== ""),`,
    test: simulation,
  },
  {
    name: "journal: what is open is looked at again",
    file: "src/wecom/create-once/journal.ts",
    find: `isOpen && this.remindOf(id, remindAtMs),`,
    replace: ``,
    test: simulation,
  },
  {
    name: "journal: an outcome is told only when it is written down",
    file: keyed,
    find: `    throw new WecomUnsettledError({ api, cause: new Error(reasonOf(error)) });`,
    replace: `    return { id: "", text: "", record: { state: "done", outcome: { livingid: "living-1" } } } as never;`,
    test: simulation,
  },
  {
    name: "reconciler",
    file: "src/wecom/create-once/create-once.ts",
    find: `    this.#reconciler.start();\n`,
    replace: ``,
    test: clicks,
    only: "is finished although nobody asks again",
  },
  {
    name: "same key: at once",
    file: keyed,
    find: `    if (other !== undefined) {`,
    replace: `    if (other === "never") {`,
    test: clicks,
    only: "An idempotency key",
  },
  {
    name: "same key: other input",
    file: keyed,
    find: `if (!digests.includes(entry.record.digest)) throw new WecomKeyReusedError({ api });`,
    replace: ``,
    test: clicks,
    only: "is refused with another input",
  },
  {
    name: "key: each caller's own",
    file: "src/wecom/create-once/create-once.ts",
    find: `digestOf([this.options.app, call.corp, key.caller, key.key])`,
    replace: `digestOf([this.options.app, call.corp, key.key])`,
    test: clicks,
    only: "is each caller's own",
  },
  {
    name: "key: ends",
    file: keyed,
    find: `if (watch.earliestMs() >= record.endsAtMs) return await this.#giveUp(entry, call);`,
    replace: ``,
    test: simulation,
  },
  {
    name: "ownership: a living belongs to one create",
    file: "src/wecom/create-once/ownership.ts",
    find: "return `claim:${corp}:${livingid}`;",
    replace: "return `claim:${corp}:${livingid}:${Math.random()}`;",
    test: simulation,
  },
  {
    name: "ownership: what a create without a key has made is taken",
    file: "src/wecom/create-once/ownership.ts",
    find: "await this.store.compareAndSet(key, undefined, unkeyed, { expiresInMs: this.#lifetimeMs(living) });",
    replace: "",
    test: simulation,
  },
  {
    name: "ownership: what a slow create without a key has made is taken before it is told",
    file: "src/wecom/create-once/create-once.ts",
    find: `if (!announcement.isDue()) this`,
    replace: `if (announcement !== undefined) this`,
    test: simulation,
  },
  {
    name: "ownership: of a key with its input",
    file: keyed,
    find: "return `${id} ${record.digest}`;",
    replace: "return record.digest === '' ? '' : id;",
    test: simulation,
  },
  {
    name: "ownership: looked at again when it is taken",
    file: "src/wecom/create-once/recover-lost.ts",
    find: "if (!(await deadline.pause(invisibleMs)))",
    replace: "if (deadline.remainingMs === 0)",
    test: simulation,
  },
  {
    name: "ownership: creates without a key are announced",
    file: "src/wecom/create-once/recover-lost.ts",
    find: "if (await this.lock.isAnnounced(booking))",
    replace: "if (booking === '' && (await this.lock.isAnnounced(booking)))",
    test: simulation,
  },
  {
    name: "ownership: what is owned before comes first",
    file: "src/wecom/create-once/recover-lost.ts",
    find: `if (own.length > 0 || found.length === 0) return own[0];`,
    replace: `if (found.length === 0) return undefined;`,
    test: clicks,
    only: "had claimed before its process died",
  },
  {
    name: "booking lock: equal bookings one after the other",
    file: "src/wecom/create-once/booking-lock.ts",
    find: `if (!(await write(undefined))) return undefined;`,
    replace: `await write(undefined);`,
    test: simulation,
  },
  {
    name: "booking lock: who stood still takes nothing",
    file: "src/wecom/create-once/recover-lost.ts",
    find: `if (!lock.isHeld()) throw mayBeAnothers("this process stood still");`,
    replace: ``,
    test: simulation,
  },
  {
    name: "booking lock: userids without regard to case",
    file: "src/lib/userid.ts",
    find: `return userid.toLowerCase();`,
    replace: `return userid;`,
    test: simulation,
  },
  {
    name: "settling time",
    file: keyed,
    find: `if (!isSettled || lookedAtMs < found.settlesAtMs) return entry;`,
    replace: ``,
    test: simulation,
  },
  {
    name: "settling time: of what this process has sent",
    file: keyed,
    find: `    if (entry || !sent) return entry;`,
    replace: `    if (entry || id !== "") return entry;`,
    test: simulation,
  },
  {
    name: "settling time: that of whoever took another's",
    file: "src/wecom/create-once/recover-lost.ts",
    find: `await this.ownership.reserveUntil(booking, settlesAtMs);`,
    replace: ``,
    test: simulation,
  },
  {
    name: "store: watched before each sending",
    file: "src/wecom/create-once/send-permit.ts",
    find: `await this.watch.confirm();`,
    replace: ``,
    test: simulation,
  },
  {
    name: "store: one that is empty may have been emptied",
    file: "src/wecom/create-once/store-watch.ts",
    find: `await this.#sinceEmpty;`,
    replace: ``,
    test: simulation,
  },
  {
    name: "embedded store: belongs to one process",
    file: "src/stores/owned-folder.ts",
    find: `if (!tryLock(lock)) throw`,
    replace: `if (!tryLock(lock) && path === "") throw`,
    test: "test/stores.test.ts",
    only: "belongs to the first",
  },
  {
    name: "a search that was not complete finds nothing out",
    file: keyed,
    find: `could not look for a living just now");
      return entry;`,
    replace: `could not look for a living just now");`,
    test: simulation,
  },
  {
    name: "without a key nothing is sent again",
    file: "src/wecom/create-once/create-once.ts",
    find: `      failure = error;
    } finally {`,
    replace: `      failure = error;
      return await this.#send(request, call);
    } finally {`,
    test: "test/upstream-faults.test.ts",
    only: "drops the connection before it acts, has sent one create",
  },
  {
    name: "-1 does not say what happened",
    file: "src/wecom/client.ts",
    find: `mayHaveTakenEffect: endpoint.effect === "write" && lookupErrcode(errcode)?.leavesOutcomeOpen === true,`,
    replace: `mayHaveTakenEffect: false,`,
    test: "test/upstream-faults.test.ts",
    only: "answers -1",
  },
  {
    name: "token: one fetch for all that wait",
    file: tokens,
    find: `return (this.#fetching ??= this.#obtain(usableUntil).finally(() => {
      this.#fetching = undefined;
    }));`,
    replace: `return this.kit.store.delete("x").then(() => this.#fetch());`,
    test: "test/tokens.test.ts",
    only: "is fetched once however many requests wait for it",
  },
  {
    name: "token: compared before it is given up",
    file: tokens,
    find: `held?.token.reveal() === refused.reveal() && this.dependencies.now() >= held.confirmedUntilMs`,
    replace: `held`,
    test: "test/tokens.test.ts",
    only: "is not given up for another",
  },
  {
    name: "callback: signature",
    file: receiver,
    find: `if (!isSignedWith(this.options.token, { ...signed, encrypt })) throw new CallbackRefused("bad-signature");`,
    replace: `isSignedWith(this.options.token, { ...signed, encrypt });`,
    test: "test/callback.test.ts",
    only: "when its signature is wrong",
  },
  {
    name: "callback: an echo is no message",
    file: receiver,
    find: `if (/[<{[\\]]/.test(message)) throw new CallbackRefused("not-an-echo");`,
    replace: ``,
    test: "test/callback.test.ts",
    only: "does not decrypt a captured message",
  },
  {
    name: "callback: receiveid",
    file: receiver,
    find: `if (!this.#isMeantFor(receiveid, event, fields)) throw new CallbackRefused("wrong-receiveid");`,
    replace: ``,
    test: "test/callback.test.ts",
    only: "when it is meant for another corp",
  },
  {
    name: "callback: age",
    file: receiver,
    find: `if (!(Math.abs(age) <= windowSeconds)) throw new CallbackRefused("too-old");`,
    replace: ``,
    test: "test/callback.test.ts",
    only: "is refused with 403 when it is",
  },
  {
    name: "callback: handled once",
    file: receiver,
    find: `if (await this.options.store.get(key).catch(() => undefined)) return "repeated";`,
    replace: ``,
    test: "test/callback.test.ts",
    only: "is handled once when it comes twice",
  },
  {
    name: "deadline of a call",
    file: "src/wecom/transport.ts",
    find: `    stopWaiting = timeLimit.onCancel((reason) => {
      fail(reason);
    });`,
    replace: ``,
    test: "test/upstream-faults.test.ts",
    only: "createLiving, when WeCom never answers, has",
  },
  {
    name: "queue: bounded",
    file: "src/wecom/limits/semaphore.ts",
    find: `    this.#refuseIfTooLate(operation, timeLimit);\n`,
    replace: ``,
    test: pressure,
    only: "Ten times more than WeCom can take",
  },
  {
    name: "queue: operations take turns",
    file: "src/wecom/limits/semaphore.ts",
    find: `this.#queue.add(operation, waiter);`,
    replace: `this.#queue.add(this, waiter);`,
    test: pressure,
    only: "lets operations take turns",
  },
  {
    name: "45009 closes the gate",
    file: "src/wecom/limits/call-limiter.ts",
    find: `if (end === "too-often") this.#close(limits, callNumber, now);
    else if`,
    replace: `if`,
    test: pressure,
    only: "closes that API for a minute",
  },
  {
    name: "45009: one replica tries",
    file: "src/wecom/limits/call-limiter.ts",
    find: `void sharing.claimProbe(key, closed).then(resolve).finally(stopWaiting);`,
    replace: `resolve(stopWaiting !== undefined);`,
    test: pressure,
    only: "is known to all replicas",
  },
  {
    name: "45033 lowers the cap",
    file: "src/wecom/limits/call-limiter.ts",
    find: `else if (end === "too-many") semaphore.tooMany(callNumber, this.#newest, now);`,
    replace: ``,
    test: pressure,
    only: "45033",
  },
  {
    name: "circuit",
    file: "src/wecom/limits/circuit-breaker.ts",
    find: `(this.#failures += 1) >= failuresInRow`,
    replace: `this.#failures < 0`,
    test: pressure,
    only: "A WeCom that nobody answers at",
  },
  {
    name: "retries: their budget",
    file: "src/wecom/retry.ts",
    find: ` || this.#budget < 1`,
    replace: ``,
    test: pressure,
    only: "is repeated only as long as few of the calls were repetitions",
  },
  {
    name: "below WeCom's frequency limits",
    file: "src/wecom/limits/call-limiter.ts",
    find: `if (crowdedMs > 0) throw this.#refusal(api, "frequency", crowdedMs);`,
    replace: ``,
    test: pressure,
    only: "More calls than WeCom allows",
  },
  {
    name: "cache: forgets what was changed",
    file: "src/living/living.cache.ts",
    find: `    this.#entries.delete(key);
    this.#forgettings += 1;`,
    replace: `    this.#forgettings += 1;`,
    test: "test/living-cache.test.ts",
  },
];
