/** A thousand launches in scaled time, as a long wait for capacity makes them: none may be refused for its pace, and little time may be lost between two slots. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../../custody/clock";
import { createLambdaClient } from "../../providers/lambda/api/client";
import { isLambdaError } from "../../providers/lambda/api/errors";
import { createPace, intervalSeconds } from "../../providers/lambda/api/pace";
import { askAdmin, resetSandbox, startDaemon, type RequestRecord } from "../../sandbox";
import { median } from "./measure";
import type { Row, Scale } from "./table";

/** What the vendor allows, in its seconds. */
const vendorInterval = 12;
/** Real time per vendor second shrinks, the jitter of a busy machine does not: much faster, and jitter is all that is measured. */
const timeScale = 200;

export async function benchLaunches({ quick }: Scale): Promise<Row[]> {
  const count = quick ? 50 : 1000;
  const directory = mkdtempSync(join(tmpdir(), "holdfast-bench-"));
  const sandbox = join(directory, "sandbox");
  const daemon = await startDaemon({ dir: sandbox, knobs: { timeScale, capacity: { gpu_1x_h100_pcie: [] } } });
  try {
    const { url, apiKeyFile } = daemon.descriptor;
    const apiKey = readFileSync(apiKeyFile, "utf8").trim();
    const pace = createPace({ directory: join(directory, "pace"), apiKey, timeScale, clock: systemClock });
    const client = createLambdaClient({ baseUrl: url, apiKey, timeScale }, { clock: systemClock, pace });
    await client.addSshKey({ name: "key", public_key: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA bench" });
    for (let launch = 0; launch < count; launch += 1) {
      await client.launch({ region_name: "us-east-1", instance_type_name: "gpu_1x_h100_pcie", ssh_key_names: ["key"], file_system_names: [] }).catch((error: unknown) => {
        if (!isLambdaError(error, "capacity", "rate-limit")) throw error;
      });
    }
    const records = (await (await askAdmin(daemon.descriptor, "GET", "/requests")).json()) as RequestRecord[];
    const launches = records.filter(({ path }) => path.endsWith("/instance-operations/launch"));
    const times = launches.map(({ time }) => Date.parse(time));
    const gaps = times.slice(1).map((time, index) => time - (times[index] ?? time));
    const reserved = (intervalSeconds.launch * 1000) / timeScale;
    return [
      { name: "launches sent", value: launches.length, unit: "", goal: null },
      { name: "answered 429", value: launches.filter(({ status }) => status === 429).length, unit: "", goal: "<= 0" },
      { name: `between two launches, where ${vendorInterval} s are allowed and ${intervalSeconds.launch} s are kept (median, real ms x ${timeScale})`, value: (median(gaps) * timeScale) / 1000, unit: "s", goal: null },
      { name: "lost between two slots, real time that does not scale (median)", value: median(gaps) - reserved, unit: "ms", goal: "< 50" },
    ];
  } finally {
    await daemon.stop();
    await resetSandbox(sandbox);
    rmSync(directory, { recursive: true, force: true });
  }
}
