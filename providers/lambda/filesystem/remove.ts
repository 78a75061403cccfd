/** Deletes a file system and returns when it is confirmed gone. */
import { UserError } from "../../../custody/userError";
import type { Connection } from "../connection";
import { isLambdaError } from "../api/errors";
import { isUnlisted } from "../gone";

const deadlineSeconds = 30 * 60;
const pollSeconds = 10;

/**
 * Waits while an instance that mounts it is still terminating: until then the vendor answers `filesystem-in-use`.
 * Returns how it is known to be gone. Throws UserError at the deadline, saying who uses it.
 */
export async function removeFilesystem({ client, time }: Connection, { id, name }: { readonly id: string; readonly name: string }): Promise<string> {
  const deadline = time.deadline(deadlineSeconds, 30);
  let refusal = "";
  for (;;) {
    if (deadline.passed()) {
      const users = (await client.listInstances()).filter((instance) => instance.file_system_mounts?.some((mount) => mount.file_system_id === id) === true || instance.file_system_names.includes(name));
      const who = users.map((instance) => `${instance.name === "" ? instance.id : instance.name} (${instance.status})`).join(", ");
      throw new UserError(`File system ${name} (${id}) could not be deleted within ${deadlineSeconds / 60} minutes${who === "" ? "" : `; it is mounted by ${who}`}. It still bills.${refusal === "" ? "" : ` Last answer: ${refusal}`}`, {
        next: ["pulumi destroy (tries again under the same grant)"],
        code: "lambda-still-there",
      });
    }
    try {
      await client.deleteFilesystem(id);
    } catch (error) {
      if (!isLambdaError(error, "not-found", "conflict", "ambiguous", "transport", "rate-limit")) throw error;
      refusal = error.message;
    }
    if (await isUnlisted(time, () => client.listFilesystems(), (filesystem) => filesystem.id === id)) return "not in the list, twice";
    await time.sleep(pollSeconds);
  }
}
