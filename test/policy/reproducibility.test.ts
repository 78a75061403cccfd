import assert from "node:assert/strict";
import { test } from "node:test";
import { pinnedImage as rule } from "../../policy/rules";
import { happyInstance, judge, nothing, UNKNOWN } from "./judging";

test("a family or an id pins the image", async () => {
  assert.deepEqual(await judge(rule, happyInstance()), nothing);
  assert.deepEqual(await judge(rule, happyInstance({ image: { id: "00000000-0000-0000-0000-000000000000" } })), nothing);
});

test("no image, or an empty one, starts on whatever the region has", async () => {
  for (const image of [undefined, null, {}, { family: "" }]) assert.match((await judge(rule, happyInstance({ image }))).violations.join(), /^image: no image is named\..*\(U30\)/s);
});

test("a family moves: with requireId only an id will do", async () => {
  assert.match((await judge(rule, { ...happyInstance(), config: { requireId: true } })).violations.join(), /family "lambda-stack-24-04" is no single image/);
});

test("an image that is not known yet is named", async () => {
  assert.match((await judge(rule, happyInstance({ image: UNKNOWN }))).unknown ?? "", /\.image/);
});
