import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { html, table } from "../../../../cli/metrics/page/html";
import { withoutSecrets } from "../../../../cli/metrics/page/collect";
import { printable } from "../../../../cli/render/paint";
import { find, readMarkup, textOf } from "./markup";
import { tries } from "../../../effort";

test("whatever is put into a template comes out as text, in content and in attributes", () => {
  fc.assert(fc.property(fc.oneof(fc.string(), fc.constantFrom("<script>alert(1)</script>", '" onload="x', "' x='", "&lt;", "]]>", "<!--")), (text) => {
    const root = readMarkup(html`<p class="${text}">${text}</p>`.markup);
    const [paragraph] = find(root, "p");
    assert.equal(textOf(paragraph!), printable(text));
    assert.equal(paragraph?.attributes["class"], printable(text));
  }), tries(100));
});

test("templates nest, lists join, and nothing at all is nothing", () => {
  assert.equal(html`<ul>${["a<", "b"].map((word) => html`<li>${word}</li>`)}${null}${undefined}</ul>`.markup, "<ul><li>a&lt;</li><li>b</li></ul>");
});

test("a table says what it is about, and which cells are headings", () => {
  const root = readMarkup(table({ caption: "What", columns: [{ title: "cell" }, { title: "files", right: true }], rows: [["a", 3], ["b", html`<b>4</b>`]] }).markup);
  assert.equal(textOf(find(root, "caption")[0]!), "What");
  assert.deepEqual(find(root, "th").map((cell) => [textOf(cell), cell.attributes["scope"]]), [["cell", "col"], ["files", "col"], ["a", "row"], ["b", "row"]]);
});

test("what looks like a key gets into no page", () => {
  const token = `hf_${"abcdefghij".repeat(3)}`;
  assert.equal(html`<p>${`failed with ${token}`}</p>`.markup, "<p>[left out: looks like a Hugging Face token]</p>");
  assert.equal(withoutSecrets(`python3 train.py --lr 0.1 --hub-token ${token} --api-key=Zm9vYmFyYmF6MTIzNDU2Nzg5`), "python3 train.py --lr 0.1 --hub-token [left out] --api-key=[left out]");
  assert.equal(withoutSecrets("python3 train.py --lr 0.1 --data /data/imagenet"), "python3 train.py --lr 0.1 --data /data/imagenet");
});
