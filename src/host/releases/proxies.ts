/** The proxies that the environment names. */

import type { Dispatcher } from 'undici'
import { UsageError } from '../../util/errors.ts'
import { maskCredentials } from '../../util/text.ts'

/** A proxy of the environment. */
export interface HostProxy {
  /** The variable that names it, as the user wrote it: `HTTPS_PROXY` or `https_proxy`. */
  readonly variable: string
  /** With its password. */
  readonly url: URL
}

/** Connects to hosts through the proxies of the environment. */
export interface ProxiedConnections extends AsyncDisposable {
  /** @param address `http:` or `https:` */
  dispatcherFor(address: string): Dispatcher
  /** The proxy that was asked for a connection since the last `forget`. */
  used(): HostProxy | undefined
  forget(): void
}

const protocols: ReadonlySet<string> = new Set(['http:', 'https:', 'socks:', 'socks5:'])

/**
 * Reads the proxy for a scheme. As in curl, `proxy.corp:3128` is an http proxy, and an empty variable is none.
 * @throws {UsageError} if the variable has no valid address
 */
function proxyFor(scheme: 'http' | 'https'): HostProxy | undefined {
  const names = [`${scheme}_proxy`, `${scheme.toUpperCase()}_PROXY`]
  const variable = names.find((name) => process.env[name] !== undefined)
  const value = process.env[variable ?? '']?.trim() ?? ''
  if (variable === undefined || value === '') return undefined
  const text = /^[a-z][a-z\d+.-]*:\/\//i.test(value) ? value : `http://${value}`
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url && protocols.has(url.protocol)) return { variable, url }
  throw new UsageError(
    `the variable ${variable} is not the address of a proxy: "${maskCredentials(value)}".`,
    `set it as ${variable}=http://proxy.example.org:3128, or unset it`,
  )
}

/**
 * Opens connections through HTTPS_PROXY and HTTP_PROXY, except to the hosts of NO_PROXY.
 * @param stall milliseconds that a server may take to connect, to answer and between two parts
 * @throws {UsageError} if a variable has no valid address
 */
export async function proxiedConnections(stall: number): Promise<ProxiedConnections> {
  const [https, http] = [proxyFor('https'), proxyFor('http')]
  const { EnvHttpProxyAgent, Pool } = await import('undici')
  let used: HostProxy | undefined
  class ProxyPool extends Pool {
    #proxy: HostProxy | undefined

    constructor(url: URL, options: object) {
      super(url.origin, options)
      this.#proxy = [https, http].find((one) => one?.url.href === url.href)
    }

    override dispatch(...call: Parameters<Dispatcher['dispatch']>): boolean {
      used = this.#proxy
      return super.dispatch(...call)
    }
  }
  // One for each scheme, because an EnvHttpProxyAgent without a proxy for https would use that for http.
  const agentWith = (proxies: { readonly httpProxy: string; readonly httpsProxy: string }) =>
    new EnvHttpProxyAgent({
      headersTimeout: stall,
      bodyTimeout: stall,
      connect: { timeout: stall },
      ...proxies,
      clientFactory: (url, options) => new ProxyPool(url, options),
    })
  const [secure, plain] = [
    agentWith({ httpProxy: '', httpsProxy: https?.url.href ?? '' }),
    agentWith({ httpProxy: http?.url.href ?? '', httpsProxy: '' }),
  ]
  return {
    dispatcherFor: (address) => (address.startsWith('https:') ? secure : plain),
    used: () => used,
    forget: () => {
      used = undefined
    },
    [Symbol.asyncDispose]: async () => {
      await Promise.all([secure.destroy(), plain.destroy()])
    },
  }
}
