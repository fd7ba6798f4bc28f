import { describe, expect, it } from 'vitest'
import { ffmpeg } from '../../../src/tools/ffmpeg.ts'
import { expectNoTruncatedFigure, expectRefusals, fixture } from './fixtures.ts'

const encode = fixture('ffmpeg-7.1.5-encode.txt')

describe('ffmpeg', () => {
  it('makes a clip', () => {
    expect(ffmpeg.makeClip({ output: '/tmp/c.mp4', width: 640, height: 360, seconds: 2 }).argv.join(' ')).toBe(
      'ffmpeg -hide_banner -nostdin -loglevel error -y -f lavfi -i testsrc2=size=640x360:rate=24:duration=2 ' +
        '-c:v libx264 -preset veryfast -pix_fmt yuv420p -fflags +bitexact -flags:v +bitexact -f mp4 /tmp/c.mp4',
    )
  })

  it('encodes it', () => {
    expect(ffmpeg.encode({ input: '/tmp/c.mp4', threads: 2 }).argv.join(' ')).toBe(
      'ffmpeg -hide_banner -nostdin -nostats -loglevel level+info -benchmark -threads 2 -i /tmp/c.mp4 ' +
        '-c:v libx265 -preset slower -threads 2 -x265-params pools=2:log-level=warning -an -f null -',
    )
    expect(() => ffmpeg.encode({ input: 'c', threads: 17 })).toThrow(TypeError)
  })

  it('reads times and frames', () => {
    expect(ffmpeg.parse(encode)).toEqual({ userSeconds: 0.124, systemSeconds: 0.024, wallSeconds: 0.164, frames: 24 })
  })

  it.each([
    ['5.1.9', 0.317, 0.036, 1.926],
    ['9.0.2', 0.349, 0.014, 1.336],
  ])('reads those of %s', (version, userSeconds, systemSeconds, wallSeconds) => {
    const report = fixture(`ffmpeg-${version}-encode.txt`)
    expect(ffmpeg.parse(report)).toEqual({ userSeconds, systemSeconds, wallSeconds, frames: 24 })
    expectNoTruncatedFigure(report, ffmpeg.parse)
  })

  it('reads them with the level of each message', () => {
    const levels = fixture('ffmpeg-7.1.5-levels.txt')
    expect(ffmpeg.parse(levels)).toEqual({ userSeconds: 0.07, systemSeconds: 0.012, wallSeconds: 0.234, frames: 48 })
    expectNoTruncatedFigure(levels, ffmpeg.parse)
    expectRefusals(levels, '0.234', ffmpeg.parse)
  })

  it('refuses the report of a damaged clip, with which ffmpeg exits with 0', () => {
    const damaged = fixture('ffmpeg-7.1.5-damaged.txt')
    expect(() => ffmpeg.parse(damaged)).toThrow(/Invalid NAL unit size/)
    // Each message of the level error is enough, whatever its text.
    const anonymous = damaged
      .replace(/(\] \[error\] ).*/g, '$1Something')
      .replace(/.*(?:corrupt|concealing|decode=).*/g, '')
    expect(() => ffmpeg.parse(anonymous)).toThrow(/\[error\] Something/)
  })

  it('reads them after progress that ends in carriage returns', () => {
    const progress = encode.replace('frame=   24', 'frame=    3 fps=0.0 q=0.0 size=N/A\rframe=   24')
    expect(ffmpeg.parse(progress).frames).toBe(24)
  })

  it('refuses a run without input, or without frames', () => {
    expect(() => ffmpeg.parse(fixture('ffmpeg-7.1.5-no-input.txt'))).toThrow(/No such file/)
    expect(() => ffmpeg.parse(encode.replace('frame=   24', 'frame=    0'))).toThrow('no frame was encoded')
  })

  it('reads no part of a report, and nothing else', () => {
    expectNoTruncatedFigure(encode, ffmpeg.parse)
    expectRefusals(encode, '0.164', ffmpeg.parse)
    expectRefusals(encode, '   24 fps', ffmpeg.parse)
  })
})
