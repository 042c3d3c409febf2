// When work that comes together is taken up together.
import { describe, expect, it } from "@jest/globals";
import { setImmediate as nextTurn } from "node:timers/promises";
import { whenNoMoreCome } from "../src/server/bursts.js";

describe("Requests that are taken up together", () => {
  it("are not kept waiting for others: one alone starts in the turn in which it came", async () => {
    const started: number[] = [];
    whenNoMoreCome(() => started.push(1));
    expect(started).toEqual([]);
    await nextTurn();
    expect(started).toEqual([1]);
  });

  it("wait while more come, and start together, in the order of their coming", async () => {
    const started: number[] = [];
    for (let turn = 0; turn < 3; turn += 1) {
      for (const half of [0, 1]) whenNoMoreCome(() => started.push(turn * 2 + half));
      expect(started).toEqual([]);
      await nextTurn();
    }
    await nextTurn();
    expect(started).toEqual([0, 1, 2, 3, 4, 5]);
  });

  it("wait for six turns at most, however many come", async () => {
    const started: number[] = [];
    let turns = 0;
    while (started.length === 0 && turns < 20) {
      whenNoMoreCome(() => started.push(turns));
      whenNoMoreCome(() => started.push(turns));
      await nextTurn();
      turns += 1;
    }
    expect(turns).toBe(6);
    expect(started).toHaveLength(12);
  });

  it("start at once when there are fifty, though more come", async () => {
    const started: number[] = [];
    for (let count = 0; count < 50; count += 1) whenNoMoreCome(() => started.push(count));
    await nextTurn();
    expect(started).toHaveLength(50);
  });

  it("leave those alone that come while they start", async () => {
    const started: string[] = [];
    whenNoMoreCome(() => {
      started.push("first");
      whenNoMoreCome(() => started.push("second"));
    });
    await nextTurn();
    expect(started).toEqual(["first"]);
    await nextTurn();
    expect(started).toEqual(["first", "second"]);
  });
});
