import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, it, test } from 'vitest'
import { dockerSeccomp, seccompProgram } from '../../../src/host/seccomp-profile.ts'
import { syscallNumber } from '../../../src/host/syscall-names.ts'
import { confinementProblem } from '../../../src/platforms/shared/security.ts'

const x64 = 0xc000003e
const arm64 = 0xc00000b7

/** Runs a classic BPF program as the kernel does (kernel/bpf/core.c), on a `struct seccomp_data`. */
function run(program: Buffer, number: number, argument = 0n, architecture = x64): string {
  const data = Buffer.alloc(64)
  data.writeUInt32LE(number >>> 0, 0)
  data.writeUInt32LE(architecture, 4)
  data.writeBigUInt64LE(argument, 16)
  let accumulator = 0
  for (let at = 0; at < program.length / 8; at++) {
    const [code, yes, no] = [program.readUInt16LE(at * 8), program[at * 8 + 2]!, program[at * 8 + 3]!]
    const value = program.readUInt32LE(at * 8 + 4)
    if (code === 0x06) return value === 0x7fff0000 ? 'allowed' : `error ${value & 0xffff}`
    if (code === 0x20) accumulator = data.readUInt32LE(value)
    else if (code === 0x54) accumulator = (accumulator & value) >>> 0
    else if (code === 0x05) at += value
    else if (code === 0x15) at += accumulator === value ? yes : no
    else if (code === 0x35) at += accumulator >= value ? yes : no
    else throw new Error(`unknown instruction ${code}`)
  }
  throw new Error('the program has no result')
}

describe.each([
  ['x64', x64, 0x40000003],
  ['arm64', arm64, 0x40000028],
] as const)('the seccomp program of %s', (arch, architecture, compatible) => {
  const program = seccompProgram(undefined, arch)
  const numberOf = (name: string) => syscallNumber(name, arch)
  const call = (name: string, argument?: bigint) => run(program, numberOf(name)!, argument, architecture)

  it('gives every system call what the profile for OCI runtimes gives it', () => {
    const { syscalls } = dockerSeccomp()
    const always = new Set(
      syscalls.filter((one) => !('args' in one)).flatMap((one) => ('errnoRet' in one ? [] : one.names)),
    )
    const depends = ['clone', 'personality', 'socket', 'clone3']
    for (let number = 0; number < 480; number++) {
      const name = [...always, ...depends].find((one) => numberOf(one) === number)
      if (name !== undefined && depends.includes(name)) continue
      const seen = run(program, number, 0n, architecture)
      expect(seen, `system call ${number}, ${name}`).toBe(
        name !== undefined ? 'allowed' : number > numberOf('removexattrat')! ? 'error 38' : 'error 1',
      )
    }
  })

  test.each([
    ['read', undefined, 'allowed'],
    ['io_pgetevents', undefined, 'allowed'],
    ['mount', undefined, 'error 1'],
    ['bpf', undefined, 'error 1'],
    ['io_uring_setup', undefined, 'error 1'],
    ['clone3', undefined, 'error 38'],
    ['clone', 0x01200011n, 'allowed'],
    ['clone', 0x10000000n, 'error 1'],
    ['personality', 0x20008n, 'allowed'],
    ['personality', 0x40000n, 'error 1'],
    ['socket', 2n, 'allowed'],
    ['socket', 40n, 'error 1'],
  ] as const)('%s with %s: %s', (name, argument, result) => {
    expect(call(name, argument)).toBe(result)
  })

  it('lets calls of 32-bit programs, of x32 and of later kernels fail as if the kernel lacked them', () => {
    expect(run(program, 3, 0n, compatible)).toBe('error 38')
    expect(run(program, 3, 0n, arch === 'x64' ? arm64 : x64)).toBe('error 38')
    expect(run(program, 0x40000000, 0n, architecture)).toBe('error 38')
    expect(run(program, 4000, 0n, architecture)).toBe('error 38')
  })
})

it('is not made for an architecture with unknown numbers, and the platforms that need it say so', () => {
  expect(() => seccompProgram(undefined, 'riscv64')).toThrow(/no seccomp filter for riscv64/)
  expect(confinementProblem('riscv64')).toMatchObject({ reason: expect.stringContaining('on riscv64') })
  for (const arch of ['x64', 'arm64']) expect(confinementProblem(arch)).toBeUndefined()
})

/** The header of the kernel's tables that all newer architectures share. */
const header = '/usr/include/asm-generic/unistd.h'

it.runIf(existsSync(header))('has the numbers of arm64 that the header of the kernel has', () => {
  const text = readFileSync(header, 'utf8')
  const numbers = [...text.matchAll(/#define __NR_([a-z0-9_]+)\s+(?:\\\n)?\s*(\d+)$/gm)].filter(
    ([, name, number]) => Number(number) < 300 && !['arch_specific_syscall', 'sync_file_range2'].includes(name!),
  )
  expect(numbers.length).toBeGreaterThan(250)
  const wrong = numbers.filter(([, name, number]) => syscallNumber(name!, 'arm64') !== Number(number))
  expect(wrong.map(([line]) => line)).toEqual([])
})

it('has a name for each call of the profile that x86-64 has, and no call twice', () => {
  const names = dockerSeccomp()
    .syscalls.filter((one) => !('args' in one))
    .flatMap((one) => one.names)
  expect(new Set(names).size).toBe(names.length)
  expect(names.filter((name) => syscallNumber(name, 'x64') === undefined)).toEqual([])
})
