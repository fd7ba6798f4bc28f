import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  readSync,
  statSync,
} from 'node:fs'
import { join } from 'node:path'
import { sanitize } from '../util/text.ts'
import { hostArch } from './releases/release.ts'

/** Whether the kernel can run a file as a program, and why not. */

/** Architectures of ELF headers (e_machine, elf(5)) by the names of `uname -m`. */
const machines: Readonly<Record<number, string>> = {
  3: 'i386',
  8: 'mips',
  21: 'ppc64',
  22: 's390x',
  40: 'arm',
  62: 'x86_64',
  183: 'aarch64',
  243: 'riscv64',
  258: 'loongarch64',
}

/** What a host runs beside its own architecture. */
const compatible: Readonly<Record<string, string>> = { x86_64: 'i386', aarch64: 'arm' }

/**
 * Returns why the kernel cannot run the file at `path`, or `undefined` if it can: it is missing, no file or not
 * executable, or of another architecture, or its interpreter is missing.
 * @param name how to call it; by default its path
 */
export function programProblem(path: string, name = path): string | undefined {
  if (!existsSync(path)) {
    const target = linkTarget(path)
    return target === undefined
      ? `there is no program at ${name}`
      : `${name} is a link to ${sanitize(target, 200)}, and there is no file`
  }
  const file = statSync(path)
  if (file.isDirectory()) return `${name} is a folder`
  if (!file.isFile()) return `${name} is no regular file`
  try {
    accessSync(path, constants.X_OK)
  } catch {
    return `${name} is not executable (chmod +x)`
  }
  return formatProblem(path, name)
}

function linkTarget(path: string): string | undefined {
  try {
    return readlinkSync(path)
  } catch {
    return undefined
  }
}

/** Bytes at the start of a program: the ELF header, and mostly its program headers too. */
const headBytes = 4096

/** Why the kernel does not know the format, or lacks what it needs to run it. */
function formatProblem(path: string, name: string): string | undefined {
  let head: Buffer
  try {
    head = readHead(path)
  } catch {
    // A program need not be readable.
    return undefined
  }
  if (head.length === 0) return `${name} is empty`
  const problem = nativeProblem(head, name)
  return problem !== undefined && hasHandler(head, path) ? undefined : problem
}

/** Why the kernel cannot run the program itself. */
function nativeProblem(head: Buffer, name: string): string | undefined {
  // The kernel skips spaces before the interpreter: execve(2).
  const script = /^#![ \t]*(\S+)/.exec(head.toString('utf8'))
  if (script) return interpreterProblem(name, script[1]!)
  if (head.length < 64 || head.toString('latin1', 0, 4) !== '\x7fELF')
    return `${name} is neither an ELF program nor a script with "#!"`
  const isLittle = head[5] === 1
  const machine = isLittle ? head.readUInt16LE(18) : head.readUInt16BE(18)
  const [host, built] = [hostArch(), machines[machine] ?? `the machine ${machine}`]
  if (built !== host && built !== compatible[host]) return `${name} is built for ${built}, and this host is ${host}`
  const loader = isLittle ? loaderOf(head) : undefined
  return loader === undefined ? undefined : interpreterProblem(name, loader)
}

/** The formats that the kernel runs with other programs: Documentation/admin-guide/binfmt-misc.rst. */
const formatsFolder = '/proc/sys/fs/binfmt_misc'

/** Whether another program of this host runs the file, as qemu-user those of other architectures. */
function hasHandler(head: Buffer, path: string): boolean {
  const read = (name: string) => readFileSync(join(formatsFolder, name), 'utf8')
  try {
    if (read('status').trim() !== 'enabled') return false
    const formats = readdirSync(formatsFolder).filter((name) => name !== 'status' && name !== 'register')
    return formats.some((name) => matchesFormat(read(name), head, path))
  } catch {
    // It is not mounted.
    return false
  }
}

/**
 * Whether a file has a format of binfmt_misc: an extension, or bytes at an offset.
 * @param format the text of its file in binfmt_misc
 * @param head the first bytes of the file
 */
export function matchesFormat(format: string, head: Buffer, path: string): boolean {
  const field = (name: string) => new RegExp(`^${name} (.*)$`, 'm').exec(format)?.[1]
  if (!/^enabled$/m.test(format)) return false
  const extension = field('extension')
  if (extension !== undefined) return path.endsWith(extension)
  const [magic, mask] = [field('magic'), field('mask')].map((digits) => Buffer.from(digits ?? '', 'hex'))
  const offset = Number(field('offset'))
  if (magic!.length === 0 || offset + magic!.length > head.length) return false
  return magic!.every((byte, at) => ((byte ^ head[offset + at]!) & (mask![at] ?? 0xff)) === 0)
}

const interpreterProblem = (name: string, interpreter: string): string | undefined =>
  existsSync(interpreter)
    ? undefined
    : `${name} needs the interpreter ${sanitize(interpreter, 200)}, which this host does not have`

function readHead(path: string): Buffer {
  const descriptor = openSync(path, 'r')
  try {
    const head = Buffer.alloc(headBytes)
    return head.subarray(0, readSync(descriptor, head, 0, headBytes, 0))
  } finally {
    closeSync(descriptor)
  }
}

/** Type of the program header that names the dynamic loader: PT_INTERP, elf(5). */
const interpreterType = 3

/** The dynamic loader of a little-endian ELF program of 64 bits. Undefined if it has none, or not near its start. */
function loaderOf(head: Buffer): string | undefined {
  if (head[4] !== 2) return undefined
  const [start, size, count] = [Number(head.readBigUInt64LE(32)), head.readUInt16LE(54), head.readUInt16LE(56)]
  const headers = Array.from({ length: count }, (_, at) => start + at * size).filter((at) => at + 40 <= head.length)
  const header = headers.find((at) => head.readUInt32LE(at) === interpreterType)
  if (header === undefined) return undefined
  const [from, length] = [Number(head.readBigUInt64LE(header + 8)), Number(head.readBigUInt64LE(header + 32))]
  if (length < 2 || from + length > head.length) return undefined
  return head.toString('utf8', from, from + length - 1)
}
