// When work that comes together is taken up together.
import { describe, expect, it } from "@jest/globals";
import { setImmediate as nextTurn } from "node:timers/promises";
import { Batch, batchedWrite } from "../../src/lib/batch.js";

describe("Work that is taken up together", () => {
  it("is not kept waiting for more: what comes alone starts in the turn in which it came", async () => {
    const burst = new Batch();
    const started: number[] = [];
    burst.add(() => started.push(1));
    expect(started).toEqual([]);
    await nextTurn();
    expect(started).toEqual([1]);
  });

  it("waits while more comes, and starts together, in the order of its coming", async () => {
    const burst = new Batch();
    const started: number[] = [];
    for (let turn = 0; turn < 3; turn += 1) {
      for (const half of [0, 1]) burst.add(() => started.push(turn * 2 + half));
      expect(started).toEqual([]);
      await nextTurn();
    }
    await nextTurn();
    expect(started).toEqual([0, 1, 2, 3, 4, 5]);
  });

  it("waits for twelve turns at most, however much comes", async () => {
    const burst = new Batch();
    const started: number[] = [];
    let turns = 0;
    while (started.length === 0 && turns < 40) {
      burst.add(() => started.push(turns));
      burst.add(() => started.push(turns));
      await nextTurn();
      turns += 1;
    }
    expect(turns).toBe(12);
    expect(started).toHaveLength(24);
  });

  it("starts at once when there are sixty-four, and leaves what is more to the next turn", async () => {
    const burst = new Batch();
    const started: number[] = [];
    for (let count = 0; count < 66; count += 1) burst.add(() => started.push(count));
    await nextTurn();
    expect(started).toHaveLength(64);
    await nextTurn();
    expect(started).toHaveLength(66);
  });

  it("leaves that alone which comes while it starts", async () => {
    const burst = new Batch();
    const started: string[] = [];
    burst.add(() => {
      started.push("first");
      burst.add(() => started.push("second"));
    });
    await nextTurn();
    expect(started).toEqual(["first"]);
    await nextTurn();
    expect(started).toEqual(["first", "second"]);
  });
});

describe("What is written in one turn", () => {
  it("is written at its end, in order, each time", async () => {
    const written: number[] = [];
    for (let turn = 0; turn < 2; turn += 1) {
      for (const half of [0, 1]) batchedWrite(() => written.push(turn * 2 + half));
      expect(written).toHaveLength(turn * 2);
      await nextTurn();
    }
    expect(written).toEqual([0, 1, 2, 3]);
  });

  it("does not include what is asked for while it is written", async () => {
    const written: string[] = [];
    batchedWrite(() => {
      written.push("first");
      batchedWrite(() => written.push("second"));
    });
    await nextTurn();
    expect(written).toEqual(["first"]);
    await nextTurn();
    expect(written).toEqual(["first", "second"]);
  });
});
