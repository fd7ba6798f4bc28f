import { expect, it } from 'vitest'
import { describeFailure } from '../../../src/commands/errors.ts'
import { HostError, InterruptedError, UsageError } from '../../../src/util/errors.ts'

/** Fails in a block and in its clean-up, as the bundle throws it. */
async function failTwice(first: Error): Promise<unknown> {
  try {
    await using _resource = {
      [Symbol.asyncDispose]: () => Promise.reject(new HostError('/mnt/x still has mounts.', 'unmount them')),
    }
    throw first
  } catch (error) {
    return error
  }
}

const later = 'error  /mnt/x still has mounts. (ISOBENCH_HOST)\n       fix: unmount them\n'

it('names the error of a command before that of its clean-up', async () => {
  const error = await failTwice(new UsageError('no release is named.', 'name one'))
  expect(describeFailure(error, false)).toEqual({
    text: `error  no release is named. (ISOBENCH_USAGE)\n       fix: name one\n${later}`,
    exitCode: 5,
  })
})

it('does not state that all is released if the clean-up failed', async () => {
  const error = await failTwice(new InterruptedError('interrupted'))
  expect(describeFailure(error, false)).toEqual({ text: `interrupted.\n${later}`, exitCode: 130 })
})
