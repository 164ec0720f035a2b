import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ResponseParser } from "./http.ts";

function parse(text: string, cuts: readonly number[] = []): { status: number; done: boolean; body: string } {
  const parser = new ResponseParser();
  const bytes = Buffer.from(text);
  const places = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  const parts = places.slice(1).flatMap((end, index) => parser.feed(bytes.subarray(places[index], end)));
  const { status, done } = parser;
  return { status, done, body: Buffer.concat(parts).toString() };
}

const chunked =
  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n3;x=y\r\n, y\r\nc\r\nou\r\n\r\nthere!\r\n0\r\nX-Trailer: 1\r\n\r\n";

test("bodies with a length, in chunks, and up to the end of the connection are read", () => {
  assert.deepEqual(parse("HTTP/1.1 404 No\r\ncontent-length: 2\r\n\r\n{}"), { status: 404, done: true, body: "{}" });
  assert.deepEqual(parse(chunked), { status: 200, done: true, body: "hello, you\r\n\r\nthere!" });
  const parser = new ResponseParser();
  parser.feed(Buffer.from("HTTP/1.0 200 OK\r\n\r\nabc"));
  assert.equal(parser.done, false);
  parser.end();
  assert.equal(parser.done, true);
});

test("responses without a body are complete with their head", () => {
  assert.equal(parse("HTTP/1.1 204 No Content\r\n\r\n").done, true);
  assert.equal(parse("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").done, true);
  assert.deepEqual(parse("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx"), {
    status: 200,
    done: true,
    body: "x",
  });
});

test("a response that is cut off is not taken for a whole one", () => {
  for (const text of [
    "HTTP/1.1 200 OK\r\nContent-Le",
    "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc",
    chunked.slice(0, -2),
  ]) {
    const parser = new ResponseParser();
    parser.feed(Buffer.from(text));
    parser.end();
    assert.equal(parser.done, false, text);
  }
});

test("what is not HTTP is refused", () => {
  assert.throws(() => parse("220 mail.example.org ESMTP\r\n\r\n"), /not an HTTP response/);
  assert.throws(() => parse("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"), /not a chunk size/);
  assert.throws(() => parse(chunked.replace("5", "4")), /a chunk is longer than it says/);
});

test("it does not matter where the bytes are cut", () => {
  const whole = parse(chunked);
  fc.assert(
    fc.property(fc.array(fc.nat(chunked.length), { maxLength: 12 }), (cuts) =>
      assert.deepEqual(parse(chunked, cuts), whole),
    ),
  );
});
