import type { TraceSource as Name } from '../../dsl/traced.ts'
import { functions } from './functions.ts'
import type { Instrument } from './instrument.ts'
import { syscalls } from './syscalls.ts'

/** isobench's instruments: a new one is a file and a line here. */
export const instruments: Readonly<Record<Name, Instrument>> = { functions, syscalls }
