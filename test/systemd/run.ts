/**
 * Tries examples/mydaemon under a real systemd: Debian 12 in qemu, with systemd 252 as PID 1.
 *
 * usage: node test/systemd/run.ts        (after `npm run build`; needs qemu-system-x86, mmdebstrap, mke2fs, and root)
 *
 * The image is built once and kept below `node_modules`; what is under test is packed into a second disk each time.
 * The guest runs guest.test.ts and shuts down; its serial console is shown here, and its verdict is our exit code.
 */
import { execFileSync, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join, relative } from "node:path";
import { createInterface } from "node:readline";
import { stripVTControlCharacters } from "node:util";
import { build } from "rolldown";

const root = join(import.meta.dirname, "../..");
const timeoutMs = 8 * 60_000;
const began = performance.now();

const image = buildImage();
const work = mkdtempSync(join(tmpdir(), "lares-systemd-"));
try {
  await packPayload(join(work, "payload"), join(work, "payload.ext4"));
  report("the disks are ready");
  process.exitCode = await boot(image, join(work, "payload.ext4"));
} finally {
  rmSync(work, { recursive: true, force: true });
}

/** @returns the directory with kernel, ramdisk and root; named after what makes it, so a change builds anew. */
function buildImage(): string {
  const script = join(import.meta.dirname, "build-image.sh");
  const version = createHash("sha256").update(readFileSync(script)).digest("hex").slice(0, 12);
  const directory = join(root, "node_modules/.cache/lares", `systemd-${version}`);
  execFileSync(script, [directory], { stdio: ["ignore", "ignore", "inherit"] });
  return directory;
}

/** Node, the package as it is published with what it depends on, the example and the tests. */
async function packPayload(directory: string, disk: string): Promise<void> {
  mkdirSync(join(directory, "node_modules/lares"), { recursive: true });
  // The command itself may be a launcher.
  cpSync(realpathSync(process.execPath), join(directory, "node"));
  for (const part of ["package.json", "dist"]) {
    cpSync(join(root, part), join(directory, "node_modules/lares", part), { recursive: true });
  }
  for (const dependency of dependencies()) {
    cpSync(dependency, join(directory, relative(root, dependency)), { recursive: true, dereference: true });
  }
  await compile(directory);
  cpSync(join(import.meta.dirname, "guest.sh"), join(directory, "guest.sh"));
  writeFileSync(join(directory, "package.json"), '{ "type": "module" }\n');
  execFileSync("mke2fs", ["-q", "-t", "ext4", "-O", "^has_journal", "-d", directory, disk, "512M"]);
}

/** To JavaScript, as one would deploy it: stripping types takes an emulated processor half a minute. */
async function compile(directory: string): Promise<void> {
  const example = join(root, "examples/mydaemon");
  await build({
    input: {
      main: join(example, "main.ts"),
      primes: join(example, "primes.ts"),
      guest: join(import.meta.dirname, "guest.test.ts"),
    },
    platform: "node",
    external: [/^node:/, "lares"],
    output: { dir: directory, format: "esm", entryFileNames: "[name].js" },
  });
}

/** The directories of all packages that ours needs to run. */
function dependencies(): string[] {
  const listed = execFileSync("npm", ["ls", "--omit=dev", "--all", "--parseable"], { cwd: root, encoding: "utf8" });
  return listed
    .split("\n")
    .filter((path) => path.includes("node_modules/") && !/^(lares|node-linux|@lares)/.test(basename(path)))
    .filter((path) => !path.includes("/@lares/") && basename(dirname(path)) !== "@lares");
}

async function boot(directory: string, payload: string): Promise<number> {
  const command = "/bin/sh -c 'mount -o ro /dev/vdb /opt && exec /bin/sh /opt/guest.sh'";
  const kernel = `root=/dev/vda rw console=ttyS0 quiet systemd.show_status=false systemd.run="${command}"`;
  // Emulation: a /dev/kvm that is there need not work inside a virtual machine.
  const machine = "-accel tcg,thread=multi -smp 2 -m 1536 -no-reboot -nographic -nodefaults -serial stdio".split(" ");
  const system = ["-kernel", join(directory, "vmlinuz"), "-initrd", join(directory, "initrd"), "-append", kernel];
  const disks = [
    ...["-drive", `file=${join(directory, "root.ext4")},if=virtio,format=raw,snapshot=on`],
    ...["-drive", `file=${payload},if=virtio,format=raw,readonly=on`],
  ];
  const guest = spawn("qemu-system-x86_64", [...machine, ...system, ...disks], {
    stdio: ["ignore", "pipe", "inherit"],
    signal: AbortSignal.timeout(timeoutMs),
  });
  guest.on("error", (error) => console.error(`qemu: ${error.message}`));
  let passed = 0;
  let failed = Number.POSITIVE_INFINITY;
  for await (const line of createInterface({ input: guest.stdout })) {
    const text = stripVTControlCharacters(line);
    console.log(text);
    passed = Number(/^ℹ pass (\d+)/.exec(text)?.[1] ?? passed);
    failed = Number(/^ℹ fail (\d+)/.exec(text)?.[1] ?? failed);
  }
  report(`${passed} passed, ${failed} failed`);
  return passed > 0 && failed === 0 ? 0 : 1;
}

function report(what: string): void {
  console.log(`[${((performance.now() - began) / 1000).toFixed(0)} s] ${what}`);
}
