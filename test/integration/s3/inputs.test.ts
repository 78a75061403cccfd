/** Inputs from a bucket, fetched by the program that runs on the instance, from a real S3 server. */
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer, request as forward, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { after, before, test, type TestContext } from "node:test";
import { PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { until } from "../../engine/until";
import { noS3Server, PrivateS3 } from "./server";

const missing = noS3Server();
const python = ["/usr/bin/python3", "python3"].find((candidate) => existsSync(candidate)) ?? "python3";
const program = resolve("remote", "lib", "fetch.py");

if (missing !== null) {
  test("inputs from a bucket", { skip: missing }, () => undefined);
} else {
  let server: PrivateS3;
  before(async () => { server = await PrivateS3.start("data"); });
  after(async () => { await server.close(); });

  const put = async (key: string, content: Buffer | string): Promise<void> => {
    const credentials = { accessKeyId: server.credentials.AWS_ACCESS_KEY_ID, secretAccessKey: server.credentials.AWS_SECRET_ACCESS_KEY };
    const client = new S3Client({ endpoint: server.endpoint, region: "us-east-1", forcePathStyle: true, credentials });
    await client.send(new PutObjectCommand({ Bucket: "data", Key: key, Body: content }));
    client.destroy();
  };
  /** Straight into the folder that the server serves: without versions, as of a store that keeps none. */
  const lay = (key: string, content: string): void => {
    mkdirSync(dirname(join(server.directory, "data", key)), { recursive: true });
    writeFileSync(join(server.directory, "data", key), content);
  };

  const scratch = (t: TestContext): string => {
    const folder = mkdtempSync(join(tmpdir(), "holdfast-bucket-"));
    t.after(() => { rmSync(folder, { recursive: true, force: true }); });
    return folder;
  };

  const environment = (change: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv => ({ PATH: process.env["PATH"], AWS_ENDPOINT_URL: server.endpoint, ...server.credentials, HOLDFAST_FETCH_PAUSE: "0", ...change });

  const fetchInput = async (source: string, to: string, change: NodeJS.ProcessEnv = {}): Promise<{ code: number | null; said: string }> => {
    const child = spawn(python, ["-IB", program, "bucket", source, to], { env: environment(change), stdio: ["ignore", "ignore", "pipe"] });
    let said = "";
    child.stderr.on("data", (text: Buffer) => { said += text.toString(); });
    const code = await new Promise<number | null>((done) => child.once("close", done));
    return { code, said };
  };

  const filesOf = (folder: string): string[] => readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) => statSync(join(folder, name)).isFile()).sort();

  test("a prefix arrives whole, with every odd name, and nothing of its neighbour", async (t) => {
    const names = ["a.txt", "b/ü x+y%20z.txt", "b/c=1&d.txt", "b/deep/er/~tilde (1).bin"];
    for (const name of names) await put(`set/${name}`, name);
    await put("set-2/other.txt", "not asked for");
    const to = join(scratch(t), "set");
    assert.deepEqual(await fetchInput("s3://data/set", to), { code: 0, said: "" });
    assert.deepEqual(filesOf(to), [...names].sort());
    for (const name of names) assert.equal(readFileSync(join(to, name), "utf8"), name);
    assert.deepEqual(readdirSync(dirname(to)), ["set"], "nothing is left beside it");
  });

  test("one object is one file; a prefix with nothing below it is said so", async (t) => {
    await put("one/model.bin", "1");
    const folder = scratch(t);
    assert.equal((await fetchInput("s3://data/one/model.bin", join(folder, "model.bin"))).code, 0);
    assert.equal(readFileSync(join(folder, "model.bin"), "utf8"), "1");
    const none = await fetchInput("s3://data/nothing-here", join(folder, "x"));
    assert.deepEqual([none.code, none.said], [1, "the bucket data has nothing below nothing-here/\n"]);
  });

  test("more objects than one page of the list are all brought", async (t) => {
    for (let index = 0; index < 1100; index += 1) lay(`many/${index}.txt`, String(index));
    const to = join(scratch(t), "many");
    assert.equal((await fetchInput("s3://data/many/", to)).code, 0);
    assert.equal(filesOf(to).length, 1100);
  });

  test("wrong keys are refused at once, and neither they nor the right ones are repeated", async (t) => {
    await put("private/x", "1");
    const wrong = await fetchInput("s3://data/private/x", join(scratch(t), "x"), { AWS_SECRET_ACCESS_KEY: "hunter2-0123456789" });
    assert.equal(wrong.code, 1);
    assert.match(wrong.said, /^127\.0\.0\.1 answers 403 .*AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY in secrets/);
    assert.ok(!wrong.said.includes("hunter2") && !wrong.said.includes(server.credentials.AWS_SECRET_ACCESS_KEY));
  });

  test("a fetch killed in the middle goes on from what has arrived; what changed in the bucket meanwhile is brought again", async (t) => {
    const [big, changed] = [randomBytes(6 * 1024 * 1024), randomBytes(1000)];
    await put("resumed/big.bin", big);
    await put("resumed/small.txt", "before");
    const cut = await Throttle.before(server.port, "big.bin", 4 * 1024 * 1024);
    t.after(() => cut.stop());
    const to = join(scratch(t), "resumed");
    const child = spawn(python, ["-IB", program, "bucket", "s3://data/resumed", to], { env: environment({ AWS_ENDPOINT_URL: cut.url }), stdio: "ignore" });
    const ended = new Promise((done) => child.once("exit", done));
    const part = (): string | undefined => (existsSync(`${to}.parts`) ? readdirSync(`${to}.parts`).find((name) => name.endsWith(".partial") && statSync(join(`${to}.parts`, name)).size >= 3 * 1024 * 1024) : undefined);
    await until("most of the large one, and the small one", () => part() !== undefined && existsSync(join(to, "small.txt")));
    child.kill("SIGKILL");
    await ended;
    await put("resumed/small.txt", changed);
    cut.open();
    assert.equal((await fetchInput("s3://data/resumed", to, { AWS_ENDPOINT_URL: cut.url })).code, 0);
    assert.ok(readFileSync(join(to, "big.bin")).equals(big));
    assert.ok(readFileSync(join(to, "small.txt")).equals(changed));
    assert.ok(cut.sentSinceOpen < 4 * 1024 * 1024, `${cut.sentSinceOpen} bytes were sent again`);
  });

  test("signatures are those of the standard", () => {
    // The example of docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html, "GET Bucket (List Objects)".
    const script = `
import sys, os, datetime; sys.path.insert(0, sys.argv[1]); import bucket
b = bucket.Bucket("")
b.name, b.path = "", lambda key: "/"
print(b.headers("", [("max-keys", "2"), ("prefix", "J")], datetime.datetime(2013, 5, 24))["Authorization"])`;
    const said = execFileSync(python, ["-B", "-c", script, dirname(program)], {
      encoding: "utf8",
      env: { AWS_ACCESS_KEY_ID: "AKIAIOSFODNN7EXAMPLE", AWS_SECRET_ACCESS_KEY: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", AWS_ENDPOINT_URL: "https://examplebucket.s3.amazonaws.com" },
    });
    assert.match(said, /Signature=34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7\n$/);
  });
}

/** Stands before the server and lets only so many bytes of one object through, until it is opened; all else passes. */
class Throttle {
  private left: number;
  private opened = false;
  sentSinceOpen = 0;

  private constructor(private readonly server: Server, readonly url: string, bytes: number) {
    this.left = bytes;
  }

  static async before(port: number, object: string, bytes: number): Promise<Throttle> {
    const server = createServer();
    await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
    const throttle = new Throttle(server, `http://127.0.0.1:${(server.address() as AddressInfo).port}`, bytes);
    server.on("request", (request, response) => {
      const onward = forward({ port, host: "127.0.0.1", method: request.method, path: request.url, headers: request.headers }, (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        if (!new URL(request.url ?? "", "http://127.0.0.1").pathname.endsWith(`/${object}`)) {
          answer.on("data", (piece: Buffer) => { throttle.count(piece); });
          answer.pipe(response);
          return;
        }
        answer.on("data", (piece: Buffer) => throttle.pass(piece, (text) => { response.write(text); }));
        answer.on("end", () => { if (throttle.opened || throttle.left > 0) response.end(); });
      });
      onward.on("error", () => { response.destroy(); });
      request.pipe(onward);
    });
    return throttle;
  }

  open(): void {
    this.opened = true;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise<void>((done) => this.server.close(() => { done(); }));
  }

  private count(piece: Buffer): void {
    if (this.opened) this.sentSinceOpen += piece.length;
  }

  private pass(piece: Buffer, write: (text: Buffer) => void): void {
    this.count(piece);
    if (this.opened) {
      write(piece);
      return;
    }
    const through = piece.subarray(0, Math.max(0, this.left));
    this.left -= piece.length;
    if (through.length > 0) write(through);
  }
}
