import { describe, expect, it } from "@jest/globals";
import { readFields } from "../../../src/wecom/callback/fields.js";

describe("The fields of a callback", () => {
  it("are read from the XML of WeCom's page", () => {
    const fields = readFields(`\uFEFF<?xml version="1.0" encoding="UTF-8"?>
      <xml><ToUserName><![CDATA[toUser]]></ToUserName>
        <CreateTime>1348831860</CreateTime><Empty/><Text>a &lt;&amp;&gt; <![CDATA[</b>&e;]]></Text>
      </xml>`);
    expect(fields).toEqual(
      new Map([
        ["tousername", "toUser"],
        ["createtime", "1348831860"],
        ["empty", ""],
        ["text", "a <&> </b>&e;"],
      ]),
    );
  });

  it("are read from JSON, where the envelope is spelled in lower case", () => {
    expect(readFields(`{"tousername":"a","CreateTime":1,"__proto__":"x","Nested":{"Status":"1"},"List":[1]}`)).toEqual(
      new Map([
        ["tousername", "a"],
        ["createtime", "1"],
        ["__proto__", "x"],
      ]),
    );
  });

  it("are not mistaken for those of something nested", () => {
    const fields = readFields("<xml><A><Status>1</Status>text</A><B>2</B><C><D><E>3</E></D></C></xml>");
    expect(fields).toEqual(new Map([["b", "2"]]));
  });

  it.each([
    "",
    "<xml>",
    "</xml>",
    "<xml/></xml>",
    "<html><A>1</A></html>",
    "<xml><A>1</B></xml>",
    "<xml>text</xml>",
    "<xml><A>1</A></xml>rest",
    "<xml><A><![CDATA[1</A></xml>",
    "<xml><!-- comment --><A>1</A></xml>",
    "<xml><A>&#65;</A></xml>",
    "<xml></A/></xml>",
    "<xml><1>1</1></xml>",
    "<xml><a><b><c><d><e><f><g><h></h></g></f></e></d></c></b></a></xml>",
    "null",
    "1",
    "[]",
    '{"a":1',
  ])("are none in %j", (text) => {
    expect(readFields(text)).toBeUndefined();
  });
});

describe("The time that 64 kB of XML take", () => {
  const shapes: Record<string, (bytes: number) => string> = {
    "spaces, then empty CDATA": (bytes) => `<xml>${" ".repeat(bytes / 2)}${"<![CDATA[]]>".repeat(bytes / 24)}</xml>`,
    "spaces between empty CDATA": (bytes) => `<xml>${`${" ".repeat(244)}<![CDATA[]]>`.repeat(bytes / 256)}</xml>`,
    "spaces and CDATA within a field": (bytes) =>
      `<xml><A>${" ".repeat(bytes / 2)}${"<![CDATA[ ]]>".repeat(bytes / 26)}</A></xml>`,
    "unclosed CDATA": (bytes) => `<xml><A>${"<![CDATA[".repeat(bytes / 9)}`,
    "many fields": (bytes) => `<xml>${"<A>1</A>".repeat(bytes / 8)}</xml>`,
    "nested fields after spaces": (bytes) => `<xml>${" ".repeat(bytes / 2)}${"<A><B/></A>".repeat(bytes / 22)}</xml>`,
    "spaces in tags": (bytes) => `<xml>${`<A${" ".repeat(8)}>1</A>`.repeat(bytes / 16)}</xml>`,
    "spaces alone": (bytes) => `<xml><A>${" ".repeat(bytes)}`,
    "one name": (bytes) => `<xml><${"A".repeat(bytes)}`,
    "a declaration without end": (bytes) => `<?xml ${" ".repeat(bytes)}`,
    entities: (bytes) => `<xml><A>${"&lt;".repeat(bytes / 4)}</A></xml>`,
    "nested JSON": (bytes) => `{"a":${"[".repeat(bytes)}`,
    "JSON with many fields": (bytes) => `{${Array.from({ length: bytes / 8 }, () => '"aa":1').join()}}`,
    "half tags": (bytes) => `<xml><A>${"<".repeat(bytes)}`,
  };
  const shortestMs = (text: string): number => {
    let shortest = Infinity;
    for (let run = 0; run < 15; run += 1) {
      const startedAt = performance.now();
      readFields(text);
      shortest = Math.min(shortest, performance.now() - startedAt);
    }
    return shortest;
  };

  it.each(Object.keys(shapes))("grows with their length, not with its square: %s", (name) => {
    const [small, large] = [4096, 65_536].map((bytes) => shapes[name]!(bytes));
    shortestMs(small!);
    // 16 times the text: a reader that is linear needs 16 times as long, a quadratic one 256 times. What takes no time
    // at all is not worth the clock's error.
    const [smallMs, largeMs] = [shortestMs(small!), shortestMs(large!)];
    if (largeMs > 0.25) expect(largeMs / smallMs).toBeLessThan(64);
  });

  it("is bounded by their pieces, of which no message of WeCom's has so many", () => {
    expect(readFields(`<xml>${"<A>1</A>".repeat(300)}</xml>`)).toEqual(new Map([["a", "1"]]));
    expect(readFields(`<xml>${"<A>1</A>".repeat(500)}</xml>`)).toBeUndefined();
    expect(readFields(`{"a":1,"b":[${"1,".repeat(900)}1]}`)).toEqual(new Map([["a", "1"]]));
    expect(readFields(`{"a":1,"b":[${"1,".repeat(1100)}1]}`)).toBeUndefined();
  });
});
