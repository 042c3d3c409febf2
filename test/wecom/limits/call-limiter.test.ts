/** What the limiter shares out, by example; `limiter-properties.test.ts` tries its promises at random. */
import { describe, expect, it } from "@jest/globals";
import { type Call, Fleet, usual } from "../../support/limiter-fleet.js";

const connections = 4096;
const create = "living/create";
const read = "living/get_living_info";

const sentOf = (fleet: Fleet, corp: number) => fleet.sentOf(create, corp).times.length;

const none = { perCorpAndMinute: 1e6, perCorpAndHour: 1e6, perAddressAndMinute: 1e6, perAddressAndHour: 1e6 };

const askMany = (fleet: Fleet, count: number, call: Partial<Call>) =>
  Promise.all(Array.from({ length: count }, () => fleet.call({ ...usual, ...call })));

/** So many clients who ask again when they are answered, and 100 ms after a refusal. */
const askOnAndOn = (fleet: Fleet, clients: number, answerMs: () => number) => {
  const ends: { at: number; waitedMs: number; end: string }[] = [];
  const ask = async (): Promise<void> => {
    const since = fleet.time.now;
    const end = await fleet.call({ ...usual, caller: "all" });
    ends.push({ at: fleet.time.now, waitedMs: fleet.time.now - since, end });
    fleet.time.after(end === "sent" ? answerMs() : 100, () => void ask());
  };
  for (let client = 0; client < clients; client += 1) void ask();
  return ends;
};

describe("Under a limit that many share", () => {
  it("a caller waits for one call of each other caller, however many operations those have", async () => {
    const fleet = new Fleet();
    await fleet.add();
    void askMany(fleet, 200, { caller: "busy" });
    await fleet.time.pass(1);
    let isDone = false;
    void fleet.call({ ...usual, caller: "other" }).then(() => (isDone = true));
    await fleet.time.pass(40);
    fleet.close();

    expect(isDone).toBe(true);
  });

  it("an operation waits for one call of each other operation of its caller", async () => {
    const fleet = new Fleet();
    await fleet.add();
    const operation = {};
    void askMany(fleet, 200, { caller: "one", operation });
    await fleet.time.pass(1);
    let isDone = false;
    void fleet.call({ ...usual, caller: "one" }).then(() => (isDone = true));
    await fleet.time.pass(40);
    fleet.close();

    expect(isDone).toBe(true);
  });

  it.each([0, 50, 1000])("nobody is refused because the process stood still for 300 ms, after %i ms", async (atMs) => {
    let standsStillUntil = 0;
    const answerMs = (): number => Math.max(standsStillUntil - fleet.time.now, 4);
    const fleet: Fleet = new Fleet({ maxInFlight: 10, answerMs });
    await fleet.add();
    fleet.time.after(atMs, () => (standsStillUntil = fleet.time.now + 300));
    const ends = askOnAndOn(fleet, 250, answerMs);
    await fleet.time.pass(3000);
    fleet.close();

    expect(ends.filter(({ end }) => end === "refused")).toEqual([]);
    expect(ends.length).toBeGreaterThan(3000);
  });

  it("ten times as many as WeCom answers of a sudden are refused at once, a second later", async () => {
    let answerMs = 4;
    const fleet = new Fleet({ maxInFlight: 10, answerMs: () => answerMs });
    await fleet.add();
    const slowAt = fleet.time.now + 1000;
    fleet.time.after(1000, () => (answerMs = 250));
    const ends = askOnAndOn(fleet, 400, () => answerMs);
    await fleet.time.pass(15_000);
    fleet.close();
    const refused = ends.filter(({ end }) => end === "refused");
    const sent = ends.filter(({ end, at }) => end === "sent" && at > slowAt + 12_000);

    expect(refused.length).toBeGreaterThan(1000);
    expect(Math.max(...refused.map(({ waitedMs }) => waitedMs))).toBe(0);
    expect(Math.max(...sent.map(({ waitedMs }) => waitedMs))).toBeLessThan(1000);
  });

  it("a create does not wait for reads", async () => {
    const fleet = new Fleet();
    await fleet.add();
    void askMany(fleet, 500, { api: read });
    await fleet.time.pass(1);
    const before = fleet.time.now;
    await Promise.all([fleet.call(usual), fleet.time.pass(0)]);
    fleet.close();

    expect(fleet.time.now).toBe(before);
  });

  it("a corp that has called little is let through although others have used most of what the address may", async () => {
    const fleet = new Fleet({ limits: { ...none, perAddressAndMinute: 220 } });
    await fleet.add();
    for (let round = 0; round < 60; round += 1) {
      for (let corp = 0; corp < 10; corp += 1) void fleet.call({ ...usual, corp });
      await fleet.time.pass(25);
    }
    const used = Array.from({ length: 10 }, (_, corp) => sentOf(fleet, corp));
    const newcomer = askMany(fleet, 2, { corp: 99 });
    await fleet.time.pass(25);
    fleet.close();

    expect(Math.max(...used) - Math.min(...used)).toBeLessThanOrEqual(1);
    expect(used[0]).toBe(20);
    expect(await newcomer).toEqual(["sent", "sent"]);
  });

  it("a call that is not sent does not count", async () => {
    const fleet = new Fleet({ limits: { ...none, perCorpAndMinute: 10 } });
    await fleet.add();
    for (let index = 0; index < 50; index += 1) {
      void fleet.call({ ...usual, end: index % 2 === 0 ? "not-sent" : "unreachable" });
      await fleet.time.pass(25);
      // Five that met nobody open the circuit.
      if (index % 8 === 7) void fleet.call(usual);
      await fleet.time.pass(index % 8 === 7 ? 800 : 0);
    }
    fleet.close();

    expect(sentOf(fleet, 0)).toBe(6);
  });
});

describe("Under a limit of connections that many share", () => {
  it("a hundred corps whose calls hang leave connections for another, and for another API", async () => {
    const fleet = new Fleet({ maxInFlight: 10 });
    await fleet.add();
    for (let corp = 0; corp < 100; corp += 1) void askMany(fleet, 20, { corp, answerMs: 8000 });
    await fleet.time.pass(1);
    const held = Array.from({ length: 100 }, (_, corp) => sentOf(fleet, corp));
    const others = askMany(fleet, 5, { corp: 999 });
    const reads = Promise.all(Array.from({ length: 40 }, (_, corp) => askMany(fleet, 10, { corp, api: read })));
    await fleet.time.pass(0);
    const before = fleet.time.now;
    expect((await Promise.all([others, reads])).flat(2)).toEqual(Array(405).fill("sent"));
    expect(fleet.time.now).toBe(before);
    expect(held).toEqual(Array(100).fill(10));
    fleet.close();
  });

  it("however many calls hang, an API gets no more than half of the connections, and each call has its turn", async () => {
    const fleet = new Fleet();
    await fleet.add();
    for (let corp = 0; corp < 3000; corp += 1) void askMany(fleet, 2, { corp, answerMs: 8000 });
    await fleet.time.pass(1);
    const sent = () => fleet.sentOf(create).times.length;
    expect(sent()).toBe(connections / 2);
    expect(await fleet.call({ ...usual, corp: 3, api: read })).toBe("sent");
    fleet.close();
    await fleet.time.pass(60_000);

    expect(sent()).toBe(3000 * 2);
  });

  it("corps that hold none are let in when those that hold many, and those that hold few, have to wait", async () => {
    const fleet = new Fleet({ connections: 256, maxInFlight: 100 });
    await fleet.add();
    const apis = ["a", "b", "c", "d"];
    const hang = (corp: number, api: string) => askMany(fleet, 100, { corp, api, answerMs: 8000 });
    const many = apis.flatMap((api) => [0, 1].map((corp) => hang(corp, api)));
    await fleet.time.pass(0);
    const free = () => 256 - apis.reduce((sum, api) => sum + fleet.sentOf(api).times.length, 0);
    const few = [];
    while (free() > 21 && few.length < 60) {
      few.push(hang(2 + few.length, apis[few.length % 4]!));
      await fleet.time.pass(0);
    }

    const others = Array.from({ length: 15 }, (_, corp) => fleet.call({ ...usual, corp: 100 + corp, api: "a" }));
    const before = fleet.time.now;
    expect(new Set(await Promise.all(others))).toEqual(new Set(["sent"]));
    expect(fleet.time.now).toBe(before);
    fleet.close();
    await fleet.time.pass(600_000);
    expect(new Set((await Promise.all([...many, ...few])).flat())).toEqual(new Set(["sent"]));
  });
});

describe("Replicas", () => {
  const limits = { perCorpAndMinute: 40, perCorpAndHour: 400, perAddressAndMinute: 400, perAddressAndHour: 400 };
  const burst = async (fleet: Fleet, replica: number, count: number) => {
    for (let index = 0; index < count; index += 1) {
      void fleet.call({ ...usual, replica, answerMs: 1 });
      await fleet.time.pass(2);
    }
  };

  it("that begin at the same moment do not each use up the limit", async () => {
    const fleet = new Fleet({ limits, messageMs: () => 50 });
    for (let index = 0; index < 10; index += 1) await fleet.add();
    await fleet.time.pass(1100);
    for (let round = 0; round < 40; round += 1) {
      for (let replica = 0; replica < 10; replica += 1) void fleet.call({ ...usual, replica, answerMs: 1 });
      await fleet.time.pass(2);
    }
    fleet.close();

    expect(sentOf(fleet, 0)).toBeLessThanOrEqual(40 * 1.25);
  });

  it("tell each other soon, so that one can use what the others do not", async () => {
    const fleet = new Fleet({ limits });
    for (let index = 0; index < 3; index += 1) await fleet.add();
    await fleet.time.pass(1100);
    for (let round = 0; round < 20; round += 1) {
      await burst(fleet, 0, 2);
      await fleet.time.pass(20);
    }
    await burst(fleet, 1, 5);
    fleet.close();

    expect(sentOf(fleet, 0)).toBeGreaterThanOrEqual(38);
    expect(sentOf(fleet, 0)).toBeLessThanOrEqual(40);
  });
});

describe("A replica that starts, or has missed messages", () => {
  it.each([0, 3000, 61_000, 4_000_000, -3000, -20_000, -61_000, -4_000_000])(
    "is told what the others have counted, though its clock is %d ms behind theirs",
    async (behindMs) => {
      const limits = { perCorpAndMinute: 20, perCorpAndHour: 30, perAddressAndMinute: 100, perAddressAndHour: 100 };
      const fleet = new Fleet({ limits });
      await fleet.add();
      for (let index = 0; index < 20; index += 1) {
        void fleet.call(usual);
        await fleet.time.pass(1500);
      }
      const late = await fleet.add(behindMs);
      await fleet.time.pass(25);
      const refused = fleet.call({ ...usual, replica: late });
      await fleet.time.pass(70_000);
      for (let index = 0; index < 20; index += 1) {
        void fleet.call({ ...usual, replica: index });
        await fleet.time.pass(25);
      }
      fleet.close();

      expect(await refused).toBe("refused");
      expect(sentOf(fleet, 0)).toBe(30);
    },
  );

  it("lets no more through than the limit, however small the part of it that others had used", async () => {
    // A part of a hundredth is not told.
    const limits = { perCorpAndMinute: 100, perCorpAndHour: 1500, perAddressAndMinute: 1e6, perAddressAndHour: 1e6 };
    const fleet = new Fleet({ limits });
    await fleet.add();
    for (let index = 0; index < 14; index += 1) {
      void fleet.call(usual);
      await fleet.time.pass(25);
    }
    // Published by then, when there was nobody else.
    await fleet.time.pass(1100);
    const late = await fleet.add();
    await fleet.time.pass(1100);
    for (let index = 0; index < 110; index += 1) {
      void fleet.call({ ...usual, replica: late });
      await fleet.time.pass(25);
    }
    fleet.close();

    expect(sentOf(fleet, 0)).toBeLessThanOrEqual(101);
  });
});
