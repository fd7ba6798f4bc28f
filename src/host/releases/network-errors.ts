/** What errors of HTTP servers, proxies and the network mean. */

import { messageOf } from '../../util/errors.ts'
import { maskCredentials } from '../../util/text.ts'
import type { HostProxy } from './proxies.ts'

const statusTexts: Readonly<Record<number, string>> = {
  401: '401 (unauthorized)',
  403: '403 (forbidden)',
  404: '404 (not found)',
  407: '407 (the proxy asks for a password)',
  429: '429 (too many requests)',
  503: '503 (unavailable)',
}

/** Describes a status of HTTP: `404 (not found)`. */
export const statusText = (code: number): string => statusTexts[code] ?? String(code)

/** What errors of the network mean. */
const networkProblems: Readonly<Record<string, string>> = {
  ENOTFOUND: 'its host name is unknown (is there a network?)',
  EAI_AGAIN: 'its host name cannot be looked up (is there a network?)',
  ECONNREFUSED: 'the host refuses the connection',
  ENETUNREACH: 'there is no network',
  EHOSTUNREACH: 'there is no route to the host',
  ECONNRESET: 'the server closed the connection',
  UND_ERR_SOCKET: 'the server closed the connection',
  ETIMEDOUT: 'the host does not answer',
  UND_ERR_CONNECT_TIMEOUT: 'the host does not answer',
  UND_ERR_HEADERS_TIMEOUT: 'the server does not answer',
  UND_ERR_BODY_TIMEOUT: 'the server sent nothing more for too long',
  CERT_HAS_EXPIRED: 'its certificate has expired (is the clock of this host right?)',
  CERT_NOT_YET_VALID: 'its certificate is not valid yet (is the clock of this host right?)',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is that of another host',
}

/** OpenSSL's codes for a certificate that no known authority signed. */
const unknownSigner: ReadonlySet<string> = new Set([
  ...['SELF_SIGNED_CERT_IN_CHAIN', 'DEPTH_ZERO_SELF_SIGNED_CERT', 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'],
  ...['UNABLE_TO_GET_ISSUER_CERT', 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY'],
])

/** Node.js does not read the certificates of the host, where the authority of a company usually is. */
const certificateFix =
  'if this network has a certificate authority of the company, name the file of its certificate: ' +
  'NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt'

/** The code of an error, of its cause, or of the first error of several. */
function codeOf(error: unknown): string {
  const { code, cause } = error as NodeJS.ErrnoException & { readonly cause?: NodeJS.ErrnoException }
  const inner = error instanceof AggregateError ? (error.errors[0] as NodeJS.ErrnoException | undefined) : undefined
  const codes = [code, cause?.code, inner?.code].filter((one) => one !== undefined)
  return codes.find((one) => Object.hasOwn(networkProblems, one)) ?? codes[0] ?? ''
}

/** Whether a connection broke, so that another try can continue. */
export const isBroken = (error: unknown): boolean => ['ECONNRESET', 'UND_ERR_SOCKET'].includes(codeOf(error))

/** Codes of connections that were not made. With a proxy, it is the connection to the proxy. */
const noConnection: ReadonlySet<string> = new Set([
  ...['ENOTFOUND', 'EAI_AGAIN', 'ECONNREFUSED', 'ENETUNREACH', 'EHOSTUNREACH', 'ETIMEDOUT', 'UND_ERR_CONNECT_TIMEOUT'],
])

/** What is wrong with the proxy. Undefined if the proxy is not the cause. */
function proxyProblem(error: unknown, proxy: HostProxy | undefined): string | undefined {
  if (!proxy) return undefined
  const name = `the proxy ${maskCredentials(proxy.url.origin)} of ${proxy.variable}`
  // undici has no code for it.
  const status = /^Proxy response \((\d+)\)/.exec(messageOf(error))?.[1]
  if (status !== undefined) return `${name} answered ${statusText(Number(status))}`
  const code = codeOf(error)
  return noConnection.has(code) ? `${name} cannot be reached: ${networkProblems[code]}` : undefined
}

/**
 * Explains why a request failed, and how to fix it if isobench knows that.
 * @param proxy that was asked for the connection
 */
export function explainNetwork(
  error: unknown,
  proxy: HostProxy | undefined,
): { readonly why: string; readonly fix?: string } {
  const ofProxy = proxyProblem(error, proxy)
  if (ofProxy !== undefined) return { why: ofProxy, fix: `correct ${proxy?.variable}, or add the host to NO_PROXY` }
  const code = codeOf(error)
  if (unknownSigner.has(code)) return { why: 'Node.js does not know who signed its certificate', fix: certificateFix }
  return { why: networkProblems[code] ?? messageOf(error) }
}
