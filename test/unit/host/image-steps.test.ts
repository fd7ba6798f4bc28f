import { describe, expect, it } from 'vitest'
import { buildSteps } from '../../../src/host/image-steps.ts'

describe('buildSteps', () => {
  it('returns each step once, with the time since the start, and no line of the log', () => {
    let now = 5000
    const step = buildSteps(3, () => now)
    const lines = [
      "I: chroot architecture amd64 is equal to the host's architecture",
      'I: running apt-get update...',
      'done',
      'I: downloading packages with apt...',
      'I: extracting archives...',
      'I: installing essential packages...',
      'I: installing remaining packages inside the chroot...',
      'Selecting previously unselected package fio.',
      'I: running --customize-hook in shell: sh -c \'chroot "$1" gcc\' exec /tmp/x',
      'I: running --customize-hook in shell: sh -c \'chroot "$1" dd\' exec /tmp/x',
      'I: cleaning package lists and apt cache...',
      'I: success in 58.5 seconds',
    ]
    const shown = lines.map((line) => {
      now += 4000
      return step(line)
    })
    expect(shown.filter((text) => text !== undefined)).toEqual([
      '1/7 reading the package lists  8 s',
      '2/7 downloading the base system  16 s',
      '3/7 unpacking the base system  20 s',
      '4/7 installing the base system  24 s',
      '5/7 installing 3 packages and their dependencies  28 s',
      '6/7 compiling programs and creating input data  36 s',
      '7/7 removing what guests do not need  44 s',
    ])
  })
})
