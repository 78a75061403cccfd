// Generated zip archives: whatever their form, headers that lie are named for the lie, and no field can be changed unseen.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { temporaryFolder } from "../verify/forge.js";
import { tries } from "../../effort.js";
import { writeElement } from "./forge/numbers.js";
import { npzArchives } from "./forge/numpy.js";
import { lyingArchives, tellingFields, writeZip } from "./forge/zip.js";
import { assertRefused, judge } from "./specimen.js";

test("zip: no lie of an archive loads, and each is named", async (context) => {
  const folder = temporaryFolder(context);
  await fc.assert(fc.asyncProperty(lyingArchives("arrays.npz", npzArchives), async (lie) => assertRefused(await judge(folder, lie.name, lie.bytes), lie)), tries(720));
});

test("zip: whichever field of a header is set to another value, the archive is refused", async (context) => {
  const folder = temporaryFolder(context);
  const values = fc.oneof(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), fc.bigInt({ min: 0n, max: 300n }), fc.constantFrom(0n, 1n, 0xffffn, 0xffffffffn, 2n ** 64n - 1n));
  const changed = fc.tuple(npzArchives.map(writeZip), fc.nat(), values).map(([bytes, pick, value]) => {
    const fields = tellingFields(bytes);
    const field = fields[pick % fields.length] ?? assert.fail("an archive without fields");
    const written = BigInt.asUintN(8 * field.width, value);
    const lying = Buffer.from(bytes);
    writeElement(lying, field.at, field.width, written);
    return { what: `${field.name} set to ${written}`, same: field.same.includes(written), lying };
  });
  await fc.assert(
    fc.asyncProperty(changed, async ({ what, same, lying }) => {
      fc.pre(!same);
      assert.equal((await judge(folder, "arrays.npz", lying)).ok, false, what);
    }),
    tries(720),
  );
});
