/**
 * `isobench/tools`: the measured tools. Each is an object with functions that create its commands and parse its output.
 * All functions are pure. A workload executes the commands in its guest.
 *
 * To add a tool, write a file and add it here.
 */
export { type CallName, calls } from './calls.ts'
export { type Command, command } from './command.ts'
export { ffmpeg } from './ffmpeg.ts'
export { fio } from './fio.ts'
export { iperf3 } from './iperf3.ts'
export { mariadb } from './mariadb.ts'
export { mbw } from './mbw.ts'
export { memcached } from './memcached.ts'
export { memory } from './memory.ts'
export { netperf } from './netperf.ts'
export { parseNumber, ToolOutputError } from './parse.ts'
export { periodic } from './periodic.ts'
export { pip } from './pip.ts'
export { seeds } from './seeds.ts'
export { sqlite } from './sqlite.ts'
export { sysbench } from './sysbench.ts'
export { nodeTests, pythonTests } from './test-suites.ts'
export { tinymembench } from './tinymembench.ts'
export { ycsb } from './ycsb/index.ts'
