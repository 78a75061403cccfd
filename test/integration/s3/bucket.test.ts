/** A custody store in a bucket, against a real S3 server. */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { stringify } from "yaml";
import { BucketPlace, openCustody, RemoteUnreachable, SharedCustody, systemClock, trustEntry, UserError, type BucketSettings } from "../../../custody";
import { placeTests } from "../../custody/shared/placeContract";
import { declared, run, temporaryProject } from "../../custody/support";
import { noS3Server, PrivateS3 } from "./server";

const missing = noS3Server();
if (missing !== null) {
  test("a bucket as shared place", { skip: missing }, () => undefined);
} else {
  let server: PrivateS3;
  let buckets = 0;
  before(async () => {
    server = await PrivateS3.start("team");
    Object.assign(process.env, server.credentials);
  });
  after(async () => {
    await server.close();
  });

  const settings = (change: Partial<BucketSettings> = {}): BucketSettings => ({ bucket: "team", prefix: "", endpoint: server.endpoint, region: null, profile: null, ...change });
  const freshBucket = (): string => {
    buckets += 1;
    mkdirSync(join(server.directory, `bucket-${buckets}`));
    return `bucket-${buckets}`;
  };

  placeTests("a bucket", () => {
    const bucket = freshBucket();
    return Promise.resolve({ place: new BucketPlace(settings({ bucket })), again: new BucketPlace(settings({ bucket })) });
  });
  placeTests("a part of a bucket", () => {
    const bucket = freshBucket();
    return Promise.resolve({ place: new BucketPlace(settings({ bucket, prefix: "custody/of the team" })), again: new BucketPlace(settings({ bucket, prefix: "custody/of the team" })) });
  });

  test("two laptops share their ledgers through a bucket, and neither overwrites the other", async (context) => {
    const bucket = freshBucket();
    const laptops = await Promise.all([1, 2].map(async () => {
      const project = temporaryProject(context);
      const shared = new SharedCustody(new BucketPlace(settings({ bucket })), { projectRoot: project, clock: systemClock });
      const custody = await shared.open();
      return { shared, run: custody.run(run), project, custody };
    }));
    const [a, b] = laptops;
    assert.ok(a !== undefined && b !== undefined);
    const keys = laptops.map(({ custody }, index) => trustEntry({ name: `person-${index}`, publicKey: custody.signer().publicKey }, ["pull"]));
    for (const { project } of laptops) writeFileSync(join(project, "holdfast.trust.yaml"), stringify({ v: 1, keys }));
    a.run.append("run.declared", declared(openCustody(a.project).id));
    await a.shared.share(a.run);
    await b.shared.fetch(b.run);
    await Promise.all(laptops.map(async ({ shared, run: each }, index) => {
      for (let line = 0; line < 4; line += 1) {
        each.append("note", { text: `${line} by ${index}` });
        await shared.share(each);
      }
    }));
    for (const { shared, run: each } of laptops) {
      await shared.fetch(each);
      assert.equal(each.entries().filter((entry) => entry.kind === "note").length, 8);
    }
    assert.equal(a.run.entries().at(-1)?.hash, b.run.entries().at(-1)?.hash);
  });

  test("more documents than one page of a listing holds are all listed", async () => {
    const bucket = freshBucket();
    const folder = join(server.directory, bucket, "runs", "p");
    const place = new BucketPlace(settings({ bucket }));
    await place.write("runs/p/first.json", "x");
    assert.ok(existsSync(join(folder, "first.json")));
    await Promise.all(Array.from({ length: 40 }, async (_, worker) => {
      for (let index = 0; index < 26; index += 1) await place.write(`runs/p/${worker}-${index}.json`, "x");
    }));
    assert.equal((await place.list("runs/p")).length, 40 * 26 + 1);
  });

  test("wrong credentials, a bucket that is not there and no credentials at all are told apart, each with what to type", async () => {
    await assert.rejects(new BucketPlace(settings({ bucket: "not-there" })).read("custody.json"), (error) => error instanceof UserError && /no such bucket/.test(error.message));
    process.env["AWS_SECRET_ACCESS_KEY"] = "wrong";
    try {
      await assert.rejects(new BucketPlace(settings()).list(""), (error) => error instanceof UserError && /refused: SignatureDoesNotMatch \(403\)/.test(error.message));
      for (const name of Object.keys(server.credentials)) Reflect.deleteProperty(process.env, name);
      Object.assign(process.env, { AWS_EC2_METADATA_DISABLED: "true", AWS_CONFIG_FILE: "/dev/null", AWS_SHARED_CREDENTIALS_FILE: "/dev/null" });
      await assert.rejects(new BucketPlace(settings()).list(""), (error) => error instanceof UserError && error.next.some((step) => step.includes("AWS_ACCESS_KEY_ID")));
    } finally {
      Object.assign(process.env, server.credentials);
    }
  });

  test("a server that is down is unreachable, not empty", async () => {
    const own = await PrivateS3.start("team");
    const place = new BucketPlace(settings({ endpoint: own.endpoint }));
    await own.close();
    await assert.rejects(place.read("custody.json"), RemoteUnreachable);
  });

  test("a server that ignores conditional writes is found out before a line depends on them", async () => {
    // The real server, behind a proxy that says "done" where it refused, as a server does that never looked at the condition.
    const proxy = createServer((asked, answer) => {
      asked.pipe(request({ host: "127.0.0.1", port: server.port, path: asked.url, method: asked.method, headers: asked.headers }, (got) => {
        if (got.statusCode === 412) {
          got.resume();
          answer.writeHead(200, { etag: '"0123456789abcdef0123456789abcdef"' }).end();
          return;
        }
        answer.writeHead(got.statusCode ?? 500, got.headers);
        got.pipe(answer);
      }));
    });
    await new Promise<void>((resolve) => { proxy.listen(0, "127.0.0.1", resolve); });
    try {
      const place = new BucketPlace(settings({ endpoint: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}` }));
      await assert.rejects(place.replace("custody.json", "x", null), (error) => error instanceof UserError && /ignores conditional writes/.test(error.message));
      assert.deepEqual((await new BucketPlace(settings()).list("")).filter(({ name }) => name.startsWith(".probe")), [], "and nothing of the question is left");
    } finally {
      await new Promise((resolve) => { proxy.close(resolve); });
    }
  });

  test("that the server obeys is remembered, so that not every command asks", async () => {
    const folder = mkdtempSync(join(tmpdir(), "holdfast-s3-"));
    let asked = 0;
    const obeys = { known: () => asked > 0, remember: () => { asked += 1; } };
    const bucket = freshBucket();
    await new BucketPlace(settings({ bucket }), { obeys }).replace("a", "x", null);
    await new BucketPlace(settings({ bucket }), { obeys }).replace("b", "x", null);
    assert.equal(asked, 1);
    rmSync(folder, { recursive: true });
  });
}
