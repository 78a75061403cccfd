import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { copiesIn } from "../../policy/shell/copies";
import { placesOf } from "../../policy/shell/places";
import { under } from "../../policy/shell/paths";
import { followScript } from "../../policy/shell/run";
import { tries } from "../effort";

const lines = (text: string, folder = ""): string[] => followScript(text, { folder }).map(({ words }) => words.map((readings) => readings.join("|")).join(" "));

test("a variable is followed through defaults, appends, cuts, arrays, functions and substitutions", () => {
  const cases: Record<string, string> = {
    'A=/x; p "$A/y"': "p /x/y",
    'A=/x; A+=/y; p $A': "p /x/y",
    'p "${A:-/tmp}/r"': "p ${A}/r|/tmp/r",
    'A=/x; p "${A:-/tmp}/r"': "p /x/r",
    'A=; p "${A:-/tmp}/r"': "p /tmp/r",
    ': "${A:=/tmp}"; p $A': ": ${A}|/tmp\np ${A}|/tmp",
    'A=/x/y.pt; p ${A%/*} ${A##*/} ${A%.pt} ${A/x/z}': "p /x y.pt /x/y /z/y.pt",
    'A=(a "b c"); A+=(d); p "${A[@]}" ${A[1]}': "p a b c d b c",
    'A="-a 1 -b"; p $A "$A"': "p -a 1 -b -a 1 -b",
    'f() { local r=$1; p "$r"; }; f /tmp': "p /tmp",
    'A=$(mktemp -d); p $A/r': "p ${TMPDIR}/$(mktemp)/r",
    'A=$(mktemp -d -p /scratch); p $A': "p /scratch/$(mktemp)",
    "A=$(date +%s); p /x/$A": "p /x/$(date +%s)",
    'for d in /a /b; do p $d; done': "p /a|/b",
    'if q; then A=/a; else A=/b; fi; p $A': "q\np /a|/b",
    '[ -d /l ] && A=/l; p $A': "[ -d /l ]\np /l|${A}",
    'A=/a; if [ -z "$B" ]; then A=/b; exit 1; fi; p $A': "[ -z ${B} ]\np /a",
    'case $1 in a) A=/a;; *) A=/b;; esac; p $A': "p /a|/b|${A}",
    "bash -c 'p $A'; export A=/x; sh -ec 'p $A'": "bash -c p $A\np ${A}\nsh -ec p $A\np /x",
    'eval "p /tmp"': "eval p /tmp\np /tmp",
    'p ~/x --d=~/y': "p ${HOME}/x --d=${HOME}/y",
  };
  for (const [text, expected] of Object.entries(cases)) assert.equal(lines(text).join("\n"), expected, text);
});

test("a folder is followed in and out of subshells, and back", () => {
  const folders = (text: string): string[] => followScript(text, { folder: "/s" }).map(({ folder }) => folder.join("|"));
  assert.deepEqual(folders("cd $TMPDIR; a; cd r; b; (cd /x; c); d; cd -; e; pushd /y; f; popd; g"), ["${TMPDIR}", "${TMPDIR}/r", "/x", "${TMPDIR}/r", "${TMPDIR}", "/y", "${TMPDIR}"]);
  assert.deepEqual(folders("mkdir -p a && cd a || exit 1; b"), ["/s", "/s/a"]);
  assert.equal(under("/scratch/x", "../../tmp/./y//z"), "/tmp/y/z");
  assert.equal(under("/scratch", "${TMPDIR}/../y"), "${TMPDIR}/../y");
  assert.equal(under("/scratch", "s3://bucket//key"), "s3://bucket//key");
});

test("a trap is followed through functions that call each other, however often", () => {
  const traps = (text: string): string => followScript(text).flatMap(({ trap, words }) => (trap === null ? [] : [`${trap.join()}: ${words[0]?.[0] ?? ""}`])).join("; ");
  assert.equal(traps("a() { b; x; }\nb() { if y; then c; fi; }\nfunction c { { z; }; a; }\ntrap a TERM USR1\ntrap 'w; b' 15\ntrap - INT"), "TERM,USR1: y; TERM,USR1: z; TERM,USR1: x; TERM: w; TERM: y; TERM: z; TERM: x");
});

test("what is copied off is told from what is brought in", () => {
  const copies = (text: string): string[] => copiesIn(followScript(text, { folder: "/s" })).map(({ from, to, when }) => `${when}: ${from.join()} -> ${to.join()}`);
  assert.deepEqual(copies("rsync -a --exclude '*.tmp' /tmp/r/ me@example.com:/srv/r"), ["once: /tmp/r -> /s/me@example.com:/srv/r"]);
  assert.deepEqual(copies("cp -t /srv /tmp/a /tmp/b/*.pt"), ["once: /tmp/a,/tmp/b -> /srv"]);
  assert.deepEqual(copies("tar -czf /srv/r.tgz -C /tmp r"), ["once: /tmp,/s/r -> /srv/r.tgz"]);
  assert.deepEqual(copies("tar xf /srv/data.tar -C /tmp"), []);
  assert.deepEqual(copies("srun cp -r /tmp/r /srv; while true; do sleep 60; aws s3 sync /tmp/r s3://b/r --exclude x; done &"), ["once: /tmp/r -> /srv", "repeatedly: /tmp/r -> s3://b/r"]);
  assert.deepEqual(copies("trap 'cp -r $O /srv' EXIT; O=/tmp/r"), ["trap: /tmp/r -> /srv"]);
});

test("a flag on a line of its own is seen, whatever stands around it", () => {
  const shellish = fc.array(fc.oneof(fc.constantFrom("if", "then", "fi", "do", "done", "case", "esac", "{", "}", "(", ")", "'", '"', "`", "$(", "${A:-", "<<EOF", "EOF", "&&", "||", ";", "|", "\\", "#", "\n", "f() {", "trap", "cd /x", "A=$A$A"), fc.string({ maxLength: 8 })), { maxLength: 25 }).map((pieces) => pieces.join(" "));
  fc.assert(
    fc.property(shellish, shellish, (before, after) => {
      const broken = `${before.replaceAll("\\", "")}\n${after}`;
      assert.ok(Array.isArray(placesOf(followScript(broken))));
    }),
    tries(300),
  );
  for (const quote of ["'", '"', "$(", "`"]) {
    const text = `echo it${quote}s\npython3 train.py --checkpoint-dir=/tmp/x\n`;
    assert.ok(placesOf(followScript(text)).some(({ paths }) => paths.includes("/tmp/x")), quote);
  }
});

test("a script that calls itself, or is very long, is read to an end", () => {
  const many = Array.from({ length: 30 }, (_, index) => `f${index}() { f${index + 1}; f${index + 1}; f${index + 1}; }`).join("\n");
  assert.ok(followScript(`${many}\nf30() { a; }\nf0`).length < 25_000);
  assert.ok(followScript(`${many}\nf30() { :; }\nf0`).length < 25_000);
  assert.ok(followScript("a\n".repeat(30_000)).length < 25_000);
  const doubled = `A=x\n${"A=$A$A\n".repeat(200)}p $A`;
  assert.ok(followScript(doubled).length === 1);
});
