import { once } from 'node:events'
import { connect } from 'node:net'
import { createInterface } from 'node:readline'
import { sanitizeLine } from '../../errors.ts'
import { VmmError } from '../../guest/vm/monitor-error.ts'

/**
 * Has QEMU execute one command through the QEMU Machine Protocol (docs/interop/qmp-spec in QEMU's sources).
 * @throws MonitorError when it refuses, or does not answer within 5 s.
 */
export async function qmp(path: string, command: 'stop' | 'cont'): Promise<void> {
  const socket = connect(path)
  const failed = (why: string) => new VmmError(`QEMU did not ${command}: ${sanitizeLine(why)}`)
  socket.setTimeout(5000, () => socket.destroy(failed('no answer within 5 s')))
  try {
    await once(socket, 'connect')
    const lines = createInterface({ input: socket })[Symbol.asyncIterator]()
    const next = async (): Promise<Record<string, unknown>> => {
      for (;;) {
        const { value, done } = await lines.next()
        if (done) throw socket.errored ?? failed('it ended')
        const message = JSON.parse(value) as Record<string, unknown>
        // Events come whenever they like.
        if (!('event' in message)) return message
      }
    }
    await next()
    for (const execute of ['qmp_capabilities', command]) {
      socket.write(`${JSON.stringify({ execute })}\n`)
      const answer = await next()
      if (!('return' in answer)) throw failed(JSON.stringify(answer))
    }
  } catch (error) {
    throw error instanceof VmmError ? error : failed(error instanceof Error ? error.message : String(error))
  } finally {
    socket.destroy()
  }
}
