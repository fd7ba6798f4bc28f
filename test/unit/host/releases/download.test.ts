import { execFileSync } from 'node:child_process'
import { existsSync, lstatSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer as createTlsServer } from 'node:https'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { which } from '../../../../src/host/packages.ts'
import { type DownloadOptions, type DownloadProgress, download } from '../../../../src/host/releases/download.ts'
import { DownloadError } from '../../../../src/host/releases/errors.ts'
import { explainNetwork } from '../../../../src/host/releases/network-errors.ts'
import { type Answer, sendFile, serve } from '../../../support/loopback.ts'

const step = 64 * 1024
/** A file of several steps, and no multiple of one. */
const bytes = Buffer.from(Array.from({ length: 3 * step + 777 }, (_, n) => (n * 31 + (n >> 8)) & 0xff))

let folder: string
let target: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'isobench-download-'))
  target = join(folder, 'file.part')
  for (const name of ['HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY']) {
    vi.stubEnv(name, undefined)
    vi.stubEnv(name.toLowerCase(), undefined)
  }
})
afterEach(() => {
  vi.unstubAllEnvs()
  rmSync(folder, { recursive: true })
})

const limits = { stall: 20_000, total: 60_000 }

async function fetchFrom(answer: Answer, options: Partial<DownloadOptions> = {}) {
  await using server = await serve(answer)
  const source = `${server.address}/release.tgz`
  const error = await download({ source, target, limits, ...options }).catch((thrown: unknown) => thrown)
  return { source, requests: server.requests, error: error as DownloadError | undefined }
}

const arrived = () => readFileSync(target)

describe('a download', () => {
  it('arrives whole, and reports how far it is', async () => {
    const progress: DownloadProgress[] = []
    const { error } = await fetchFrom(sendFile(bytes), { size: bytes.length, onProgress: (one) => progress.push(one) })
    expect(error).toBeUndefined()
    expect(arrived().equals(bytes)).toBe(true)
    expect(progress[0]).toEqual({ received: 0, total: bytes.length })
    expect(progress.at(-1)).toEqual({ received: bytes.length, total: bytes.length })
  })

  it.each(Array.from({ length: 4 }, (_, n) => n * step))(
    'continues at once if it is cut after %i bytes',
    async (cut) => {
      let connections = 0
      const { error, requests } = await fetchFrom((request, response) =>
        sendFile(bytes, connections++ === 0 ? cut : undefined)(request, response),
      )
      expect(error).toBeUndefined()
      expect(arrived().equals(bytes)).toBe(true)
      expect(requests).toHaveLength(2)
    },
  )

  it('gives up after three broken connections, and goes on with the next call', async () => {
    const { error, requests, source } = await fetchFrom(sendFile(bytes, 1000))
    expect(requests).toHaveLength(3)
    expect(error).toBeInstanceOf(DownloadError)
    expect(error?.message).toMatch(
      new RegExp(
        `^${source} cannot be downloaded: the server closed the connection\\.( [\\d,]+ bytes have arrived\\.)?$`,
      ),
    )
    expect(error?.fix).toMatch(/get .* in another way and pass its folder or mirror: isobench provision --from/)
    const kept = existsSync(target) ? arrived() : Buffer.alloc(0)
    expect(kept.equals(bytes.subarray(0, kept.length))).toBe(true)
    expect((await fetchFrom(sendFile(bytes))).error).toBeUndefined()
    expect(arrived().equals(bytes)).toBe(true)
  })

  it('continues an earlier one', async () => {
    writeFileSync(target, bytes.subarray(0, step))
    const { requests } = await fetchFrom(sendFile(bytes))
    expect(requests).toEqual([`GET /release.tgz bytes=${step}-`])
    expect(arrived().equals(bytes)).toBe(true)
  })

  it('starts again if the server ignores the range, or has less than arrived before', async () => {
    writeFileSync(target, bytes.subarray(0, step))
    const ignoring = await fetchFrom((_, response) => response.end(bytes))
    expect(ignoring.error).toBeUndefined()
    expect(arrived().equals(bytes)).toBe(true)
    writeFileSync(target, Buffer.concat([bytes, bytes]))
    const shorter = await fetchFrom(sendFile(bytes))
    expect(shorter.requests).toEqual([`GET /release.tgz bytes=${2 * bytes.length}-`, 'GET /release.tgz'])
    expect(arrived().equals(bytes)).toBe(true)
  })

  it('refuses a part that it did not ask for', async () => {
    writeFileSync(target, bytes.subarray(0, step))
    const { error, requests } = await fetchFrom((_, response) =>
      response.writeHead(206, { 'content-range': 'bytes 5-9/10' }).end('56789'),
    )
    expect(error?.message).toContain('the server sent another part of the file than asked')
    expect(requests).toEqual([`GET /release.tgz bytes=${step}-`, 'GET /release.tgz'])
    expect(existsSync(target)).toBe(false)
  })

  it('starts again if the server sends only a slice of the rest', async () => {
    writeFileSync(target, bytes.subarray(0, step))
    const { error } = await fetchFrom((request, response) => {
      if (request.headers.range === undefined) return sendFile(bytes)(request, response)
      const range = `bytes ${step}-${step + 9}/${bytes.length}`
      return response
        .writeHead(206, { 'content-range': range, 'content-length': 10 })
        .end(bytes.subarray(step, step + 10))
    })
    expect(error).toBeUndefined()
    expect(arrived().equals(bytes)).toBe(true)
  })

  it('follows redirects', async () => {
    const { error, requests } = await fetchFrom((request, response) => {
      if (request.url === '/real') sendFile(bytes)(request, response)
      else response.writeHead(302, { location: request.url === '/b' ? '/real' : 'b' }).end()
    })
    expect(error).toBeUndefined()
    expect(requests).toEqual(['GET /release.tgz', 'GET /b', 'GET /real'])
    expect(arrived().equals(bytes)).toBe(true)
  })

  it.each<[string, RegExp, Answer]>([
    [
      'a redirect loop',
      /redirects in a circle: .*\/b -> .*\/release\.tgz/,
      (request, response) => response.writeHead(301, { location: request.url === '/b' ? '/release.tgz' : '/b' }).end(),
    ],
    [
      'endless redirects',
      /redirects more than 10 times: .*\/release\.tgzx{9} -> .*x{10} -> .*x{11}\.$/,
      (request, response) => response.writeHead(307, { location: `${request.url}x` }).end(),
    ],
    [
      'a redirect to a file',
      /redirects to "file:\/\/\/etc\/passwd"/,
      (_, response) => response.writeHead(302, { location: 'file:///etc/passwd' }).end(),
    ],
    ['404', /the server answered 404 \(not found\)\.$/, (_, response) => response.writeHead(404).end('<html>')],
    ['500', /the server answered 500\.$/, (_, response) => response.writeHead(500).end()],
    [
      'a web page',
      /the server sent a web page instead of the file\. A proxy or a login page/,
      (_, response) => response.end('\n<!DOCTYPE html><html><body>Log in</body></html>'),
    ],
    [
      'a web page with a byte order mark and a comment',
      /the server sent a web page instead of the file/,
      (_, response) => response.end('\uFEFF<!-- error --><html></html>'),
    ],
    [
      'another size',
      /has 5 bytes, but the release has 197,385\.$/,
      (_, response) => response.writeHead(200, { 'content-length': 5 }).end('12345'),
    ],
  ])('ends with an error after %s, and keeps nothing', async (_, message, answer) => {
    const { error, source } = await fetchFrom(answer, { size: bytes.length })
    expect(error).toBeInstanceOf(DownloadError)
    expect(error?.message).toMatch(message)
    expect(error?.message.startsWith(source)).toBe(true)
    expect(error?.fix).toContain('--from <folder or URL>')
    expect(existsSync(target)).toBe(false)
  })

  it('ends if the server stops sending, or takes too long, and keeps what has arrived', async () => {
    const stalls: Answer = (_, response) => {
      response.writeHead(200, { 'content-length': bytes.length })
      response.write(bytes.subarray(0, step))
    }
    const stalled = await fetchFrom(stalls, { limits: { stall: 300, total: 60_000 } })
    expect(stalled.error?.message).toContain('the server sent nothing more for too long')
    expect(arrived().length).toBeGreaterThan(0)
    rmSync(target)
    const late = await fetchFrom(stalls, { limits: { stall: 60_000, total: 200 } })
    expect(late.error?.message).toContain('it took longer than 0.2 s')
    expect(late.error?.fix).toMatch(/^run the same command again/)
  })

  it('ends if nothing listens, or the host name is unknown', async () => {
    const closed = await serve(() => {})
    await closed[Symbol.asyncDispose]()
    for (const [source, why] of [
      [`${closed.address}/a`, 'the host refuses the connection'],
      ['http://isobench.invalid/a', /its host name (is unknown|cannot be looked up) \(is there a network\?\)\.$/],
    ] as const)
      await expect(download({ source, target, limits })).rejects.toThrow(why)
    expect(existsSync(target)).toBe(false)
  })

  it('refuses a part that does not go to the end of the file', async () => {
    const slice = (range: string): Answer => {
      return (_, response) =>
        response.writeHead(206, { 'content-range': range, 'content-length': 10 }).end('0123456789')
    }
    for (const range of ['bytes 0-9/100', 'bytes 0-10/11', 'bytes 0-/10', 'bytes */10', 'lines 0-9/10']) {
      const { error } = await fetchFrom(slice(range))
      expect(error?.message, range).toContain('the server sent another part of the file than asked')
      expect(existsSync(target)).toBe(false)
    }
    expect((await fetchFrom(slice('bytes 0-9/10'))).error).toBeUndefined()
  })

  it('ends at the size of the release, or at a limit, if the server sends more', async () => {
    const endless: Answer = (_, response) => {
      const more = () => response.destroyed || response.write(bytes, () => setImmediate(more))
      more()
    }
    const sized = await fetchFrom(endless, { size: 1000 })
    expect(sized.error?.message).toContain('the server sent more than 1,000 bytes, the size of the release.')
    const unsized = await fetchFrom(endless, { limits: { ...limits, bytes: 300_000 } })
    expect(unsized.error?.message).toContain('the server sent more than 300,000 bytes, more than any release has.')
    const announced = await fetchFrom(sendFile(bytes), { limits: { ...limits, bytes: 1000 } })
    expect(announced.error?.message).toContain('the server sent more than 1,000 bytes, more than any release has.')
    expect(existsSync(target)).toBe(false)
  })

  it('names the file, its size and another folder if the disk is full', async () => {
    expect(lstatSync('/dev/full').isCharacterDevice()).toBe(true)
    // A link, because a connection that breaks removes an empty target, and root could remove the host's device.
    symlinkSync('/dev/full', target)
    const { error, source } = await fetchFrom(sendFile(bytes))
    expect(error).toMatchObject({
      code: 'ISOBENCH_WRITE',
      message: `${target} cannot be written: the disk is full. ${source} has 1 MiB.`,
      fix: expect.stringMatching(/^free space on the disk of .*; or set ISOBENCH_CACHE to/),
    })
  })

  it('does not begin if the disk is too small for what the server announces', async () => {
    const huge: Answer = (_, response) => {
      response.writeHead(200, { 'content-length': 1e15 })
      response.write(bytes)
    }
    const { error } = await fetchFrom(huge, { limits: { ...limits, bytes: 1e16 } })
    expect(error?.code).toBe('ISOBENCH_WRITE')
    expect(error?.message).toMatch(/isobench-download-\w+ has [\d,]+ MiB left, but http:\S+ has 953,674,317 MiB\.$/)
    expect(existsSync(target) ? arrived() : Buffer.alloc(0)).toHaveLength(0)
  })

  it('can be interrupted, and keeps what has arrived', async () => {
    const controller = new AbortController()
    const { error } = await fetchFrom(
      (_, response) => {
        response.writeHead(200, { 'content-length': bytes.length })
        response.write(bytes.subarray(0, step))
      },
      { signal: controller.signal, onProgress: ({ received }) => received > 0 && controller.abort() },
    )
    expect(error?.code).toBe('ISOBENCH_INTERRUPTED')
    expect(arrived().length).toBeGreaterThan(0)
  })
})

describe('a proxy', () => {
  /** A proxy that connects every tunnel to the loopback address. */
  async function startProxy() {
    const asked: string[] = []
    const server = createServer((client) => {
      client.once('data', (head) => {
        const [, host = '', port = ''] = /^CONNECT ([\w.]+):(\d+) /.exec(head.toString()) ?? []
        asked.push(host)
        const upstream = connect(Number(port), '127.0.0.1', () => {
          client.write('HTTP/1.1 200 OK\r\n\r\n')
          client.pipe(upstream).pipe(client)
        })
        upstream.on('error', () => client.destroy())
      })
      client.on('error', () => {})
    })
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
    const { port } = server.address() as { port: number }
    return { asked, address: `http://127.0.0.1:${port}`, [Symbol.dispose]: () => server.close() }
  }

  it('is used if the environment names one, except for the hosts of NO_PROXY', async () => {
    using proxy = await startProxy()
    vi.stubEnv('http_proxy', proxy.address)
    await using server = await serve(sendFile(bytes))
    const port = new URL(server.address).port
    await download({ source: `http://releases.invalid:${port}/a`, target, limits })
    expect(arrived().equals(bytes)).toBe(true)
    expect(proxy.asked).toEqual(['releases.invalid'])
    vi.stubEnv('no_proxy', '127.0.0.1')
    rmSync(target)
    await download({ source: `${server.address}/a`, target, limits })
    expect(proxy.asked).toHaveLength(1)
  })
})

describe('a proxy for http', () => {
  it.each([undefined, ''])('is not used for https, if https_proxy is %j', async (value) => {
    const closed = await serve(() => {})
    await closed[Symbol.asyncDispose]()
    vi.stubEnv('http_proxy', 'http://proxy.invalid:3128')
    vi.stubEnv('https_proxy', value)
    const source = closed.address.replace('http:', 'https:')
    await expect(download({ source, target, limits })).rejects.toThrow(
      `${source} cannot be downloaded: the host refuses the connection.`,
    )
  })
})

describe('a proxy that fails', () => {
  const source = 'https://user:secret@releases.invalid/a'
  const failure = () =>
    download({ source, target, limits }).then(undefined, (thrown: unknown) => thrown as DownloadError)

  it.each(['HTTPS_PROXY', 'https_proxy'])('is named with its variable %s, and without its password', async (name) => {
    const closed = await serve(() => {})
    await closed[Symbol.asyncDispose]()
    vi.stubEnv(name, closed.address.replace('//', '//me:hidden@'))
    const error = await failure()
    expect(error?.message).toBe(
      'https://***@releases.invalid/a cannot be downloaded: ' +
        `the proxy ${closed.address} of ${name} cannot be reached: the host refuses the connection.`,
    )
    expect(error?.fix).toMatch(new RegExp(`^correct ${name}, or add the host to NO_PROXY; or get `))
    expect(`${error?.message}${error?.fix}`).not.toMatch(/secret|hidden/)
  })

  it('may refuse to connect', async () => {
    await using refusing = createServer((client) => {
      client.once('data', () => client.end('HTTP/1.1 403 Forbidden\r\n\r\n'))
      client.on('error', () => {})
    })
    await new Promise<void>((listening) => refusing.listen(0, '127.0.0.1', listening))
    // Without a scheme, as curl takes it.
    const host = `127.0.0.1:${(refusing.address() as { readonly port: number }).port}`
    vi.stubEnv('HTTPS_PROXY', host)
    expect((await failure())?.message).toMatch(new RegExp(`the proxy http://${host} of HTTPS_PROXY answered 403`))
  })

  it.each(['not an address', 'ftp://me:hidden@proxy', 'http://'])('may be no address: %s', async (value) => {
    vi.stubEnv('HTTPS_PROXY', value)
    const error = await failure()
    expect(error?.code).toBe('ISOBENCH_USAGE')
    expect(error?.message).toContain('the variable HTTPS_PROXY is not the address of a proxy')
    expect(error?.message).not.toContain('hidden')
    expect(error?.fix).toContain('HTTPS_PROXY=http://proxy.example.org:3128')
  })
})

it('the password of a mirror reaches its host, and no message', async () => {
  const sent: unknown[] = []
  await using server = await serve((request, response) => {
    sent.push(request.headers.authorization)
    response.writeHead(404).end()
  })
  const source = `${server.address.replace('//', '//user:s%3Acret@')}/release.tgz`
  await expect(download({ source, target, limits })).rejects.toThrow(
    `${server.address.replace('//', '//***@')}/release.tgz: the server answered 404 (not found).`,
  )
  expect(sent).toEqual([`Basic ${Buffer.from('user:s:cret').toString('base64')}`])
})

it('a password may have a "%"', async () => {
  const sent: unknown[] = []
  await using server = await serve((request, response) => {
    sent.push(request.headers.authorization)
    sendFile(bytes)(request, response)
  })
  await download({ source: `${server.address.replace('//', '//user:100%@')}/a`, target, limits })
  expect(sent).toEqual([`Basic ${Buffer.from('user:100%').toString('base64')}`])
})

it('a redirect takes the password to the same origin, and to no other one', async () => {
  const sent: string[] = []
  const record = (name: string, answer: Answer): Answer => {
    return (request, response) => {
      sent.push(`${name}${request.url} ${request.headers.authorization ?? 'nobody'}`)
      answer(request, response)
    }
  }
  await using other = await serve(record('other', sendFile(bytes)))
  await using server = await serve(
    record('mirror', (request, response) => {
      const location = request.url === '/a' ? `http://${request.headers.host}/b` : `${other.address}/c`
      response.writeHead(302, { location }).end()
    }),
  )
  await download({ source: `${server.address.replace('//', '//user:secret@')}/a`, target, limits })
  const user = `Basic ${Buffer.from('user:secret').toString('base64')}`
  expect(sent).toEqual([`mirror/a ${user}`, `mirror/b ${user}`, 'other/c nobody'])
  expect(arrived().equals(bytes)).toBe(true)
})

describe('a server with TLS', () => {
  it.runIf(which('openssl'))('must have a certificate that Node.js can verify', async () => {
    const [key, cert] = ['key.pem', 'cert.pem'].map((name) => join(folder, name)) as [string, string]
    const argv = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '1']
    execFileSync('openssl', [...argv, '-subj', '/CN=isobench', '-keyout', key, '-out', cert], { stdio: 'ignore' })
    const server = createTlsServer({ key: readFileSync(key), cert: readFileSync(cert) }, (_, response) =>
      response.end(),
    )
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
    const source = `https://127.0.0.1:${(server.address() as { readonly port: number }).port}/a`
    const error = await download({ source, target, limits }).catch((thrown: unknown) => thrown as DownloadError)
    server.close()
    expect(error?.message).toBe(`${source} cannot be downloaded: Node.js does not know who signed its certificate.`)
    expect(error?.fix).toMatch(/NODE_EXTRA_CA_CERTS=.*; or get /)
    expect(existsSync(target)).toBe(false)
  })

  it.each([
    ['CERT_HAS_EXPIRED', /expired/],
    ['ERR_TLS_CERT_ALTNAME_INVALID', /that of another host/],
    ['SELF_SIGNED_CERT_IN_CHAIN', /who signed/],
  ])('may have another certificate: %s', (code, why) => {
    const error = Object.assign(new TypeError('fetch failed'), { cause: Object.assign(new Error('no'), { code }) })
    expect(explainNetwork(error, undefined).why).toMatch(why)
  })
})

describe('a folder', () => {
  it('serves a file, which is copied', async () => {
    const source = join(folder, 'release.tgz')
    writeFileSync(source, bytes)
    writeFileSync(target, 'of an earlier download')
    await download({ source, target, size: bytes.length })
    expect(arrived().equals(bytes)).toBe(true)
    await expect(download({ source, target, size: 5 })).rejects.toThrow('but the release has 5.')
  })

  it('must have the file', async () => {
    await expect(download({ source: join(folder, 'absent'), target })).rejects.toThrow(
      `there is no file ${join(folder, 'absent')}.`,
    )
    writeFileSync(join(folder, 'file'), '')
    await expect(download({ source: join(folder, 'file/release.tgz'), target })).rejects.toThrow('there is no file')
    await expect(download({ source: folder, target })).rejects.toThrow(`${folder} is not a file.`)
  })

  it('names the official address if the file of the mirror is wrong', async () => {
    const source = join(folder, 'release.tgz')
    writeFileSync(source, bytes)
    const error = await download({ source, target, official: 'https://a.example/release.tgz', size: 5 }).catch(
      (thrown: unknown) => thrown as DownloadError,
    )
    expect(error?.fix).toMatch(/^get https:\/\/a\.example\/release\.tgz in another way/)
  })
})
