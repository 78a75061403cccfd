/** Terminates an instance and returns when it is confirmed gone. Who may do so was decided before. */
import { UserError } from "../../../custody/userError";
import type { Connection } from "../connection";
import { isLambdaError } from "../api/errors";
import { lookAtInstance } from "../gone";
import type { Instance } from "../api/types";

const deadlineSeconds = 20 * 60;
const pollSeconds = 5;
/** Terminate is unavailable for the first seconds after a launch; after this long it is asked for whatever is shown. */
const unavailableSeconds = 120;
/** Terminating is harmless to ask for twice, so a request that shows no effect is made again. */
const askAgainAfterSeconds = 60;

/** Returns how it is known to be gone. Terminating what is already going or gone is success. Throws UserError at the deadline. */
export async function terminateAndConfirm(connection: Connection, { id, name }: { readonly id: string; readonly name: string }): Promise<string> {
  const { client, time } = connection;
  const deadline = time.deadline(deadlineSeconds, 60);
  const patience = time.deadline(unavailableSeconds);
  let asked = { passed: () => true };
  let lastAnswer = "";
  for (;;) {
    const look = await lookAtInstance(connection, id);
    if (look.gone !== null) return look.gone;
    if (deadline.passed()) throw notGone(id, name, look.instance, lastAnswer);
    const { status, actions } = look.instance;
    const held = actions?.terminate?.available === false && !patience.passed();
    if (status !== "terminating" && !held && asked.passed()) {
      try {
        await client.terminate([id]);
        asked = time.deadline(askAgainAfterSeconds);
      } catch (error) {
        // A vendor that is busy or unclear is asked again; the look above says what became of it.
        if (!isLambdaError(error, "not-found", "conflict", "ambiguous", "transport", "rate-limit")) throw error;
        lastAnswer = error.message;
      }
    }
    await time.sleep(pollSeconds);
  }
}

const notGone = (id: string, name: string, instance: Instance, lastAnswer: string): UserError =>
  new UserError(`Instance ${name} (${id}) is still ${instance.status} ${deadlineSeconds / 60} minutes after it was told to terminate. It may still bill.${lastAnswer === "" ? "" : ` Last answer: ${lastAnswer}`}`, {
    next: ["pulumi destroy (goes on waiting under the same grant)", "when it stays so: ask Lambda support to end it"],
    code: "lambda-still-there",
  });
