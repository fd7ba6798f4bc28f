/** What a terminal shows after it got `text`: carriage returns, clearing of a line, and colours that take no room. */
export function screenOf(text: string): string[] {
  const lines: string[] = ['']
  let column = 0
  // biome-ignore lint/suspicious/noControlCharactersInRegex: it reads what a terminal is sent
  for (const [token] of text.matchAll(/\u001b\[[0-9;]*[A-Za-z]|[\s\S]/gu)) {
    const at = lines.length - 1
    if (token === '\n') {
      lines.push('')
      column = 0
    } else if (token === '\r') column = 0
    else if (token === '\u001b[2K') lines[at] = ''
    else if (token[0] !== '\u001b') {
      lines[at] = lines[at]!.slice(0, column).padEnd(column) + token + lines[at]!.slice(column + 1)
      column++
    }
  }
  return lines
}
