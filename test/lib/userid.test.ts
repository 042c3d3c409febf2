import { expect, it } from "@jest/globals";
import { isSameUserid, useridKey } from "../../src/lib/userid.js";

it.each([
  ["ZhangSan", "zhangsan", true],
  ["ZHANGSAN", "zhangsan", true],
  ["zhangsan", "zhangsan2", false],
  ["zhang san", "zhangsan", false],
])("%s and %s are one member: %s", (one, other, isSame) => {
  expect(isSameUserid(one, other)).toBe(isSame);
  expect(useridKey(one) === useridKey(other)).toBe(isSame);
});
