// The first file that Node reads. It is JavaScript, and uses nothing newer than dynamic import, so that a Node that is
// too old can parse it and say so.
if (Number.parseInt(process.versions.node, 10) < 24) {
  process.stderr.write(
    `error: Cannot start lares: it needs Node.js 24 or newer, and this is ${process.versions.node} (${process.execPath})\n` +
      "hint: Install Node.js 24 or newer (https://nodejs.org), or run `npm ci` in a checkout of Lares.\n",
  );
  process.exitCode = 1;
} else {
  import("./main.ts").then((cli) => cli.main(process.argv.slice(2)));
}
