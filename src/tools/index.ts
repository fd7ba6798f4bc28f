/**
 * `isobench/tools`: the measured tools. Each is an object with functions that create its commands and parse its output.
 * All functions are pure. A workload executes the commands in its guest.
 *
 * To add a tool, write a file and add it here.
 */
export * from './calls.ts'
export { type Command, command } from './command.ts'
export * from './ffmpeg.ts'
export * from './fio.ts'
export * from './iperf3.ts'
export * from './mariadb.ts'
export * from './mbw.ts'
export * from './memcached.ts'
export * from './memory.ts'
export * from './netperf.ts'
export { parseNumber, ToolOutputError } from './parse.ts'
export * from './periodic.ts'
export * from './pip.ts'
export { type SeedsBuild, seeds } from './seeds.ts'
export * from './sqlite.ts'
export * from './sysbench.ts'
export * from './test-suites.ts'
export * from './tinymembench.ts'
export * from './ycsb/index.ts'
