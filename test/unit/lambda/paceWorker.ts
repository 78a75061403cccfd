/**
 * One of several processes that share an API key: waits for its turns and prints when they came (milliseconds). Lane
 * "reserve" reserves without waiting, as fast as it can, all at the same moment, and prints what it got.
 */
import { systemClock } from "../../../custody/clock";
import type { Lane } from "../../../providers/lambda/api/pace";
import { createPace, reserveSlot } from "../../../providers/lambda/api/pace";

const [directory = "", lane = "request", turns = "1", timeScale = "1"] = process.argv.slice(2);
const pace = createPace({ directory, apiKey: "secret_test_0123456789abcdef", timeScale: Number(timeScale), clock: systemClock });

async function main(): Promise<void> {
  for (let turn = 0; turn < Number(turns); turn++) {
    if (lane === "reserve") {
      console.log(reserveSlot(directory, 1, 5_000_000));
      continue;
    }
    await pace.wait(lane as Lane);
    console.log(Date.now());
  }
}

void main();
