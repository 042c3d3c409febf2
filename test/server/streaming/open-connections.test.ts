/** How many connections may be open, how they are kept alive, and when one ends: on a clock that the test moves. */
import { afterEach, beforeEach, describe, expect, it, jest } from "@jest/globals";
import { atExpiry, OpenConnections } from "../../../src/server/streaming/open-connections.js";

beforeEach(() => {
  jest.useFakeTimers();
});
afterEach(() => {
  jest.useRealTimers();
});

class Connection {
  beats = 0;
  hasLeft = false;
  hasExpired = false;
  constructor(readonly transport: "websocket" | "event-stream" = "websocket") {}
  beat(): void {
    this.beats += 1;
  }
  leave(): void {
    this.hasLeft = true;
  }
  expire(): void {
    this.hasExpired = true;
  }
}

const opened = (count: number, open: OpenConnections, identity?: string) =>
  Array.from({ length: count }, () => {
    const connection = new Connection();
    return { connection, added: open.add(connection, identity) };
  });
const close = (added: ReturnType<OpenConnections["add"]>) => {
  if (typeof added !== "function") throw new Error(`refused: ${added.reason}`);
  added();
};

describe("Open connections", () => {
  it("get a heartbeat each every 20 seconds, a part of them each second", () => {
    const all = opened(40, new OpenConnections({ maximum: 100, maximumPerCaller: 100 })).map(
      ({ connection }) => connection,
    );
    const beats = () => all.reduce((sum, connection) => sum + connection.beats, 0);
    jest.advanceTimersByTime(999);
    expect(beats()).toBe(0);
    jest.advanceTimersByTime(1);
    expect(beats()).toBe(2);
    jest.advanceTimersByTime(19_000);
    expect(new Set(all.map((connection) => connection.beats))).toEqual(new Set([1]));
    jest.advanceTimersByTime(40_000);

    expect(new Set(all.map((connection) => connection.beats))).toEqual(new Set([3]));
  });

  it("get none any more once they are closed", () => {
    const open = new OpenConnections({ maximum: 100, maximumPerCaller: 100 });
    const [closed, other] = opened(2, open);
    close(closed!.added);
    jest.advanceTimersByTime(20_000);

    expect([closed!.connection.beats, other!.connection.beats]).toEqual([0, 1]);
  });

  it("are so many at most, of one caller and of all", () => {
    const open = new OpenConnections({ maximum: 4, maximumPerCaller: 2 });
    const [first] = opened(2, open, "one");
    expect(open.add(new Connection(), "one")).toMatchObject({ reason: "caller" });
    opened(2, open);
    expect(open.refusal).toMatchObject({ reason: "full" });
    expect(open.add(new Connection(), "other")).toMatchObject({ reason: "full" });
    close(first!.added);
    close(first!.added);
    expect(open.refusal).toBeUndefined();
    expect(open.add(new Connection(), "one")).toBeInstanceOf(Function);

    expect(open.size).toBe(4);
  });

  it("are counted by transport", () => {
    const open = new OpenConnections({ maximum: 10, maximumPerCaller: 10 });
    open.add(new Connection("event-stream"), undefined);
    opened(2, open);

    expect([open.size, open.sizeOf("websocket"), open.sizeOf("event-stream")]).toEqual([3, 2, 1]);
  });

  it.each([
    { maximum: 10, unsigned: 16 },
    { maximum: 1001, unsigned: 101 },
    { maximum: 100_000, unsigned: 500 },
  ])("of $maximum leave room for $unsigned that have not signed in; the oldest goes first", ({ maximum, unsigned }) => {
    const open = new OpenConnections({ maximum, maximumPerCaller: 1 });
    const all = Array.from({ length: unsigned }, () => new Connection());
    const [, second] = all.map((connection) => open.addUnsigned(connection));
    expect(all.some(({ hasExpired }) => hasExpired)).toBe(false);
    open.addUnsigned(new Connection());
    expect(all.map(({ hasExpired }) => hasExpired).indexOf(true)).toBe(0);
    second!();
    open.addUnsigned(new Connection());

    expect(all.filter(({ hasExpired }) => hasExpired)).toHaveLength(1);
    expect(open.size).toBe(0);
  });

  it("leave when the gateway drains, signed in or not, and no other is let in", () => {
    const open = new OpenConnections({ maximum: 10, maximumPerCaller: 10 });
    const [first] = opened(1, open);
    const unsigned = new Connection();
    open.addUnsigned(unsigned);
    open.drain();
    jest.advanceTimersByTime(60_000);

    expect([first!.connection.hasLeft, unsigned.hasLeft, first!.connection.beats]).toEqual([true, true, 0]);
    expect(open.add(new Connection(), undefined)).toMatchObject({ reason: "draining" });
  });
});

describe("What ends with the caller's rights", () => {
  it.each([1000, 3 * 2 ** 31])("ends %d ms from now, and not a moment before", (ms) => {
    let ends = 0;
    atExpiry(Date.now() + ms, Date.now, () => (ends += 1));
    jest.advanceTimersByTime(ms - 1);
    expect(ends).toBe(0);
    jest.advanceTimersByTime(1);

    expect(ends).toBe(1);
  });

  it("ends at once where they are over, and not at all where it is cancelled, or they never end", () => {
    let ends = 0;
    const end = () => (ends += 1);
    atExpiry(Date.now(), Date.now, end);
    jest.advanceTimersByTime(0);
    expect(ends).toBe(1);
    atExpiry(Date.now() + 1000, Date.now, end)();
    atExpiry(Infinity, Date.now, end);
    jest.advanceTimersByTime(10_000);

    expect(ends).toBe(1);
  });
});
