/** Programs for the kernel's classic packet filter: Documentation/networking/filter.rst. They need no privilege. */
import { addressOf, check, libc } from "./libc.ts";
import { SOL_SOCKET } from "./sockets.ts";

export type Instruction = readonly [code: number, jumpTrue: number, jumpFalse: number, operand: number];

export const LOAD_WORD = 0x20;
export const LOAD_HALF = 0x28;
export const JUMP = 0x05;
export const JUMP_IF_EQUAL = 0x15;
export const MODULO = 0x94;
export const RETURN_CONSTANT = 0x06;
export const RETURN_ACCUMULATOR = 0x16;

const INSTRUCTION_BYTES = 8;

/** Gives a socket a program, by the option that says what for. */
export function attachProgram(fd: number, option: number, program: readonly Instruction[]): void {
  const code = Buffer.alloc(program.length * INSTRUCTION_BYTES);
  for (const [position, [opcode, jumpTrue, jumpFalse, operand]] of program.entries()) {
    const at = position * INSTRUCTION_BYTES;
    code.writeUInt16LE(opcode, at);
    code.writeUInt8(jumpTrue, at + 2);
    code.writeUInt8(jumpFalse, at + 3);
    code.writeInt32LE(operand, at + 4);
  }
  const filter = Buffer.alloc(16);
  filter.writeUInt16LE(program.length, 0);
  filter.writeBigUInt64LE(addressOf(code), 8);
  check("setsockopt", libc.setsockopt(fd, SOL_SOCKET, option, filter, filter.length));
}
