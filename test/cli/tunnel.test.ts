/** A port of the machine on this computer, through a real sshd. */
import assert from "node:assert/strict";
import { connect, createServer, type AddressInfo, type Server } from "node:net";
import { test } from "node:test";
import { until } from "../engine/until";
import { withMachine } from "./machine";

async function listen(port = 0, greeting = "hello"): Promise<{ server: Server; port: number }> {
  const server = createServer((socket) => { socket.on("error", () => undefined); socket.end(greeting); });
  await new Promise<void>((done, fail) => { server.once("error", fail); server.listen(port, "127.0.0.1", done); });
  return { server, port: (server.address() as AddressInfo).port };
}

async function freePort(): Promise<number> {
  const { server, port } = await listen();
  await new Promise((done) => server.close(done));
  return port;
}

async function greetingAt(port: number): Promise<string> {
  return new Promise((done) => {
    let text = "";
    const socket = connect({ host: "127.0.0.1", port });
    socket.setEncoding("utf8").on("data", (part: string) => { text += part; });
    socket.on("error", () => { done("refused"); });
    socket.on("close", () => { done(text); });
  });
}

test("a tunnel comes back after its connection was cut, and leaves no open port behind", async () => {
  await withMachine(async (project, machine) => {
    const service = await listen();
    const local = await freePort();
    try {
      const tunnel = project.start({}, "tunnel", `${local}:${service.port}`);
      await until("the tunnel to be open", () => tunnel.stdout().includes(`http://127.0.0.1:${local}/ is port ${service.port} on the machine of lab/dev/digits`), 30);
      assert.equal(await greetingAt(local), "hello");
      machine.sshd.cut();
      await until("it to be open again", () => tunnel.stderr().includes("Connected again."), 60);
      assert.equal(await greetingAt(local), "hello");
      tunnel.signal("SIGINT");
      const { code, stderr } = await tunnel.ended;
      assert.equal(code, 0, stderr);
      assert.match(stderr, /^The connection was lost \(.+\); trying again\.\nConnected again\.\n$/);
      assert.equal(await greetingAt(local), "refused");

      const killed = project.start({}, "tunnel", `${local}:${service.port}`, "--json");
      await until("the tunnel to be open", () => killed.stdout().includes("}"), 30);
      assert.deepEqual(JSON.parse(killed.stdout()), { run: "lab/dev/digits", url: `http://127.0.0.1:${local}/`, local: { host: "127.0.0.1", port: local }, remote: { host: "127.0.0.1", port: service.port } });
      killed.signal("SIGTERM");
      assert.equal((await killed.ended).code, 143);
      await until("the port to be closed", async () => (await greetingAt(local)) === "refused", 20);
    } finally {
      service.server.close();
    }
  });
});

test("a port on which nothing listens over there is told before anybody opens the page", async () => {
  await withMachine(async (project) => {
    const [local, remote] = [await freePort(), await freePort()];
    const tunnel = project.start({}, "tunnel", `${local}:${remote}`);
    await until("the warning", () => tunnel.stderr().includes(`Nothing listens on port ${remote} of the machine`), 30);
    tunnel.signal("SIGINT");
    assert.equal((await tunnel.ended).code, 0);
  });
});

test("a tunnel that cannot be opened is refused with what to type instead", async () => {
  await withMachine(async (project, machine) => {
    const taken = await listen();
    try {
      const refused = await project.holdfast("tunnel", `${taken.port}:80`);
      assert.equal(refused.code, 2);
      assert.match(refused.stderr, new RegExp(`Port ${taken.port} of this computer is taken[^\\n]*\\n {2}next: holdfast tunnel ${taken.port === 65_535 ? 8080 : taken.port + 1}:80\\n`));
    } finally {
      taken.server.close();
    }
    for (const port of ["0", "70000", "a", "1:2:3"]) assert.equal((await project.holdfast("tunnel", port)).code, 2, port);
    project.endRun(machine.run);
    assert.equal((await project.holdfast("tunnel", "6006")).code, 4);
  });
});

test("ssh --json tells other programs how to connect, and no secret", async () => {
  await withMachine(async (project, machine) => {
    for (const argv of [["ssh", "--json"], ["ssh", "digits", "--json"]]) {
      const { code, stdout, stderr } = await project.holdfast(...argv);
      assert.equal(code, 0, stderr);
      const said = JSON.parse(stdout) as Record<string, unknown>;
      assert.deepEqual([said["host"], said["port"], said["hostKeyAlias"]], ["127.0.0.1", machine.sshd.port, "i-1"]);
      assert.doesNotMatch(stdout, /PRIVATE KEY/);
    }
  });
});
