/** One of several processes that share an API key: waits for its turns and prints when they came (milliseconds). */
import { systemClock } from "../../../custody/clock";
import type { Lane } from "../../../providers/lambda/api/pace";
import { createPace } from "../../../providers/lambda/api/pace";

const [directory = "", lane = "request", turns = "1", timeScale = "1"] = process.argv.slice(2);
const pace = createPace({ directory, apiKey: "secret_test_0123456789abcdef", timeScale: Number(timeScale), clock: systemClock });

async function main(): Promise<void> {
  for (let turn = 0; turn < Number(turns); turn++) {
    await pace.wait(lane as Lane);
    console.log(Date.now());
  }
}

void main();
