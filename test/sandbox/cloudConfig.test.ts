// user_data: its login keys are applied as cloud-init would, and nothing else of it.
import assert from "node:assert/strict";
import { test } from "node:test";
import { authorizedKeysOf } from "../../sandbox/lambda/cloudConfig.js";
import { makeKey, openSandbox, registerKey, ssh } from "./fixture.js";

test("keys of a #cloud-config are found however YAML writes them, and in nothing that cloud-init would not read so", () => {
  const keys = ["ssh-ed25519 AAAA one@example.com", "ssh-ed25519 BBBB"];
  assert.deepEqual(authorizedKeysOf(`#cloud-config\nssh_authorized_keys:\n  - ${keys[0]}\n  - "${keys[1]}"\n`), keys);
  assert.deepEqual(authorizedKeysOf(`#cloud-config\nssh_authorized_keys: ${JSON.stringify(keys)}\nruncmd: [reboot]\n`), keys);
  for (const other of [
    undefined,
    "",
    "#!/bin/sh\nssh_authorized_keys: [a]\n",
    "ssh_authorized_keys: [a]\n",
    "#cloud-config-archive\nssh_authorized_keys: [a]\n",
    "#cloud-config\n",
    "#cloud-config\nssh_authorized_keys: a\n",
    "#cloud-config\nssh_authorized_keys: [1, {a: b}, null]\n",
    "#cloud-config\nssh_authorized_keys: [\n",
    '#cloud-config\nssh_authorized_keys: ["a\\nb"]\n',
    "#cloud-config\na: &a [x]\nssh_authorized_keys: *a\n",
  ]) {
    assert.deepEqual(authorizedKeysOf(other), [], other);
  }
});

test("a second key logs in, the first still does, and what else is in user_data is not executed", async (t) => {
  const sandbox = await openSandbox(t);
  const first = await registerKey(t, sandbox);
  const second = await makeKey(t);
  const instance = await sandbox.launchAndWait({ user_data: `#cloud-config\nssh_authorized_keys:\n  - ${JSON.stringify(second.publicKey)}\nruncmd:\n  - touch /home/ubuntu/executed\n` });
  for (const key of [first, second]) assert.equal(await ssh(sandbox, key, instance.ip, "ls -A ~"), ".ssh");
});
