/**
 * `isobench/tools`: the measured tools. Each is an object with functions that build its commands and parse its output.
 * All are pure: nothing is run here, and a workload passes the commands to its guest.
 *
 * A new tool is one file beside this one and one line below.
 */
export { type Command, command } from './command.ts'
export { ffmpeg } from './ffmpeg.ts'
export { fio } from './fio.ts'
export { iperf3 } from './iperf3.ts'
export { mariadb } from './mariadb.ts'
export { mbw } from './mbw.ts'
export { memcached } from './memcached.ts'
export { memory } from './memory.ts'
export { netperf } from './netperf.ts'
export { ToolOutputError } from './parse.ts'
export { sysbench } from './sysbench.ts'
export { tinymembench } from './tinymembench.ts'
export { ycsb } from './ycsb/index.ts'
