/** Which reads are sent again, and how many of them. */
import { describe, expect, it } from "@jest/globals";
import type { CallOptions } from "../../src/wecom/call.js";
import type { TimeLimit } from "../../src/wecom/deadline.js";
import { WecomApiError, WecomTransportError } from "../../src/wecom/errors.js";
import type { LivingInfo } from "../../src/wecom/living.wire.js";
import { ReadRetries, sendRepeatedly } from "../../src/wecom/retry.js";

const patient: TimeLimit = { remainingMs: 1e6, isNearEnd: false, onCancel: () => () => undefined };
const refusal = (errcode: number) =>
  new WecomApiError({ api: "living/get_living_info", errcode, errmsg: "", mayHaveTakenEffect: false });
const lost = (retryAfterSeconds?: number) =>
  new WecomTransportError("lost", {
    ...{ api: "living/get_living_info", delivery: "unknown" as const, mayHaveTakenEffect: false },
    ...(retryAfterSeconds !== undefined && { retryAfterSeconds }),
  });
/** A random number for which there is no pause. */
const noPause = () => -0.5;

describe("A read that failed", () => {
  it.each([
    ["WeCom is busy", refusal(-1), true],
    ["too many at once", refusal(45033), true],
    ["the answer is lost", lost(), true],
    ["the circuit is open", lost(1), false],
    ["too often", refusal(45009), false],
    ["the secret is wrong", refusal(40001), false],
    ["an errcode that nobody knows", refusal(123_456), false],
  ])("is sent again where that can help: %s", async (_, error, isRepeated) => {
    expect(await new ReadRetries(noPause).mayRepeat(error, 0, patient)).toBe(isRepeated);
  });

  it("is sent again twice at most", async () => {
    const retries = new ReadRetries(noPause);

    expect([await retries.mayRepeat(lost(), 1, patient), await retries.mayRepeat(lost(), 2, patient)]).toEqual([
      true,
      false,
    ]);
  });

  it("is sent again ten times in a row, and then for one of ten calls", async () => {
    const retries = new ReadRetries(noPause);
    const repeated = async (times: number) => {
      let count = 0;
      for (let time = 0; time < times; time += 1) if (await retries.mayRepeat(lost(), 0, patient)) count += 1;
      return count;
    };
    // Calls before do not save up more.
    for (let call = 0; call < 1000; call += 1) retries.countCall();
    expect(await repeated(30)).toBe(10);
    for (let call = 0; call < 9; call += 1) retries.countCall();
    expect(await repeated(1)).toBe(0);
    for (let call = 0; call < 22; call += 1) retries.countCall();

    expect(await repeated(30)).toBe(3);
  });

  it.each([
    { error: lost(), repetitions: 0, random: 0, pauseMs: 25 },
    { error: lost(), repetitions: 1, random: 1, pauseMs: 150 },
    { error: refusal(-1), repetitions: 0, random: 1, pauseMs: 75 },
    { error: refusal(45033), repetitions: 0, random: 0, pauseMs: 100 },
    { error: refusal(45033), repetitions: 1, random: 0.5, pauseMs: 400 },
  ])("is not sent again with less than twice $pauseMs ms left, which is its pause", async (row) => {
    const { error, repetitions, random, pauseMs } = row;
    const retries = new ReadRetries(() => random);
    const within = (remainingMs: number) => retries.mayRepeat(error, repetitions, { ...patient, remainingMs });

    expect(await within(2 * pauseMs - 0.01)).toBe(false);
    const begunAt = performance.now();
    expect(await within(2 * pauseMs)).toBe(true);
    expect(performance.now() - begunAt).toBeGreaterThan(pauseMs - 2);
  });

  it("is not sent again near the end, nor when that came during the pause, and costs nothing then", async () => {
    const retries = new ReadRetries(noPause);
    for (let time = 0; time < 20; time += 1)
      expect(await retries.mayRepeat(lost(), 0, { ...patient, isNearEnd: true })).toBe(false);
    let asked = 0;
    const ending = {
      ...patient,
      get isNearEnd() {
        return (asked += 1) > 1;
      },
    };
    expect(await retries.mayRepeat(lost(), 0, ending)).toBe(false);

    expect(await retries.mayRepeat(lost(), 0, patient)).toBe(true);
  });
});

describe("A write whose answer is lost", () => {
  const lostWrite = new WecomTransportError("lost", {
    ...{ api: "living/cancel", delivery: "unknown", mayHaveTakenEffect: true },
  });
  /** `read` answers by its number; the deadline ends when it would pause for the third time. */
  function sending(read: (count: number) => Promise<LivingInfo>) {
    const noted = { sent: 0, read: 0, pauses: [] as number[] };
    const deadline = {
      part: () => deadline,
      pause: (ms: number) => Promise.resolve(noted.pauses.push(ms) < 3),
    };
    const write = {
      send: () => {
        noted.sent += 1;
        return Promise.reject(lostWrite);
      },
      read: () => read((noted.read += 1)),
      isDone: ({ theme }: LivingInfo) => theme === "done",
    };
    return { noted, end: sendRepeatedly(write, { deadline } as unknown as CallOptions) };
  }
  const living = (theme: string) => Promise.resolve({ theme } as LivingInfo);

  it("is sent again after 100 and 200 ms, and not a third time", async () => {
    const { noted, end } = sending(() => living("as before"));

    await expect(end).rejects.toBe(lostWrite);
    expect(noted).toEqual({ sent: 3, read: 3, pauses: [100, 200] });
  });

  it("is not sent again once the living shows it", async () => {
    const { noted, end } = sending((count) => living(count === 2 ? "done" : "as before"));

    await end;
    expect(noted).toEqual({ sent: 2, read: 2, pauses: [100] });
  });

  it("is sent again where the living cannot be read, but a defect of the gateway's own is not hidden", async () => {
    const unread = sending(() => Promise.reject(lost()));
    await expect(unread.end).rejects.toBe(lostWrite);
    expect(unread.noted.sent).toBe(3);

    const defect = new TypeError("a defect");
    const broken = sending(() => Promise.reject(defect));
    await expect(broken.end).rejects.toBe(defect);
    expect(broken.noted.sent).toBe(1);
  });
});
