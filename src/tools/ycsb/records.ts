/** The records of YCSB's core workload, as its memcached binding stores them. */
import { fnvhash64, type Random } from './zipfian.ts'

/** The key of a record's number: `usertable-user` and its hash, as YCSB does with `insertorder=hashed`, its default. */
export function keyOf(record: number): string {
  const { high, low } = fnvhash64(record)
  return `usertable-user${(BigInt(high) << 32n) | BigInt(low)}`
}

const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

/** A value: JSON with `count` fields of `length` characters each, which need no escaping. */
export function recordOf(random: Random, { count, length }: { count: number; length: number }): string {
  const field = () => Array.from({ length }, () => letters[Math.floor(random() * letters.length)]).join('')
  return JSON.stringify(Object.fromEntries(Array.from({ length: count }, (_, at) => [`field${at}`, field()])))
}
