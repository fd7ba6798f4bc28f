import type { RunRecord } from '../../../src/core/model/record.ts'
import { parseRecord, RecordError } from '../../../src/core/records/record-file.ts'
import { IsobenchError, messageOf } from '../../../src/util/errors.ts'
import { CampaignCounter, type CampaignRow } from './outcome.ts'

/** Kinds of bytes of a record. A cut or a damage behaves differently after each of them. */
function classOf(byte: number, isFirstLine: boolean): string {
  if (byte === 10) return 'line end'
  if (isFirstLine) return 'start line'
  if (byte >= 0x80) return 'part of a character'
  const text = String.fromCharCode(byte)
  if ('{}[]'.includes(text)) return 'bracket'
  if (',:'.includes(text)) return 'separator'
  if (text === '"') return 'quote'
  if (text === '\\') return 'escape'
  return /[0-9.+-]/.test(text) ? 'number' : 'text'
}

/** Some positions of every class, chosen by `random`. */
function positions(bytes: Buffer, each: number, random: () => number): Map<string, number[]> {
  const firstLine = bytes.indexOf(10)
  const all = new Map<string, number[]>()
  for (const [at, byte] of bytes.entries()) {
    const name = classOf(byte, at < firstLine)
    const known = all.get(name)
    if (known) known.push(at)
    else all.set(name, [at])
  }
  const pick = (of: readonly number[]) => of[Math.floor(random() * of.length)]!
  return new Map(
    [...all].map(([name, of]) => [name, of.length <= each ? of : Array.from({ length: each }, () => pick(of))]),
  )
}

const sampleCount = (lines: readonly string[]) => lines.filter((line) => line.startsWith('{"type":"sample"')).length

/** A record, or undefined if it is refused. Any other error is a fault. */
function parsed(text: string): RunRecord | undefined | 'fault' {
  try {
    return parseRecord(text, 'record.jsonl')
  } catch (error) {
    return error instanceof RecordError ? undefined : 'fault'
  }
}

/** Cuts a record behind bytes of every class. Every sample with a whole line must be read. */
export function cutRecord(bytes: Buffer, each: number, random: () => number): CampaignRow {
  const counter = new CampaignCounter('record cut behind a byte of every class')
  for (const [name, of] of positions(bytes, each, random)) {
    for (const at of of) {
      const text = bytes.subarray(0, at + 1).toString('utf8')
      const lines = text.split('\n').slice(0, -1)
      const record = parsed(text)
      const read = record === 'fault' || record === undefined ? 0 : record.samples.length
      const isFault = record === 'fault' || (record === undefined && lines.length > 0)
      counter.count(`${name}, byte ${at}`, { lost: sampleCount(lines) - read + (isFault ? 1 : 0) })
    }
  }
  return counter.row
}

/** What a disk or an editor does to some bytes. */
const damages: Readonly<Record<string, (bytes: Buffer, at: number, random: () => number) => Buffer>> = {
  'another byte': (bytes, at, random) => {
    const damaged = Buffer.from(bytes)
    damaged[at] = Math.floor(random() * 256)
    return damaged
  },
  zeros: (bytes, at, random) => {
    const damaged = Buffer.from(bytes)
    return damaged.fill(0, at, Math.min(bytes.length, at + 1 + Math.floor(random() * 600)))
  },
  'a byte less': (bytes, at) => Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1)]),
  'a byte more': (bytes, at, random) =>
    Buffer.concat([bytes.subarray(0, at), Buffer.from([Math.floor(random() * 256)]), bytes.subarray(at)]),
}

/**
 * Damages bytes of every class. Every sample with an undamaged line must be read, unless the start line is damaged or
 * the damaged line contradicts the others.
 */
export function damageRecord(bytes: Buffer, each: number, random: () => number): CampaignRow {
  const counter = new CampaignCounter('record with a damaged byte or block')
  const whole = new Set(
    bytes
      .toString('utf8')
      .split('\n')
      .filter((line) => line.startsWith('{"type":"sample"')),
  )
  for (const [name, of] of positions(bytes, each, random)) {
    for (const at of of) {
      for (const [damage, change] of Object.entries(damages)) {
        const text = change(bytes, at, random).toString('utf8')
        const lines = text.split('\n').filter((line) => whole.has(line))
        const record = parsed(text)
        const lost =
          record === undefined ? 0 : record === 'fault' ? 1 : Math.max(0, lines.length - record.samples.length)
        counter.count(`${damage} at byte ${at} (${name})`, { lost })
      }
    }
  }
  return counter.row
}

/** Runs `work` with input that may be refused. Any error that is no message for a user counts as lost. */
export async function answers(
  counter: CampaignCounter,
  name: string,
  work: () => unknown,
  isRefusal: (error: unknown) => boolean = (error) => error instanceof IsobenchError,
): Promise<void> {
  try {
    await work()
    counter.count(name)
  } catch (error) {
    counter.count(`${name}: ${messageOf(error)}`, { lost: isRefusal(error) ? 0 : 1 })
  }
}
