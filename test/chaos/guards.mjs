/**
 * What keeps the promises, and how each is taken away: `find`, which stands once in `file`, becomes `replace`. `test` is the
 * file whose tests must fail then, `only` a part of their names.
 *
 * @typedef {{ name: string, file: string, find: string, replace: string, test: string, only?: string }} Guard
 */

const keyed = "src/wecom/creates/keyed-creates.ts";
const clicks = "test/one-living-per-click.test.ts";
const death = "test/chaos/death.test.ts";
const tokens = "src/wecom/tokens/renewed-token.ts";
const receiver = "src/wecom/callback/receiver.ts";
const pressure = "test/pressure.test.ts";

/** @type {readonly Guard[]} */
export const guards = [
  {
    name: "journal: `sent` before the first byte",
    file: keyed,
    find: `return await journal.replace(this.entry, { ...record, state: "sent" });`,
    replace: `return this.entry;`,
    test: death,
    only: "is found, when WeCom had carried it out",
  },
  {
    name: "journal: changed only by comparison",
    file: "src/wecom/creates/journal.ts",
    find: `const isReplaced = await this.store.compareAndSet(keyOf(id), before, text, { expiresInMs: keptMs });`,
    replace: `const isReplaced = before !== "";
    await this.store.set(keyOf(id), text, { expiresInMs: keptMs });`,
    test: death,
    only: "stood still",
  },
  {
    name: "reconciler",
    file: "src/wecom/creates/creates.ts",
    find: `    this.#reconciler.start();\n`,
    replace: ``,
    test: clicks,
    only: "is finished although nobody asks again",
  },
  {
    name: "same key: one living",
    file: "src/wecom/creates/journal.ts",
    find: `const isBegun = await this.store.compareAndSet(keyOf(id), undefined, text, { expiresInMs: keptMs });`,
    replace: `const isBegun = text !== "";
    await this.store.set(keyOf(id), text, { expiresInMs: keptMs });`,
    test: clicks,
    only: "creates one living, however often it is sent",
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
    find: `if (entry.record.digest !== digest) throw new WecomKeyReusedError({ api });`,
    replace: ``,
    test: clicks,
    only: "is refused with another input",
  },
  {
    name: "key: each caller's own",
    file: "src/wecom/creates/creates.ts",
    find: `digestOf([this.options.app, call.corp, key.caller, key.key])`,
    replace: `digestOf([this.options.app, call.corp, key.key])`,
    test: clicks,
    only: "is each caller's own",
  },
  {
    name: "claim: a living belongs to one create",
    file: "src/wecom/creates/claims.ts",
    find: "return `claim:${corp}:${livingid}`;",
    replace: "return `claim:${corp}:${livingid}:${Math.random()}`;",
    test: clicks,
    only: "is not given the living of another create alike",
  },
  {
    name: "claim: what a create without a key has made is taken",
    file: "src/wecom/creates/claims.ts",
    find: "this.store.include(digestedSetOf(set), ",
    replace: "this.store.include(digestedSetOf(set) + set, ",
    test: clicks,
    only: "belongs to a create without a key in another process",
  },
  {
    name: "claim: looked at again when it is taken",
    file: "src/wecom/creates/lost-livings.ts",
    find: " && !(await this.claims.isNoted(living))",
    replace: "",
    test: clicks,
    only: "notes it while that is looked for",
  },
  {
    name: "turns: equal bookings one after the other",
    file: "src/wecom/creates/turns.ts",
    find: `    const leave = await this.#enter(booking, true, deadline);
    try {
      for (;;) {`,
    replace: `    if (booking !== "") return await work();
    const leave = await this.#enter(booking, true, deadline);
    try {
      for (;;) {`,
    test: clicks,
    only: "Creates alike",
  },
  {
    name: "settling time",
    file: keyed,
    find: `if (lookedAt < settlesAt)`,
    replace: `if (lookedAt < settlesAt - settleMs)`,
    test: clicks,
    only: "is sent again only when it cannot take effect any more",
  },
  {
    name: "settling time: that of whoever took another's",
    file: "src/wecom/creates/lost-livings.ts",
    find: `if (found.length > 0) await this.claims.expect(bookingOf(call.corp, request), settlesAt);`,
    replace: ``,
    test: clicks,
    only: "which was given another's",
  },
  {
    name: "claim: what was claimed before comes first",
    file: "src/wecom/creates/lost-livings.ts",
    find: `if (own.length > 0) return own[0];`,
    replace: ``,
    test: clicks,
    only: "had claimed before its process died",
  },
  {
    name: "embedded store: opened while nobody writes",
    file: "src/stores/quiet-opening.ts",
    find: `while (others.some(`,
    replace: `while (id === "" && others.some(`,
    test: "test/stores.test.ts",
    only: "is written to by nobody",
  },
  {
    name: "a search that was not complete finds nothing out",
    file: keyed,
    find: `could not look for a living just now");
        return entry;`,
    replace: `could not look for a living just now");`,
    test: clicks,
    only: "cannot all be looked at",
  },
  {
    name: "without a key nothing is sent again",
    file: "src/wecom/creates/creates.ts",
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
    find: `mayHaveTakenEffect: endpoint.effect === "write" && errcode === -1,`,
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
    find: `held?.token.reveal() === refused.reveal() && this.kit.now() >= held.confirmedUntil`,
    replace: `held`,
    test: "test/tokens.test.ts",
    only: "is not given up for another",
  },
  {
    name: "callback: signature",
    file: receiver,
    find: `if (!isSignedWith(this.options.token, { signature, timestamp, nonce, encrypt })) {`,
    replace: `if (!isSignedWith(this.options.token, { signature, timestamp, nonce, encrypt }) && timestamp === "x") {`,
    test: "test/callback.test.ts",
    only: "when its signature is wrong",
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
    find: `    stopWaiting = patience.onEnd((reason) => {
      fail(reason);
    });`,
    replace: ``,
    test: "test/upstream-faults.test.ts",
    only: "createLiving, when WeCom never answers, has",
  },
  {
    name: "queue: bounded",
    file: "src/wecom/places.ts",
    find: `    this.#refuseIfTooLate(operation, patience);\n`,
    replace: ``,
    test: pressure,
    only: "Ten times more than WeCom can take",
  },
  {
    name: "queue: operations take turns",
    file: "src/wecom/places.ts",
    find: `this.#queue.add(operation, waiter);`,
    replace: `this.#queue.add(this, waiter);`,
    test: pressure,
    only: "lets operations take turns",
  },
  {
    name: "45009 closes the gate",
    file: "src/wecom/call-gates.ts",
    find: `if (end === "too-often") this.#close(gate, call, now);
    else if`,
    replace: `if`,
    test: pressure,
    only: "closes that API for a minute",
  },
  {
    name: "45009: one replica tries",
    file: "src/wecom/call-gates.ts",
    find: `void sharing.claimTry(key, closed).then(resolve).finally(stopWaiting);`,
    replace: `resolve(stopWaiting !== undefined);`,
    test: pressure,
    only: "is known to all replicas",
  },
  {
    name: "45033 lowers the cap",
    file: "src/wecom/call-gates.ts",
    find: `else if (end === "too-many") places.tooMany(call, this.#newest, now);`,
    replace: ``,
    test: pressure,
    only: "45033",
  },
  {
    name: "circuit",
    file: "src/wecom/circuit.ts",
    find: `(this.#failures += 1) >= failuresInRow`,
    replace: `this.#failures < 0`,
    test: pressure,
    only: "A WeCom that nobody answers at",
  },
  {
    name: "retries: their budget",
    file: "src/wecom/read-retries.ts",
    find: ` || this.#budget < 1`,
    replace: ``,
    test: pressure,
    only: "is repeated only as long as few of the calls were repetitions",
  },
  {
    name: "below WeCom's frequency limits",
    file: "src/wecom/call-gates.ts",
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
