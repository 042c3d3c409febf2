import { describe, expect, it } from "@jest/globals";
import { readFields } from "../src/wecom/callback/fields.js";

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
