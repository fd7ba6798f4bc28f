/**
 * What a seccomp filter does with a system call: runs the filter's classic BPF program with the call's number and
 * unknown arguments (linux/filter.h, linux/seccomp.h, and Documentation/userspace-api/seccomp_filter.rst).
 */

/**
 * `allowed`: with any arguments. `conditional`: it depends on the arguments. `supervised`: another process decides.
 * `denied`: never.
 */
type CallRule = 'allowed' | 'conditional' | 'supervised' | 'denied'

/** Values of AUDIT_ARCH (linux/audit.h) of the architectures that isobench knows, as in `process.arch`. */
export const auditArchitectures: Readonly<Record<string, number>> = { x64: 0xc000003e, arm64: 0xc00000b7 }

/** One `struct sock_filter`. */
interface Instruction {
  readonly code: number
  readonly ifTrue: number
  readonly ifFalse: number
  readonly value: number
}

/** Parses an array of `struct sock_filter`. */
function instructionsOf(program: Buffer): Instruction[] {
  return Array.from({ length: Math.floor(program.length / 8) }, (_, at) => ({
    code: program.readUInt16LE(at * 8),
    ifTrue: program.readUInt8(at * 8 + 2),
    ifFalse: program.readUInt8(at * 8 + 3),
    value: program.readUInt32LE(at * 8 + 4),
  }))
}

/** A 32-bit value, or undefined if it depends on an argument. */
type Value = number | undefined

interface State {
  readonly at: number
  readonly accumulator: Value
  readonly index: Value
  readonly memory: readonly Value[]
}

// The fields of an instruction's code (linux/bpf_common.h).
const classOf = (code: number) => code & 0x07
const [ld, ldx, st, stx, alu, jmp, ret] = [0, 1, 2, 3, 4, 5, 6]
const modeOf = (code: number) => code & 0xe0
const [immediate, absolute, memory, length] = [0x00, 0x20, 0x60, 0x80]
const operationOf = (code: number) => code & 0xf0
const usesIndex = (code: number) => (code & 0x08) !== 0

const retAllow = 0x7fff0000
const stateLimit = 50_000

/** The size of `struct seccomp_data`, which a filter sees as the length of its packet. */
const dataBytes = 64

/** Arithmetic by its code. A division by 0 ends the program with 0, which kills the thread. */
const arithmetic: Readonly<Record<number, (a: number, b: number) => number>> = {
  0: (a, b) => a + b,
  16: (a, b) => a - b,
  32: (a, b) => Math.imul(a, b),
  48: (a, b) => Math.trunc(a / b),
  64: (a, b) => a | b,
  80: (a, b) => a & b,
  96: (a, b) => (b > 31 ? 0 : a << b),
  112: (a, b) => (b > 31 ? 0 : a >>> b),
  128: (a) => -a,
  144: (a, b) => a % b,
  160: (a, b) => a ^ b,
}

const conditions: Readonly<Record<number, (a: number, b: number) => boolean>> = {
  16: (a, b) => a === b,
  32: (a, b) => a > b,
  48: (a, b) => a >= b,
  64: (a, b) => (a & b) >>> 0 !== 0,
}

/**
 * Returns every result that a filter may have for one call, whatever its arguments are. It follows both ways of a
 * condition about an argument, also if an earlier condition excludes one of them.
 * @param architecture a value of AUDIT_ARCH
 */
function results(program: readonly Instruction[], number: number, architecture: number): ReadonlySet<number> {
  const found = new Set<number>()
  const seen = new Set<string>()
  const open: State[] = [{ at: 0, accumulator: 0, index: 0, memory: [] }]
  // Jumps only lead forward, so every way ends.
  for (let state = open.pop(); state; state = open.pop()) {
    const key = `${state.at} ${state.accumulator} ${state.index} ${state.memory.join()}`
    if (seen.has(key)) continue
    // Nothing that a platform installs needs as many states. Undecided is then the only true answer.
    if (seen.size > stateLimit) return new Set([retAllow, 0])
    seen.add(key)
    const instruction = program[state.at]
    // The kernel refuses a program without a last result.
    if (!instruction) throw new RangeError(`the filter leaves its program at instruction ${state.at}`)
    const next = step(instruction, state, (offset) =>
      offset === 0 ? number >>> 0 : offset === 4 ? architecture : undefined,
    )
    if (typeof next === 'object') open.push(...next)
    // A filter that computes its result from an argument can return anything.
    else for (const one of next === 'unknown' ? [retAllow, 0] : [next]) found.add(one)
  }
  return found
}

/** Runs one instruction. Returns the result of the program, or the states that follow. */
function step(
  { code, ifTrue, ifFalse, value }: Instruction,
  state: State,
  field: (offset: number) => Value,
): number | 'unknown' | readonly State[] {
  const { at, accumulator, index, memory: cells } = state
  const go = (change: Partial<State>, skip = 0): State => ({ ...state, ...change, at: at + 1 + skip })
  const operand = usesIndex(code) ? index : value
  switch (classOf(code)) {
    case ld:
    case ldx: {
      const mode = modeOf(code)
      const loaded =
        mode === immediate
          ? value
          : mode === absolute
            ? field(value)
            : mode === memory
              ? cells[value]
              : mode === length
                ? dataBytes
                : undefined
      return [go(classOf(code) === ld ? { accumulator: loaded } : { index: loaded })]
    }
    case st:
    case stx: {
      const changed = [...cells]
      changed[value] = classOf(code) === st ? accumulator : index
      return [go({ memory: changed })]
    }
    case alu: {
      const operation = operationOf(code)
      const isNegation = operation === 0x80
      if (accumulator === undefined || (operand === undefined && !isNegation)) return [go({ accumulator: undefined })]
      if ((operation === 0x30 || operation === 0x90) && operand === 0) return 0
      const calculate = arithmetic[operation]
      if (!calculate) throw new RangeError(`instruction ${at} has the unknown code ${code}`)
      return [go({ accumulator: calculate(accumulator, operand ?? 0) >>> 0 })]
    }
    case jmp: {
      const operation = operationOf(code)
      if (operation === 0) return [go({}, value)]
      const ways = [go({}, ifTrue), go({}, ifFalse)] as const
      if (accumulator === undefined || operand === undefined) return ways
      const test = conditions[operation]
      if (!test) throw new RangeError(`instruction ${at} has the unknown code ${code}`)
      return [test(accumulator, operand) ? ways[0] : ways[1]]
    }
    case ret:
      return (code & 0x18) === 0x10 ? (accumulator ?? 'unknown') : value
    default:
      // BPF_MISC: 0x00 is TAX, 0x80 is TXA.
      return [go((code & 0xf8) === 0x80 ? { accumulator: index } : { index: accumulator })]
  }
}

/** What a result of a filter means (SECCOMP_RET_ACTION_FULL). The call happens with ALLOW and with LOG. */
function meaning(result: number): 'allow' | 'ask' | 'deny' {
  const action = result & 0xffff0000
  if (action === retAllow || action === 0x7ffc0000) return 'allow'
  // USER_NOTIF and TRACE.
  return action === 0x7fc00000 || action === 0x7ff00000 ? 'ask' : 'deny'
}

/** Returns what filters do with one call. The kernel runs all of them, and the strictest result counts. */
function ruleOf(programs: readonly (readonly Instruction[])[], number: number, architecture: number): CallRule {
  const meanings = programs.map((program) => [...results(program, number, architecture)].map(meaning))
  if (meanings.every((one) => one.every((each) => each === 'allow'))) return 'allowed'
  if (meanings.some((one) => one.every((each) => each === 'deny'))) return 'denied'
  return meanings.some((one) => !one.includes('allow')) ? 'supervised' : 'conditional'
}

/** The calls that are not denied, by what the filters do with them. */
export interface AllowedCalls {
  readonly allowed: readonly string[]
  readonly conditional: readonly string[]
  readonly supervised: readonly string[]
}

/**
 * Applies filters to every call of a table.
 * @param calls the architecture's calls: number and name
 * @throws {RangeError} if a program is not valid
 */
export function allowedCalls(
  filters: readonly Buffer[],
  calls: Iterable<readonly [number: number, name: string]>,
  architecture: number,
): AllowedCalls {
  const programs = filters.map(instructionsOf)
  const ruled = [...calls].map(([number, name]) => ({ name, rule: ruleOf(programs, number, architecture) }))
  const withRule = (wanted: CallRule) => ruled.flatMap(({ name, rule }) => (rule === wanted ? [name] : [])).sort()
  return { allowed: withRule('allowed'), conditional: withRule('conditional'), supervised: withRule('supervised') }
}

/** AUDIT_ARCH_I386 and the bit of x32 calls (asm/unistd.h), the other two interfaces of an x86-64 kernel. */
const i386 = 0x40000003
const x32Bit = 0x40000000

/**
 * Returns the further interfaces of an x86-64 kernel through which the filters let at least one call pass. 32-bit
 * programs have other numbers, so a filter for x86-64 alone says nothing about them.
 */
export function otherInterfaces(filters: readonly Buffer[]): ('i386' | 'x32')[] {
  const programs = filters.map(instructionsOf)
  const numbers = Array.from({ length: 512 }, (_, number) => number)
  const passes = (number: number, architecture: number) => ruleOf(programs, number, architecture) !== 'denied'
  return [
    ...(numbers.some((number) => passes(number, i386)) ? (['i386'] as const) : []),
    ...(numbers.some((number) => passes(number | x32Bit, auditArchitectures.x64!)) ? (['x32'] as const) : []),
  ]
}
