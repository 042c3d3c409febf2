import { beforeEach, describe, expect, it } from "@jest/globals";
import { BoundedMap } from "../../src/lib/bounded-map.js";

describe("A bounded map", () => {
  let map: BoundedMap<string, number>;
  beforeEach(() => {
    map = new BoundedMap(100);
  });

  const flood = (prefix: string, meanwhile: () => void = () => undefined) => {
    for (let key = 0; key < 1000; key += 1) {
      map.set(`${prefix}${key}`, key);
      meanwhile();
    }
  };
  const held = (prefix: string) => [...map].filter(([key]) => key.startsWith(prefix)).map(([, value]) => value);

  it("never holds more than its size: a flood evicts what came before it", () => {
    flood("a");
    flood("b");

    expect(held("a")).toEqual([]);
    expect(held("b")).toEqual(Array.from({ length: 100 }, (_, index) => 900 + index));
  });

  it("keeps an entry for as long as it is read, whatever else comes", () => {
    map.set("everyday", 1);
    flood("c", () => expect(map.get("everyday")).toBe(1));
  });

  it("removes a deleted entry, and has room for another", () => {
    flood("a");
    map.delete("a950");
    map.set("new", 1);

    expect(map.get("a950")).toBeUndefined();
    expect(held("a")).toHaveLength(99);
    expect(held("a")[0]).toBe(900);
  });

  it("is of use after it was cleared", () => {
    flood("a");
    map.clear();
    expect([...map]).toEqual([]);
    flood("b");

    expect([...map]).toHaveLength(100);
  });

  it("forgets the oldest where all have been read, and then those that nobody read again", () => {
    const small = new BoundedMap<string, number>(2);
    for (const key of ["a", "b"]) {
      small.set(key, 1);
      small.get(key);
    }
    small.set("c", 1);
    expect([...small].map(([key]) => key)).toEqual(["b", "c"]);
    small.set("d", 1);
    expect([...small].map(([key]) => key)).toEqual(["c", "d"]);
  });

  it("holds a key alone that weighs more than all may together", () => {
    const weighed = new BoundedMap<string, number>(100, { maxWeight: 3, weightOf: (key) => key.length });
    weighed.set("four", 1);
    expect([...weighed]).toEqual([["four", 1]]);
    weighed.set("two", 2);
    expect([...weighed]).toEqual([["two", 2]]);
  });

  it("never holds more than its keys may weigh together, and counts what it forgets and deletes", () => {
    const weighed = new BoundedMap<string, number>(100, { maxWeight: 1000, weightOf: (key) => key.length });
    for (let round = 0; round < 1000; round += 1) {
      weighed.set(String(round).padEnd((round % 10) * 10, "."), round);
      if (round % 3 === 0) weighed.delete([...weighed][0]![0]);
      const weight = [...weighed].reduce((sum, [key]) => sum + key.length, 0);
      expect(weight).toBeLessThanOrEqual(1000);
      // It is full whenever it has had time to fill.
      if (round > 100 && round % 3 !== 0) expect(weight).toBeGreaterThan(800);
    }
    weighed.clear();
    weighed.set("a".repeat(1000), 1);
    expect([...weighed]).toHaveLength(1);
  });
});
