/** Ways that end in a deletion, or that cannot be refused: each is followed to its end on a stack of its own. */
import { test } from "node:test";
import { followedRows } from "./table";

for (const row of followedRows) test(`${row.id}: ${row.when}`, () => row.follow());
