import { type Command, command, refuseOthers, requireCount } from './command.ts'
import { above0, labelledNumber, ToolOutputError, toNumber } from './parse.ts'

/**
 * ffmpeg: H.264 to H.265 encoding, the paper's multi-threaded CPU load. Debian package `ffmpeg` (5.1, 7.1, 9.0).
 * Format: with `-benchmark` the last lines of stderr are `bench: utime=1.253s stime=0.016s rtime=1.244s` and
 * `bench: maxrss=…` (fftools/ffmpeg.c), at log level `info` and no lower. With `level+info`, a message begins with its
 * level, as in `[info] bench: …` and `[dec:h264 @ 0x55] [error] …` (libavutil/log.c).
 */

export interface FfmpegClip {
  /** Path of the clip, an `.mp4`. */
  output: string
  /** Pixels. */
  width: number
  /** Pixels. */
  height: number
  seconds: number
  /** Frames per second. Default: 24. */
  rate?: number
}

/** An encoding with x265. */
export interface FfmpegEncode {
  input: string
  /** Number of times to encode the input, concatenated to one video. Default: 1. */
  times?: number
  /** x265 preset. Default: the paper's `slower`. */
  preset?: 'ultrafast' | 'superfast' | 'veryfast' | 'faster' | 'fast' | 'medium' | 'slow' | 'slower' | 'veryslow'
  /** Threads of the decoder and of x265's pool, and frames that x265 encodes at a time; 1 to 16. */
  threads: number
}

/** What ffmpeg and `time` report of an encoding. */
export interface FfmpegResult {
  /** CPU time in user mode and in the kernel, as the guest's kernel accounts for it. */
  userSeconds: number
  systemSeconds: number
  /** Wall-clock time by the guest's clock. Compare platforms by the host's time of the command instead. */
  wallSeconds: number
  /** Number of encoded frames, at least 1. */
  frames: number
}

/**
 * The clips in the image, created by {@link ffmpeg.makeClip} when the image is built, so that every guest encodes the
 * same bytes. The paper's clip is 30 MB of 1080p for 16 CPUs. `large` is 1.8 MB, for each CPU.
 */
const clips = {
  small: { output: '/usr/local/share/isobench/320x180.mp4', width: 320, height: 180, seconds: 2, rate: 24 },
  large: { output: '/usr/local/share/isobench/1920x1080.mp4', width: 1920, height: 1080, seconds: 3, rate: 24 },
} as const satisfies Record<string, FfmpegClip>

const TOOL = 'ffmpeg'
const SECONDS = '(\\S+?)s'
const BENCH = new RegExp(`^bench: utime=${SECONDS} stime=${SECONDS} rtime=${SECONDS}$`)
const INFO = /^\[info\] /

/**
 * Lines of a run that did not encode every frame of its input as it is: every message of the level `error` or above,
 * warnings of libavcodec's decoders, the counters of the summary (fftools/ffmpeg.c), and the signal handler. A message
 * may lack its level if another thread has not ended its line, so the texts count too.
 */
const problems = [
  /(?:^|\] )\[(?:error|fatal|panic)\] /,
  /error while decoding|corrupt|concealing \d+|non-existing PPS|missing picture|Invalid data found/i,
  /Error (?:while|during|submitting|sending|decoding|encoding|muxing|writing|processing|signalling|initializing)\b/i,
  /Decoding error:|Decode error rate/,
  /Conversion failed|Exiting normally, received signal/i,
  // Messages of libavcodec's H.264 decoder, of libavformat's demuxer, of x265 and of ffmpeg's threads.
  /Invalid NAL unit|no frame!|unavailable for requested|partial file|with return code -\d+/,
  // Guests that may not bind memory to a NUMA node encode all the same (x265's threadpool.cpp).
  /x265 \[error\](?!: (?:unable to set thread affinity for NUMA node mask|Failed to genrate CPU mask)$)/,
  /\b(?:dup|drop)=(?!0\b)\d+/,
]

/** The commands of FFmpeg, and the parsers of their output. */
export const ffmpeg = {
  clips,

  /** Creates an H.264 clip from ffmpeg's test pattern. Run it once, not on every platform. */
  makeClip({ output, width, height, seconds, rate = 24, ...others }: FfmpegClip): Command {
    refuseOthers('ffmpeg.makeClip()', others)
    const size = `${requireCount('width', width, 2)}x${requireCount('height', height, 2)}`
    const length = `rate=${requireCount('rate', rate)}:duration=${requireCount('seconds', seconds)}`
    const pattern = `testsrc2=size=${size}:${length}`
    const codec = ['-c:v', 'libx264', '-preset', 'veryfast', '-pix_fmt', 'yuv420p']
    const repeatable = ['-fflags', '+bitexact', '-flags:v', '+bitexact']
    const quiet = ['-hide_banner', '-nostdin', '-loglevel', 'error', '-y']
    return command(TOOL, ...quiet, '-f', 'lavfi', '-i', pattern, ...codec, ...repeatable, '-f', 'mp4', output)
  },

  /** Encodes to H.265 and discards the result, so that only decoding and encoding are measured. Reports on stderr. */
  encode({ input, times = 1, preset = 'slower', threads, ...others }: FfmpegEncode): Command {
    refuseOthers('ffmpeg.encode()', others)
    if (requireCount('threads', threads) > 16)
      throw new TypeError(`x265 takes at most 16 frame threads, not ${threads}.`)
    const quiet = ['-hide_banner', '-nostdin', '-nostats', '-loglevel', 'level+info', '-benchmark']
    const codec = ['-c:v', 'libx265', '-preset', preset, '-threads', threads, '-x265-params']
    const pool = `pools=${threads}:log-level=warning`
    const loop = requireCount('times', times) === 1 ? [] : ['-stream_loop', times - 1]
    return command(TOOL, ...quiet, '-threads', threads, ...loop, '-i', input, ...codec, pool, '-an', '-f', 'null', '-')
  },

  /**
   * @param stderr stderr of `encode`, where ffmpeg prints all messages
   * @throws {ToolOutputError} unless it contains exactly one complete summary and bench line, and frames were encoded,
   * or if frames were dropped, duplicated or damaged, or a signal ended the run. ffmpeg continues after a frame that it
   * cannot decode, and exits with 0.
   */
  parse(stderr: string): FfmpegResult {
    // Progress lines end with a carriage return, so they may share a line with the following text.
    const lines = stderr.split(/\r?\n|\r/).map((line) => line.replace(INFO, ''))
    const fields = lines.flatMap((line) => BENCH.exec(line) ?? []).slice(1)
    if (fields.length !== 3) throw new ToolOutputError(TOOL, 'not one complete "bench: utime=…" line', stderr)
    const [userSeconds, systemSeconds, wallSeconds] = fields.map((text) => toNumber(TOOL, stderr, 'bench', text)) as [
      number,
      number,
      number,
    ]
    for (const line of lines) {
      if (problems.some((problem) => problem.test(line))) throw new ToolOutputError(TOOL, line.trim(), stderr)
    }
    const frames = labelledNumber(TOOL, lines.join('\n'), 'frame', /fps=.* time=.* bitrate=.* speed=.*\s*/)
    if (frames === 0) throw new ToolOutputError(TOOL, 'no frame was encoded', stderr)
    return { userSeconds, systemSeconds, wallSeconds: above0(TOOL, stderr, 'rtime', wallSeconds), frames }
  },
}
